"""Attempts of which nothing is heard: shown, given up, fenced, and tried again; never two at work on one operation."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import ray.exceptions as ray_errors

import actors.dispatcher as dispatcher_module
import actors.leases as leases_module
import actors.operations.attempts as attempts_module
import actors.operations.orders as orders_module
from cluster import ClusterView, NodeView
from cluster.environments import ENVIRONMENTS, Environments
from ktrdr.errors import CancellationError
from tests.fakes.house import House, run, until
from tests.fakes.runner import LOCAL_NODE

NAMED = {"strategy_name": "minimal"}
LOCAL = ENVIRONMENTS.named("cpu-docker")
QUIET = Environments((LOCAL.model_copy(update={"lease_s": 0.1}),))
OTHER_NODE = NodeView("node-2", "127.0.0.1", "cpu-docker", "cpu", slots=1)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts_module, "LOOK_S", 0.01)
    monkeypatch.setattr(leases_module, "LOOK_S", 0.01)  # a pause of this process counts as 0.02 s of silence at most
    monkeypatch.setattr(dispatcher_module, "RETRY_S", 0.01)


async def placed_attempt(house: House, node: str = LOCAL_NODE.node_id) -> str:
    operation_id = await house.begun()
    assert [claim.operation_id for claim in house.runner.claims] == [operation_id]
    await house.operations.placed(operation_id, 1, node, "cpu")
    return operation_id


def test_a_training_that_is_not_heard_of_says_so_and_when_it_is_again_that_it_runs(tmp_path: Path) -> None:
    async def scene() -> None:
        patient = Environments((LOCAL.model_copy(update={"lease_s": 0.05}),))
        house = House(tmp_path, environments=patient)
        operation_id = await house.operations.submit(NAMED)
        await house.operations.claim("cpu-docker", "d-1")
        await house.operations.placed(operation_id, 1, "node-1", "cpu")
        while house.book.get(operation_id).unreachable_since is None:
            assert (await house.operations.watch(operation_id, 1, 0.01)).word == "run"
        lost = await house.operations.get(operation_id)
        assert lost.status == "running"
        assert lost.status_reason.startswith("Unreachable: no word for")
        assert "given up" in lost.status_reason
        await house.operations.report(operation_id, 1, None, [], [])
        back = await house.operations.get(operation_id)
        assert back.unreachable_since is None
        assert back.status_reason.startswith("Running on node node-1")

    run(scene)


def test_a_training_that_is_heard_of_is_left_alone_however_long_it_takes(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, environments=QUIET)
        house.dispatcher()
        operation_id = await placed_attempt(house)
        for _ in range(60):
            await house.operations.report(operation_id, 1, None, [], [])
            await asyncio.sleep(0.005)  # 0.3 s and more: three leases
        assert (await house.operations.get(operation_id)).attempt == 1
        assert len(house.runner.claims) == 1

    run(scene)


def test_silence_over_the_lease_gives_the_attempt_up_and_the_next_one_begins_elsewhere(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, environments=QUIET)
        house.view = ClusterView((NodeView("node-1", "a", "cpu-docker", "cpu", slots=1), OTHER_NODE))
        house.dispatcher()
        operation_id = await placed_attempt(house)
        await until(lambda: len(house.runner.claims) == 2)
        assert [claim.attempt for claim in house.runner.claims] == [1, 2]
        assert house.runner.stopped_by_force == [operation_id]
        # the survivor hears that it is over, and nothing that it does counts
        assert (await house.operations.wait_for_cancel(operation_id, 1, 5.0))[0] == "over"
        assert not await house.operations.begin_commit(operation_id, 1)
        assert not await house.operations.may_keep_checkpoint(operation_id, 1)

    run(scene)


def test_the_slot_of_a_silent_attempt_is_taken_while_its_node_is_there(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, environments=QUIET)
        only = NodeView("node-1", "a", "cpu-docker", "cpu", slots=1)
        house.view = ClusterView((only,))
        house.dispatcher()
        operation_id = await placed_attempt(house)
        await until(lambda: house.book.get(operation_id).status == "pending")
        await asyncio.sleep(0.1)
        assert len(house.runner.claims) == 1  # Ray still counts the slot as used: a second task would not start
        house.view = ClusterView((OTHER_NODE,))
        await until(lambda: len(house.runner.claims) == 2)

    run(scene)


def test_the_slot_is_free_again_when_the_silent_attempts_process_has_ended(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, environments=QUIET)
        house.view = ClusterView((NodeView("node-1", "a", "cpu-docker", "cpu", slots=1),))
        house.dispatcher()
        operation_id = await placed_attempt(house)
        await until(lambda: house.book.get(operation_id).status == "pending")
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        await until(lambda: len(house.runner.claims) == 2)
        assert house.book.get(operation_id).attempt == 2  # its late end was the first attempt's

    run(scene)


def test_a_silent_attempts_node_that_turns_out_to_have_died_takes_nothing_more(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, environments=QUIET)
        house.view = ClusterView((NodeView("node-1", "a", "cpu-docker", "cpu", slots=1),))
        house.dispatcher()
        operation_id = await placed_attempt(house)
        await until(lambda: house.book.get(operation_id).status == "pending")
        house.runner.break_off(operation_id, ray_errors.NodeDiedError("it was given up for dead"))
        await asyncio.sleep(0.1)
        assert len(house.runner.claims) == 1
        house.view = ClusterView((*house.view.nodes, OTHER_NODE))
        await until(lambda: len(house.runner.claims) == 2)

    run(scene)


def test_a_cancel_ends_cancelled_even_where_the_kill_reaches_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, environments=QUIET)
        house.dispatcher(cancel_grace_s=0.02)
        house.runner.is_cut_off = True
        operation_id = await placed_attempt(house)
        await house.operations.cancel(operation_id, "enough")
        operation = await house.operations.wait(operation_id, 20.0)
        assert operation.status == "cancelled"
        assert operation_id in house.runner.stopped_by_force

    run(scene)


def test_an_attempt_that_never_starts_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders_module, "START_S", 0.1)

    async def scene() -> None:
        house = House(tmp_path, environments=QUIET)
        house.dispatcher()
        operation_id = await house.operations.submit(NAMED)
        await until(lambda: len(house.runner.claims) == 2)
        assert house.runner.stopped_by_force[0] == operation_id
        operation = house.book.get(operation_id)
        assert (operation.attempt, operation.max_attempts) == (2, 4)

    run(scene)


def test_what_was_unreachable_before_a_restart_of_the_actor_is_heard_after_it(tmp_path: Path) -> None:
    async def scene() -> None:
        before = House(tmp_path, environments=QUIET)
        operation_id = await before.operations.submit(NAMED)
        await before.operations.claim("cpu-docker", "d-1")
        await before.operations.placed(operation_id, 1, "node-1", "cpu")
        before.book.unreachable(operation_id, 1, "2026-01-01T00:00:00.000Z", 20.0)
        after = House(tmp_path, environments=QUIET)
        await after.operations.report(operation_id, 1, None, [], [])
        assert after.book.get(operation_id).unreachable_since is None

    run(scene)


def test_a_restarted_actor_begins_every_lease_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        before = House(tmp_path, environments=QUIET)
        operation_id = await before.operations.submit(NAMED)
        await before.operations.claim("cpu-docker", "d-1")
        await before.operations.placed(operation_id, 1, "node-1", "cpu")
        after = House(tmp_path, environments=QUIET)
        watched = await after.operations.watch(operation_id, 1, 0.0)
        assert (watched.word, watched.node) == ("run", "node-1")

    run(scene)


@pytest.mark.parametrize("killed", [None, ray_errors.TaskCancelledError(), ray_errors.WorkerCrashedError()])
def test_an_attempt_that_runs_longer_than_its_environment_lets_it_fails_with_kind_timeout(
    tmp_path: Path, killed: Exception | None
) -> None:
    async def scene() -> None:
        limited = Environments((LOCAL.model_copy(update={"max_duration_s": 0.1}),))
        house = House(tmp_path, environments=limited)
        house.dispatcher(cancel_grace_s=20.0 if killed is None else 0.02)
        operation_id = await placed_attempt(house)
        word, reason = await house.operations.wait_for_cancel(operation_id, 1, 10.0)
        assert word == "timeout"
        if killed is None:
            house.runner.break_off(operation_id, CancellationError(str(reason)))
        else:
            await until(lambda: house.runner.stopped_by_force != [])
            house.runner.break_off(operation_id, killed)
        operation = await house.operations.wait(operation_id, 20.0)
        assert operation.status == "failed"
        assert operation.error is not None and operation.error["kind"] == "timeout"
        assert "max_duration_s" in operation.error["message"]

    run(scene)


def test_what_ran_costs_what_its_environment_says(tmp_path: Path) -> None:
    async def scene() -> None:
        priced = Environments((LOCAL.model_copy(update={"cost_per_hour": 3600.0}),))
        house = House(tmp_path, environments=priced)
        operation_id = await house.operations.submit(NAMED)
        assert (await house.operations.get(operation_id)).cost == 0.0
        await house.operations.claim("cpu-docker", "d-1")
        await asyncio.sleep(0.01)
        running = await house.operations.get(operation_id)
        assert running.cost is not None and 0.0 < running.cost == pytest.approx(running.ran_s)
        await house.operations.requeue(operation_id, 1, "The node left.")
        first = await house.operations.get(operation_id)
        assert first.cost is not None and first.cost >= running.cost
        assert (await house.operations.get(operation_id)).cost == first.cost  # nothing runs, nothing is paid

    run(scene)
