from __future__ import annotations

import signal
from itertools import pairwise
from pathlib import Path

import pytest

from ktrdr.errors import RequestError
from ktrdr.wire.node_record import NodeRecord
from ktrdr.wire.service_record import ServiceRecord
from serve.cli.background import BackgroundError
from serve.keeper import NodeKeeper
from tests.fakes.machine import SERVICE
from tests.fakes.member import NodeMachine, option_of
from tests.serve.cli.conftest import record_of

SERVICE_PID = 50


class Scene:
    """A home whose service runs, and a node of it that is kept until second `until_s`."""

    def __init__(self, home: Path, **asked: str) -> None:
        self.home, self.machine = home, NodeMachine()
        self.service_comes()
        self.asked = NodeRecord(name="mac", pid=1, environment="mps-mac", slots=2, started_at="now", **asked)
        self.keeper = NodeKeeper(self.asked, home, self.machine)
        self.seen: list[tuple[float, NodeRecord]] = []

    @property
    def record(self) -> NodeRecord:
        found = NodeRecord.read(self.home, "mac")
        assert found is not None
        return found

    def at(self, second: float, event) -> None:
        self.machine.events.append((second, event))

    def look_at(self, second: float) -> None:
        self.at(second, lambda: self.seen.append((second, self.record)))

    def keep(self, until_s: float) -> None:
        self.at(until_s, self.keeper.stop)
        self.keeper.keep()

    def service_comes(self, address: str = "127.0.0.1:6379") -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.machine.processes[SERVICE_PID] = SERVICE
        record_of(SERVICE_PID, self.home).model_copy(update={"ray_address": address}).write(self.home)

    def service_goes(self) -> None:
        self.machine.processes.pop(SERVICE_PID)
        ServiceRecord.remove(self.home)

    def states(self) -> list[str]:
        return [record.state for _, record in self.seen]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / ".ktrdr")


def test_a_node_joins_the_homes_service_with_its_variables_and_is_recorded(scene: Scene) -> None:
    scene.look_at(2)
    scene.keep(until_s=3)
    joined = scene.machine.spawned[0]
    assert option_of(joined, "address") == "127.0.0.1:6379"
    assert (option_of(joined, "environment"), option_of(joined, "slots")) == ("mps-mac", "2")
    assert scene.machine.variables["RAY_AUTH_MODE"] == "token"
    [(_, record)] = scene.seen
    assert (record.state, record.node_id, record.device) == ("running", "node-1", "cpu")
    assert record.session == scene.machine.members_started[0].pid


def test_when_it_is_stopped_trainings_are_told_before_its_processes_end_and_nothing_is_left(scene: Scene) -> None:
    scene.keep(until_s=3)
    [farewell] = scene.machine.farewells
    assert (option_of(farewell, "address"), option_of(farewell, "node-id")) == ("127.0.0.1:6379", "node-1")
    assert scene.machine.spawned[-1] == farewell
    assert scene.machine.signals == [(scene.machine.members_started[0].pid, signal.SIGTERM)]
    assert NodeRecord.read_all(scene.home) == []
    assert list(scene.machine.processes) == [SERVICE_PID]


def test_a_node_that_is_lost_is_started_again_after_a_pause_that_grows(scene: Scene) -> None:
    def fail_three_times() -> None:
        scene.machine.failures = [(2, "Ray's processes did not start here.")] * 3
        scene.machine.kill_member()

    scene.at(5, fail_three_times)
    scene.look_at(7)
    scene.look_at(40)
    scene.keep(until_s=41)
    first, *again = scene.machine.started_at_s
    assert first == 0
    pauses = [later - before for before, later in pairwise([5.0, *again])]
    assert [round(pause) for pause in pauses] == [1, 2, 4, 8]
    (_, lost), (_, back) = scene.seen
    assert (lost.state, lost.node_id, lost.reason) == ("restarting", None, "Ray's processes did not start here.")
    assert (back.state, back.node_id, back.n_starts) == ("running", "node-5", 2)


def test_the_pause_never_grows_beyond_half_a_minute_and_begins_anew_after_a_steady_minute(scene: Scene) -> None:
    def fail_often() -> None:
        scene.machine.failures = [(2, "no")] * 7
        scene.machine.kill_member()

    scene.at(5, fail_often)
    scene.at(400, scene.machine.kill_member)
    scene.keep(until_s=410)
    starts = scene.machine.started_at_s
    pauses = [round(later - before) for before, later in pairwise(starts[1:])]
    assert pauses[:7] == [2, 4, 8, 16, 30, 30, 30]
    assert starts[-1] == pytest.approx(401, abs=1)


def test_while_the_service_is_down_the_node_waits_and_joins_the_next_one_wherever_it_is(scene: Scene) -> None:
    scene.at(5, scene.service_goes)
    scene.look_at(8)
    scene.at(60, lambda: scene.service_comes("127.0.0.1:7000"))
    scene.look_at(63)
    scene.keep(until_s=64)
    (_, waiting), (_, back) = scene.seen
    assert (waiting.state, waiting.node_id, waiting.session) == ("waiting", None, None)
    assert "joins it when it is up again" in waiting.reason
    assert (back.state, back.ray_address) == ("running", "127.0.0.1:7000")


def test_a_service_that_was_killed_counts_as_down(scene: Scene) -> None:
    scene.at(5, lambda: scene.machine.processes.pop(SERVICE_PID))
    scene.look_at(8)
    scene.keep(until_s=9)
    assert scene.states() == ["waiting"]
    assert scene.machine.farewells == []  # nobody is there to hear it


def test_a_service_that_is_started_anew_between_two_looks_is_joined_at_once(scene: Scene) -> None:
    scene.at(5, lambda: scene.service_comes("127.0.0.1:7000"))
    scene.look_at(8)
    scene.keep(until_s=9)
    assert scene.seen[0][1].ray_address == "127.0.0.1:7000"
    assert len(scene.machine.members_started) == 2


def test_what_cannot_be_joined_is_said_and_not_tried_again(scene: Scene) -> None:
    words = "token-path: The head at 127.0.0.1:6379 refuses the token. Give the token file of that cluster."
    scene.machine.failures = [(1, f"2026-01-01 00:00:00,000 ktrdr.member begins\n{words}\n")]
    with pytest.raises(BackgroundError, match="refuses the token"):
        scene.keep(until_s=1000)
    assert len(scene.machine.members_started) == 1
    assert NodeRecord.read_all(scene.home) == []


def test_a_first_start_that_fails_by_rays_own_trouble_is_tried_again_for_two_minutes(scene: Scene) -> None:
    scene.machine.failures = [(2, "Ray's processes did not start here.")] * 50
    with pytest.raises(BackgroundError, match="did not start here"):
        scene.keep(until_s=1000)
    assert 120 <= scene.machine.time_s < 160


def test_a_first_start_that_neither_joins_nor_ends_is_given_up_and_ended(scene: Scene) -> None:
    scene.machine.hangs = True
    with pytest.raises(BackgroundError, match="after 180 s"):
        scene.keep(until_s=1000)
    assert list(scene.machine.processes) == [SERVICE_PID]


def test_without_a_service_there_is_nothing_to_join(scene: Scene) -> None:
    scene.service_goes()
    with pytest.raises(RequestError, match="No service runs for") as raised:
        scene.keep(until_s=10)
    assert "ktrdr up" in str(raised.value.suggestion)
    assert scene.machine.spawned == []


def test_with_an_address_the_homes_service_does_not_matter(tmp_path: Path) -> None:
    scene = Scene(tmp_path / ".ktrdr", address="10.0.0.1:6379", token_path="/token")
    scene.service_goes()
    scene.look_at(2)
    scene.keep(until_s=3)
    assert option_of(scene.machine.spawned[0], "address") == "10.0.0.1:6379"
    assert scene.machine.variables["RAY_AUTH_TOKEN_PATH"] == "/token"
    assert scene.states() == ["running"]


def test_a_farewell_that_hangs_does_not_keep_the_node_alive(scene: Scene) -> None:
    class Deaf(NodeMachine):
        def _begin(self, child, log) -> None:
            super()._begin(child, log)
            if "actors.farewell" in self.spawned[-1]:
                child.exit_status = None

    machine = Deaf()
    machine.processes[SERVICE_PID] = SERVICE
    keeper = NodeKeeper(scene.asked, scene.home, machine)
    machine.events = [(3, keeper.stop)]
    keeper.keep()
    assert 45 <= machine.time_s < 60
    assert list(machine.processes) == [SERVICE_PID]
