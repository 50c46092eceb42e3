from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import ktrdr as package
from ktrdr.errors import Problem, ServiceRefused
from ktrdr.settings import Settings
from serve.cli.main import app
from tests.fakes.client import FakeClient, not_found
from tests.fakes.machine import FakeMachine
from tests.serve.cli import recorded

ROOT = Path(__file__).parents[3]


def test_the_version_is_printed(ktrdr):
    assert ktrdr(["--version"]).out == f"ktrdr {package.__version__}\n"


@pytest.mark.parametrize(
    "line", [["models", "train"], ["models", "train", "x", "--no-such"], ["fly"], ["up", "--port", "0"]]
)
def test_a_wrong_command_line_is_exit_code_2_and_says_nothing_on_stdout(ktrdr, line):
    ran = ktrdr(line)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_every_problem_of_a_refusal_is_a_line_on_stderr_with_what_to_do(ktrdr):
    problems = (
        Problem("training.epochs", "must be at least 1, got 0", "Give 1 or more.", 12, 11),
        Problem("name", "bad."),
    )
    ran = ktrdr(["models", "list"], FakeClient(models=ServiceRefused(422, "Strategy error", "2 problems", problems)))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines() == [
        "Error: line 12, column 11: training.epochs: must be at least 1, got 0. Give 1 or more.",
        "Error: name: bad.",
    ]


def test_a_refusal_with_json_is_one_document_with_the_problems(ktrdr):
    refused = not_found("Operation", "operation_id", "List them with `ktrdr operations list`.")
    ran = ktrdr(["operations", "show", "train-x", "--json"], FakeClient(operation=refused))
    assert ran.code == 1
    assert json.loads(ran.out)["errors"][0]["path"] == "operation_id"
    assert "`.venv/bin/ktrdr operations list`" in ran.err


def test_without_a_service_a_command_says_how_to_start_one(ktrdr):
    ran = ktrdr(["operations", "list"], machine=FakeMachine())
    assert ran.code == 1
    assert "Start it with `.venv/bin/ktrdr up`" in ran.err


def test_a_file_of_this_machine_that_cannot_be_used_is_a_line(ktrdr, tmp_path):
    (tmp_path / "taken").write_text("a file where the home should be")
    ran = ktrdr(["up"], machine=FakeMachine(), settings_used=Settings(home=tmp_path / "taken"))
    assert ran.code == 1
    assert f"Error: {tmp_path / 'taken'}" in ran.err


@pytest.mark.parametrize(
    "group",
    [[], ["models"], ["models", "train"], ["operations"], ["strategies"], ["indicators"], ["data"], ["up"], ["status"]],
)
def test_every_command_has_help(group):
    shown = CliRunner().invoke(app, [*group, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_every_command_takes_json():
    def leaves(command):
        inner = getattr(command, "commands", None)
        return [command] if not inner else [leaf for each in inner.values() for leaf in leaves(each)]

    for command in leaves(typer.main.get_command(app)):
        assert any("--json" in parameter.opts for parameter in command.params), command.name


def test_the_program_starts_without_what_its_commands_import():
    heavy = ("httpx", "pandas", "torch", "ray", "fastapi", "sqlalchemy", "rich", "pydantic")
    code = f"import sys, serve.cli.main; print([name for name in {heavy!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_ctrl_c_is_exit_code_130(ktrdr):
    assert ktrdr(["models", "list"], FakeClient(models=KeyboardInterrupt())).code == 130


def test_a_command_ends_by_saying_what_to_do_next_with_the_real_id(ktrdr):
    ran = ktrdr(["operations", "show", recorded.OPERATION_ID], FakeClient(operation=recorded.operation("running")))
    assert f".venv/bin/ktrdr operations follow {recorded.OPERATION_ID}" in ran.out
