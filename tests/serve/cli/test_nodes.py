from __future__ import annotations

import json
import signal

import pytest

from ktrdr.errors import ServiceUnreachable
from ktrdr.wire.node_record import NodeRecord
from serve.cli.local_nodes import log_path
from tests.fakes.client import FakeClient
from tests.fakes.machine import Became, FakeMachine
from tests.fakes.member import option_of
from tests.serve.cli.conftest import a_running_service

KEEPER = "python -m serve.node --name {} --environment mps-mac"
MEMBER = "python -m cluster.member --name {} --address 127.0.0.1:6379"
NODES = {
    "items": [
        {
            "node_id": "0123456789abcdef",
            "address": "127.0.0.1",
            "environment": "cpu-docker",
            "device": "cpu",
            "slots": 2,
            "gpus": 0.0,
            "alive": True,
        },
        {
            "node_id": "fedcba9876543210",
            "address": "127.0.0.1",
            "environment": "cuda-cloud",
            "device": "cuda",
            "slots": 1,
            "gpus": 1.0,
            "alive": False,
        },
    ]
}


def record_of_node(name: str, pid: int, **fields) -> NodeRecord:
    """Return the record of a node that has joined."""
    joined = {"state": "running", "node_id": f"id-of-{name}", "device": "cpu", "ray_address": "127.0.0.1:6379"}
    given = {"environment": "mps-mac", "slots": 1, "started_at": "now", **joined, **fields}
    return NodeRecord(name=name, pid=pid, **given)


def a_machine(settings) -> FakeMachine:
    """Return a machine with the service, on which a node that is started joins at once."""
    machine = a_running_service(settings)

    def join(child, _log) -> None:
        record_of_node(option_of(machine.spawned[-1], "name"), child.pid).write(settings.home)

    machine.on_spawn = join
    return machine


def a_kept_node(settings, machine: FakeMachine, name: str = "mac", pid: int = 60) -> None:
    """Let a node of this home run on `machine`."""
    session = pid + 1
    record_of_node(name, pid, session=session).write(settings.home)
    machine.processes |= {pid: KEEPER.format(name), session: MEMBER.format(name)}
    machine.sessions |= {pid: {pid}, session: {session}}


def test_a_node_is_started_by_a_process_of_its_own_and_its_stop_is_said(ktrdr, settings):
    machine = a_machine(settings)
    ran = ktrdr(["nodes", "start", "--environment", "mps-mac", "--slots", "3"], machine=machine)
    assert ran.code == 0, ran.err
    [command] = machine.spawned
    assert command[1:3] == ["-m", "serve.node"]
    assert (option_of(command, "name"), option_of(command, "slots")) == ("mps-mac", "3")
    assert machine.variables == {"KTRDR_HOME": str(settings.home)}
    assert "mps-mac (cpu)" in ran.out
    assert ".venv/bin/ktrdr nodes stop mps-mac" in ran.out


def test_a_second_node_of_an_environment_has_a_name_of_its_own(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine, "mps-mac")
    ran = ktrdr(["nodes", "start", "--environment", "mps-mac", "--json"], machine=machine)
    assert json.loads(ran.out)["name"] == "mps-mac-2"


def test_a_node_of_another_cluster_has_its_address_and_token(ktrdr, settings, tmp_path):
    machine = a_machine(settings)
    (tmp_path / "token").write_text("secret")
    line = ["nodes", "start", "--environment", "mps-mac", "--address", "10.0.0.1:6379"]
    assert ktrdr([*line, "--token-path", str(tmp_path / "token")], machine=machine).code == 0
    [command] = machine.spawned
    assert option_of(command, "address") == "10.0.0.1:6379"
    assert option_of(command, "token-path") == str(tmp_path / "token")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--environment", "mps-mak"], 1, "Did you mean 'mps-mac'?"),
        (["--environment", "mps-mac", "--name", "a b"], 1, "cannot be the name of a node"),
        (["--environment", "mps-mac", "--name", "mac"], 1, "runs already (process 60)"),
        (["--environment", "mps-mac", "--address", "h:1"], 1, "needs its token"),
        (["--environment", "mps-mac", "--address", "h:1", "--token-path", "/none"], 1, "There is no file /none"),
        (["--environment", "mps-mac", "--token-path", "/none"], 2, "--address"),
        (["--environment", "mps-mac", "--slots", "0"], 2, "--slots"),
        (["--environment", "mps-mac", "--foreground", "--json"], 2, "--foreground"),
        ([], 2, "--environment"),
    ],
)
def test_what_cannot_be_started_is_said_before_anything_is_started(ktrdr, settings, monkeypatch, options, code, says):
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    machine = a_machine(settings)
    a_kept_node(settings, machine)
    ran = ktrdr(["nodes", "start", *options], machine=machine)
    assert (ran.code, says in ran.err, machine.spawned) == (code, True, []), ran.err


def test_a_node_that_cannot_join_is_quoted_and_nothing_is_left(ktrdr, settings):
    machine = a_running_service(settings)
    words = "token-path: The head at 10.0.0.1:6379 refuses the token. Give the token file with --token-path."

    def refuse(child, log) -> None:
        record_of_node("mps-mac", child.pid, state="starting").write(settings.home)
        log.write_text(f"2026-01-01 00:00:00,000 ktrdr.node begins\n{words}\n")
        child.exit_status = 1

    machine.on_spawn = refuse
    ran = ktrdr(["nodes", "start", "--environment", "mps-mac"], machine=machine)
    assert ran.code == 1
    assert "refuses the token" in ran.err
    assert str(log_path(settings.home, "mps-mac")) in ran.err
    assert NodeRecord.read_all(settings.home) == []
    assert list(machine.processes) == [50]


def test_an_interrupted_start_leaves_nothing_running(ktrdr, settings):
    machine = a_running_service(settings)

    def interrupt(_child, _log) -> None:
        machine.sleep = broken

    def broken(_seconds):
        machine.sleep = lambda _: None
        raise KeyboardInterrupt

    machine.on_spawn = interrupt
    assert ktrdr(["nodes", "start", "--environment", "mps-mac"], machine=machine).code == 130
    assert list(machine.processes) == [50]


def test_in_the_foreground_this_process_keeps_the_node(ktrdr, settings):
    machine = a_machine(settings)
    with pytest.raises(Became):
        ktrdr(["nodes", "start", "--environment", "mps-mac", "--foreground"], machine=machine)
    assert machine.spawned[0][1:3] == ["-m", "serve.node"]


def test_stop_ends_what_keeps_the_node_and_forgets_it(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine)
    machine.processes.pop(61)  # what keeps it ends Ray's processes itself
    machine.sessions.pop(61)
    ran = ktrdr(["nodes", "stop"], machine=machine)
    assert (ran.code, "Node mac has stopped" in ran.out) == (0, True)
    assert machine.signals == [(60, signal.SIGTERM)]
    assert NodeRecord.read_all(settings.home) == []


def test_stop_ends_what_a_killed_keeper_left(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine)
    machine.processes.pop(60)
    machine.sessions.pop(60)
    assert ktrdr(["nodes", "stop", "mac"], machine=machine).code == 0
    assert machine.signals == [(61, signal.SIGTERM)]
    assert list(machine.processes) == [50]


def test_stop_touches_no_process_that_has_the_number_of_one_that_is_gone(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine)
    machine.processes |= {60: "vim", 61: "vim"}
    ran = ktrdr(["nodes", "stop"], machine=machine)
    assert (ran.code, "No node runs" in ran.out) == (0, True)
    assert machine.signals == []


def test_of_several_nodes_one_is_named_or_all_are_stopped(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine, "a", 60)
    a_kept_node(settings, machine, "b", 70)
    ran = ktrdr(["nodes", "stop"], machine=machine)
    assert (ran.code, "a, b" in ran.err) == (2, True)
    assert ktrdr(["nodes", "stop", "c"], machine=machine).code == 1
    document = json.loads(ktrdr(["nodes", "stop", "--all", "--json"], machine=machine).out)
    assert [item["name"] for item in document["items"]] == ["a", "b"]
    assert list(machine.processes) == [50]


def test_the_list_has_the_services_nodes_and_what_became_of_those_started_here(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine)
    a_kept_node(settings, machine, "other", 70)
    record_of_node("other", 70, node_id=None, state="restarting", reason="It was lost.").write(settings.home)
    mine = {**NODES["items"][0], "node_id": "id-of-mac", "environment": "mps-mac"}
    client = FakeClient(nodes={"items": [*NODES["items"], mine]})
    ran = ktrdr(["nodes", "list"], client, machine)
    lines = ran.out.splitlines()
    [here] = [line for line in lines if "01234567" in line]
    assert "cpu-docker" in here and "running" in here
    [dead] = [line for line in lines if "fedcba98" in line]
    assert "gone" in dead
    [of_mac] = [line for line in lines if "id-of-ma" in line]
    assert "mac" in of_mac.split()
    [of_other] = [line for line in lines if " other " in line]
    assert "restarting: It was lost." in of_other


def test_a_node_whose_keeper_was_killed_is_shown_as_unattended(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine)
    machine.processes.pop(60)
    ran = ktrdr(["nodes", "list"], FakeClient(nodes=NODES), machine)
    assert "unattended" in ran.out


def test_without_a_service_the_nodes_that_wait_for_it_are_listed(ktrdr, settings):
    machine = FakeMachine()
    a_kept_node(settings, machine)
    ran = ktrdr(["nodes", "list", "--json"], FakeClient(nodes=ServiceUnreachable("it")), machine)
    document = json.loads(ran.out)
    assert (ran.code, document["items"], document["started_here"][0]["name"]) == (0, [], "mac")
    assert "Warning" in ran.err


def test_without_a_service_and_nodes_there_is_nothing_to_list(ktrdr):
    assert ktrdr(["nodes", "list"], machine=FakeMachine()).code == 1


def test_down_names_the_nodes_that_wait_for_the_next_up(ktrdr, settings):
    machine = a_machine(settings)
    a_kept_node(settings, machine)
    ran = ktrdr(["down"], machine=machine)
    assert "join it when it is up again: mac." in ran.out
    assert ".venv/bin/ktrdr nodes stop --all" in ran.out
    assert 60 in machine.processes
