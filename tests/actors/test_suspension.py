"""The end of one node: its trainings go back into the queue, those of other nodes go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.operations import OperationsActor
from ktrdr.errors import CancellationError
from tests.actors.test_operations import NAMED
from tests.fakes.house import House, run, until


async def placed_on(actor: OperationsActor, node: str, *others: str) -> str:
    """Return an operation whose first attempt runs on `node`, beside the first ones of `others`."""
    operation_id = await actor.submit(NAMED)
    await actor.claim("cpu-docker", "me", [(other, 1) for other in others])
    await actor.placed(operation_id, 1, node, "cpu")
    return operation_id


def test_what_trains_on_a_node_that_stops_keeps_its_last_epoch_and_waits_and_the_attempt_does_not_count(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        operation_id = await placed_on(house.operations, "node-1")
        poll = asyncio.create_task(house.operations.wait_for_cancel(operation_id, 1, 20.0))
        await asyncio.sleep(0)
        suspending = asyncio.create_task(house.operations.suspend_node("node-1", wait_s=20.0))
        assert await poll == ("suspend", "Its node, node-1, was stopped.")
        assert await house.operations.may_keep_checkpoint(operation_id, 1)
        await house.operations.checkpoint_kept(operation_id, 1)
        await house.operations.acknowledge_cancel(operation_id, 1)
        assert await suspending == 1
        view = await house.operations.get(operation_id)
        assert (view.status, view.attempt, view.max_attempts) == ("pending", 1, 4)
        assert "Suspended: Its node, node-1, was stopped. It goes on from its checkpoint" in view.status_reason
        assert "slots of cpu-docker taken" in view.status_reason

    run(scene)


def test_trainings_on_other_nodes_go_on_and_work_is_given_out(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        there = await placed_on(actor, "node-1")
        here = await placed_on(actor, "node-2", there)
        assert await actor.suspend_node("node-1", wait_s=0.1) == 1
        assert await actor.wait_for_cancel(here, 1, 0.1) == ("run", None)
        assert (await actor.get(here)).status == "running"
        again = await actor.claim("cpu-docker", "me", [(here, 1)])
        assert again is not None
        assert (again.operation_id, again.attempt) == (there, 2)

    run(scene)


def test_the_next_attempt_on_a_node_with_another_id_is_left_alone(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await placed_on(actor, "node-1")
        await actor.suspend_node("node-1", wait_s=0.1)
        await actor.claim("cpu-docker", "me", [])
        await actor.placed(operation_id, 2, "node-1-again", "cpu")
        assert await actor.wait_for_cancel(operation_id, 2, 0.1) == ("run", None)

    run(scene)


def test_an_attempt_that_reaches_the_node_late_hears_of_it_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await actor.submit(NAMED)
        await actor.claim("cpu-docker", "me", [])
        assert await actor.suspend_node("node-1", wait_s=0.1) == 0
        poll = asyncio.create_task(actor.wait_for_cancel(operation_id, 1, 20.0))
        await asyncio.sleep(0.05)
        await actor.placed(operation_id, 1, "node-1", "cpu")
        word, _ = await asyncio.wait_for(poll, 5)
        assert word == "suspend"

    run(scene)


def test_what_does_not_stop_in_time_is_fenced_and_put_back(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await placed_on(actor, "node-1")
        assert await actor.suspend_node("node-1", wait_s=0.1) == 1
        assert (await actor.get(operation_id)).status == "pending"
        assert not await actor.begin_commit(operation_id, 1)

    run(scene)


def test_a_model_that_is_being_saved_on_the_node_is_waited_for(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await placed_on(actor, "node-1")
        assert await actor.begin_commit(operation_id, 1)
        assert await actor.suspend_node("node-1", wait_s=0.1) == 1
        assert await actor.wait_for_cancel(operation_id, 1, 0.1) == ("run", None)
        assert (await actor.get(operation_id)).status == "running"

    run(scene)


def test_a_training_on_the_node_that_was_cancelled_ends_cancelled(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await placed_on(actor, "node-1")
        await actor.cancel(operation_id, "enough")
        await actor.suspend_node("node-1", wait_s=0.1)
        await actor.acknowledge_cancel(operation_id, 1)
        assert (await actor.get(operation_id)).status == "cancelled"

    run(scene)


def test_its_dispatcher_runs_it_again_without_having_killed_it(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher(cancel_grace_s=0.01)
        operation_id = await house.begun()
        await house.operations.placed(operation_id, 1, "node-1", "cpu")
        suspending = asyncio.create_task(house.operations.suspend_node("node-1", wait_s=20.0))
        await asyncio.sleep(0.1)  # longer than the grace
        house.runner.break_off(operation_id, CancellationError("Its node was stopped."))
        assert await suspending == 1
        await until(lambda: len(house.runner.claims) == 2)
        operation = house.book.get(operation_id)
        assert (operation.status, operation.attempt, operation.max_attempts) == ("running", 2, 4)
        assert house.runner.stopped_by_force == []

    run(scene)
