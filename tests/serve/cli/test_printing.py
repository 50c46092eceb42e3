from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from serve.cli.printing import Terminal, command_name, duration, shown


@pytest.fixture
def program(tmp_path, monkeypatch):
    path = tmp_path / ".venv" / "bin" / "ktrdr"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    return path


def test_a_program_below_here_is_called_by_its_relative_path(program):
    assert command_name(str(program)) == command_name(".venv/bin/ktrdr") == ".venv/bin/ktrdr"


def test_a_program_on_the_path_is_called_by_its_name(program, monkeypatch):
    monkeypatch.setenv("PATH", str(program.parent))
    assert command_name(str(program)) == "ktrdr"


def test_a_program_that_the_path_hides_behind_another_is_called_by_its_path(program, monkeypatch, tmp_path):
    other = tmp_path / "other" / "ktrdr"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}{os.pathsep}{program.parent}")
    assert command_name(str(program)) == ".venv/bin/ktrdr"


def test_a_program_elsewhere_is_called_by_its_whole_path(program, monkeypatch, tmp_path):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert command_name(str(program)) == str(program)


def test_a_program_in_this_very_folder_is_called_with_a_dot(program, monkeypatch):
    monkeypatch.chdir(program.parent)
    assert command_name("./ktrdr") == "./ktrdr"


def test_run_as_a_module_it_is_called_as_a_module():
    assert command_name("/x/serve/cli/main.py").endswith(f"{Path(sys.executable).name} -m serve.cli.main")


def test_commands_in_backticks_become_typeable(capsys):
    Terminal(program=".venv/bin/ktrdr", is_terminal=False).say("See `ktrdr models list` of ktrdr.")
    assert capsys.readouterr().out == "See `.venv/bin/ktrdr models list` of ktrdr.\n"


def test_lines_are_never_wrapped_and_brackets_are_no_markup(capsys):
    line = "[red]" + "x" * 300 + " :smile: [/red]"
    Terminal(program="ktrdr", is_terminal=False).say(line)
    assert capsys.readouterr().out == line + "\n"


def test_with_json_only_the_document_goes_to_stdout(capsys):
    terminal = Terminal(program="ktrdr", is_terminal=True)
    terminal.as_json = True
    terminal.say("words")
    terminal.table(["a"], [[1]])
    terminal.next_steps(("see", "models list"))
    terminal.document({"a": 1})
    assert capsys.readouterr().out == '{\n  "a": 1\n}\n'


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.5, "0.5000"), (True, "yes"), (["a", "b"], "a, b"), (0, "0"), ("", "-")]
)
def test_values_as_tables_show_them(value, text):
    assert shown(value) == text
