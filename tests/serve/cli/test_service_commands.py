from __future__ import annotations

import json
import shlex

import pytest

from ktrdr.settings import Settings
from tests.fakes.client import FakeClient
from tests.fakes.machine import Became, FakeMachine
from tests.serve.cli import recorded
from tests.serve.cli.conftest import record_of

HEALTH = {
    "status": "ok",
    "version": "0.1.0",
    "actors": {"operations": True, "bars": True},
    "nodes": {"cpu-docker": 1, "mps-mac": 0},
}
ENVIRONMENTS = {
    "items": [
        {"name": "cpu-docker", "mode": "local", "n_nodes": 1, "slots": 2, "busy": 1, "pending": 0},
        {"name": "bench", "mode": "lab", "n_nodes": 0, "slots": 0, "busy": 0, "pending": 17},
    ],
    "total_count": 2,
    "next_cursor": None,
    "modes": ["auto", "local", "lab"],
}
STRATEGIES = {"items": [{"name": "minimal", "valid": True}, {"name": "sp500_daily", "valid": True}], "total_count": 2}


def a_client(*active):
    return FakeClient(
        health=HEALTH,
        environments=ENVIRONMENTS,
        strategies=STRATEGIES,
        operations={"items": list(active), "total_count": len(active), "next_cursor": None},
    )


def a_machine(settings):
    return FakeMachine(on_spawn=lambda child, _: record_of(child.pid, settings.home).write(settings.home))


def test_up_prints_the_addresses_and_what_to_try_next(ktrdr, settings):
    ran = ktrdr(["up"], a_client(), a_machine(settings))
    assert ran.code == 0
    for said in ("http://127.0.0.1:8000/docs", "http://127.0.0.1:8265", ".venv/bin/ktrdr models train sp500_daily"):
        assert said in ran.out


def test_up_where_it_runs_already_says_so(ktrdr):
    ran = ktrdr(["up"], a_client())
    assert (ran.code, "runs already" in ran.out) == (0, True)


def test_up_at_another_address_says_where_it_runs_and_how_to_move_it(ktrdr):
    ran = ktrdr(["up", "--port", "9000"], a_client())
    assert "does not listen at http://127.0.0.1:9000" in ran.out


def test_up_warns_where_commands_would_talk_to_another_service(ktrdr, tmp_path):
    elsewhere = Settings(home=tmp_path / ".ktrdr", url="http://elsewhere:8000")
    assert "http://elsewhere:8000" in ktrdr(["up"], a_client(), settings_used=elsewhere).err


def test_up_with_json_is_one_document(ktrdr, settings):
    document = json.loads(ktrdr(["up", "--json"], a_client(), a_machine(settings)).out)
    assert (document["is_new"], document["docs_url"]) == (True, "http://127.0.0.1:8000/docs")


def test_a_start_that_fails_is_quoted_and_exit_code_1(ktrdr):
    def die(child, log):
        log.write_text(
            "port: Port 8000 of 127.0.0.1 is not free (Address already in use). Choose another with --port.\n"
        )
        child.exit_status = 1

    ran = ktrdr(["up"], a_client(), FakeMachine(on_spawn=die))
    assert ran.code == 1
    assert (
        "Error: port: Port 8000 of 127.0.0.1 is not free (Address already in use). Choose another with --port."
        in ran.err
    )


def test_an_environment_nobody_configured_is_a_usage_error(ktrdr):
    machine = FakeMachine()
    assert ktrdr(["up", "--environment", "moon"], machine=machine).code == 2
    assert machine.spawned == []


def test_an_environment_of_the_users_file_is_taken_and_a_wrong_file_is_said(ktrdr, settings, tmp_path):
    (tmp_path / "environments.yaml").write_text("environments: [{name: bench, mode: lab}]")
    machine = a_machine(settings)
    assert ktrdr(["up", "--environment", "bench"], a_client(), machine).code == 0
    assert machine.spawned[0][-2:] == ["--environment", "bench"]
    assert ktrdr(["up", "--environment", "cpu-docker"], machine=FakeMachine()).code == 2
    (tmp_path / "environments.yaml").write_text("environments: [{name: bench, mod: lab}]")
    ran = ktrdr(["up", "--environment", "bench"], machine=FakeMachine())
    assert ran.code == 1
    assert "environments.yaml: line 1, column 30: environments.0.mod: unknown key 'mod'" in ran.err


def test_in_the_foreground_it_becomes_the_service_unless_one_runs(ktrdr):
    with pytest.raises(Became):
        ktrdr(["up", "--foreground"], machine=FakeMachine())
    assert "runs already" in ktrdr(["up", "--foreground"], a_client()).out
    assert ktrdr(["up", "--foreground", "--json"]).code == 2


def test_down_stops_it_and_a_second_time_says_that_none_runs(ktrdr):
    ran = ktrdr(["down"])
    assert (ran.code, "has stopped" in ran.out) == (0, True)
    ran = ktrdr(["down"], machine=FakeMachine())
    assert (ran.code, "No service runs" in ran.out) == (0, True)
    assert json.loads(ktrdr(["down", "--json"]).out) == {
        "stopped": True,
        "url": "http://127.0.0.1:8000",
        "was_killed": False,
    }


def test_status_shows_health_nodes_what_runs_and_how_to_log_in_but_never_the_token(ktrdr, settings):
    settings.home.mkdir()
    (settings.home / "ray_token").write_text("s3cret")
    client = a_client(recorded.operation("running", progress=recorded.epoch_of(3, 10)))
    ran = ktrdr(["status"], client)
    assert client.fields_of("operations")["active"] is True
    for said in (
        "http://127.0.0.1:8265",
        "ok, version 0.1.0",
        "cpu-docker",
        "bench",
        "lab",
        "17",
        recorded.OPERATION_ID,
        "ray_token",
    ):
        assert said in ran.out
    assert "s3cret" not in ran.out + ran.err
    assert f"operations follow {recorded.OPERATION_ID}" in ran.out


def test_status_names_a_real_strategy_to_train_where_nothing_runs(ktrdr):
    assert ".venv/bin/ktrdr models train sp500_daily" in ktrdr(["status"], a_client()).out


def test_status_warns_of_an_actor_that_is_away(ktrdr):
    client = a_client()
    client.answers["health"] = {**HEALTH, "status": "degraded", "actors": {"operations": True, "bars": False}}
    assert "Not answering inside the service: bars" in ktrdr(["status"], client).err


def test_status_with_json_is_one_document(ktrdr):
    document = json.loads(ktrdr(["status", "--json"], a_client()).out)
    assert (document["health"], document["operations"], document["url"]) == (HEALTH, [], "http://127.0.0.1:8000")
    assert document["environments"] == ENVIRONMENTS["items"]


def test_exports_are_lines_a_shell_can_evaluate(ktrdr, settings):
    ran = ktrdr(["status", "--env"])
    exports = dict(shlex.split(line)[1].split("=", 1) for line in ran.out.splitlines())
    assert all(line.startswith("export ") for line in ran.out.splitlines())
    assert exports == {
        "KTRDR_URL": "http://127.0.0.1:8000",
        "RAY_ADDRESS": "127.0.0.1:6379",
        "RAY_API_SERVER_ADDRESS": "http://127.0.0.1:8265",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(settings.home / "ray_token"),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


def test_status_without_a_service_is_exit_code_1_and_nothing_to_evaluate(ktrdr):
    for line in (["status"], ["status", "--env"]):
        ran = ktrdr(line, machine=FakeMachine())
        assert (ran.code, ran.out) == (1, "")
        assert "ktrdr up" in ran.err
