"""EnvironmentDispatcher as a plain object, with the real OperationsActor and a runner that obeys the test."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import ray.exceptions as ray_errors

import actors.dispatcher as dispatcher_module
from cluster import ClusterView, NodeView
from ktrdr.errors import CancellationError, InfrastructureError, NoBars, NotStarted, StorageError
from tests.fakes.house import House, run, until
from tests.fakes.results import a_result

NAMED = {"strategy_name": "minimal"}


async def status(house: House, operation_id: str) -> str:
    return str((await house.operations.get(operation_id)).status)


def test_operations_start_in_the_order_of_submission_one_for_each_free_slot(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)  # two slots
        ids = [await house.operations.submit(NAMED) for _ in range(5)]
        house.dispatcher()
        await until(lambda: len(house.runner.claims) == 2)
        assert [claim.operation_id for claim in house.runner.claims] == ids[:2]
        assert await status(house, ids[2]) == "pending"
        for number, operation_id in enumerate(ids):
            await house.operations.begin_commit(operation_id, 1)
            house.runner.finish(operation_id)
            started = min(number + 3, 5)
            await until(lambda started=started: len(house.runner.claims) == started)
        assert [claim.operation_id for claim in house.runner.claims] == ids
        await until(lambda: house.book.page(status="completed").total_count == 5)

    run(scene)


def test_what_a_training_raises_is_recorded_with_its_kind_and_problems(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.begun()
        house.runner.break_off(operation_id, NoBars("SP500 1d", "2020", "1999 to 2018"))
        await house.operations.wait(operation_id)
        operation = await house.operations.get(operation_id)
        assert operation.status == "failed"
        assert operation.error is not None
        assert operation.error["kind"] == "data"
        assert "1999 to 2018" in operation.error["problems"][0]["suggestion"]

    run(scene)


def test_an_error_nobody_raised_on_purpose_ends_the_operation_as_a_defect(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.begun()
        house.runner.break_off(operation_id, ZeroDivisionError("of nobody's making"))
        operation = await house.operations.wait(operation_id)
        assert operation.status == "failed"
        assert operation.error is not None
        assert operation.error["message"] == "ZeroDivisionError: of nobody's making"

    run(scene)


def test_a_lost_process_is_tried_again_until_attempts_are_used_up(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.operations.submit(NAMED)
        for attempt in (1, 2, 3):
            await until(lambda attempt=attempt: len(house.runner.claims) == attempt)
            assert house.runner.claims[-1].attempt == attempt
            house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        operation = await house.operations.wait(operation_id)
        assert operation.status == "failed"
        assert operation.error is not None
        assert operation.error["kind"] == "infrastructure"

    run(scene)


def test_a_process_lost_after_its_commit_has_completed(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.begun()
        await house.operations.begin_commit(operation_id, 1)
        house.committed[operation_id] = a_result(model_id="committed/m_v1")
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        operation = await house.operations.wait(operation_id)
        assert operation.status == "completed"
        assert operation.result is not None
        assert operation.result["model_id"] == "committed/m_v1"
        await until(lambda: house.forgotten == [operation_id])

    run(scene)


def test_a_training_that_stops_when_asked_is_cancelled_and_not_killed(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher(cancel_grace_s=20.0)
        operation_id = await house.begun()
        await house.operations.cancel(operation_id, "enough")
        house.runner.break_off(operation_id, CancellationError("enough"))
        assert (await house.operations.wait(operation_id)).status == "cancelled"
        assert house.runner.stopped_by_force == []

    run(scene)


def test_a_training_that_does_not_stop_is_killed_after_the_grace_and_ends_cancelled(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher(cancel_grace_s=0.01)
        operation_id = await house.begun()
        await house.operations.cancel(operation_id, "enough")
        await until(lambda: house.runner.stopped_by_force == [operation_id])
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        assert (await house.operations.wait(operation_id)).status == "cancelled"

    run(scene)


def test_a_forced_cancel_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher(cancel_grace_s=1000.0)
        operation_id = await house.begun()
        await house.operations.cancel(operation_id, "now", force=True)
        await until(lambda: house.runner.stopped_by_force == [operation_id])

    run(scene)


def test_a_new_dispatcher_takes_up_what_a_dead_one_owned(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        lost, committed = [await house.operations.submit(NAMED) for _ in range(2)]
        for _ in range(2):
            await house.operations.claim("cpu-docker", "the dead one", [(lost, 1)])
        await house.operations.claim("cpu-docker", "the dead one", [])
        await house.operations.begin_commit(committed, 1)
        house.committed[committed] = a_result(model_id="m")
        house.dispatcher()
        await until(lambda: [claim.operation_id for claim in house.runner.claims] == [lost])
        assert house.runner.claims[0].attempt == 2
        assert (await house.operations.wait(committed)).status == "completed"

    run(scene)


def test_a_report_that_cannot_be_taken_is_made_again_and_the_attempt_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "RETRY_S", 0.01)

    class DiskFull(Exception):
        pass

    async def scene() -> None:
        house = House(tmp_path)
        complete, refusals = house.operations.complete, [DiskFull(), DiskFull()]

        async def complete_later(*args: Any) -> bool:
            if refusals:
                raise refusals.pop()
            return await complete(*args)

        house.operations.complete = complete_later  # type: ignore[method-assign]
        house.dispatcher()
        operation_id = await house.begun()
        await house.operations.begin_commit(operation_id, 1)
        house.runner.finish(operation_id)
        assert (await house.operations.wait(operation_id)).status == "completed"
        assert len(house.runner.claims) == 1

    run(scene)


def test_a_late_answer_to_a_requeue_does_not_start_the_next_attempt_twice(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        requeue, answer = house.operations.requeue, asyncio.Event()

        async def requeue_answering_late(*args: Any) -> None:
            await requeue(*args)
            await answer.wait()

        house.operations.requeue = requeue_answering_late  # type: ignore[method-assign]
        house.dispatcher()
        operation_id = await house.begun()
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        await until(lambda: len(house.runner.claims) == 2)
        answer.set()
        other = await house.operations.submit(NAMED)  # claimed once the dispatcher has gone round again
        await until(lambda: len(house.runner.claims) == 3)
        assert [claim.attempt for claim in house.runner.claims if claim.operation_id == operation_id] == [1, 2]
        assert house.runner.claims[-1].operation_id == other

    run(scene)


def test_a_task_that_could_not_start_costs_no_attempt(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.operations.submit(NAMED)
        for number in range(1, 6):
            await until(lambda number=number: len(house.runner.claims) == number)
            house.runner.break_off(operation_id, NotStarted("No node is there any more."))
        await until(lambda: len(house.runner.claims) == 6)
        assert (await house.operations.get(operation_id)).status == "running"

    run(scene)


def test_nothing_is_claimed_for_an_environment_without_nodes_until_one_joins(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        mac = NodeView("n", "a", "mps-mac", "mps", slots=1)
        house.view = ClusterView((mac, *house.view.nodes))
        operation_id = await house.operations.submit({**NAMED, "execution_mode": "host"})
        house.view = ClusterView(house.view.nodes[1:])
        house.dispatcher("mps-mac")
        reason = (await house.operations.get(operation_id)).status_reason
        assert reason == "Needs environment mps-mac; 0 of 1 nodes carry it: it starts when such a node joins."
        assert house.runner.claims == []
        house.view = ClusterView((mac, *house.view.nodes))
        await until(lambda: [claim.operation_id for claim in house.runner.claims] == [operation_id])

    run(scene)


def test_an_error_of_the_cluster_is_not_the_trainings(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.begun()
        house.runner.break_off(operation_id, InfrastructureError("The node left."))
        await until(lambda: len(house.runner.claims) == 2)
        assert house.runner.claims[-1].attempt == 2

    run(scene)


def test_checkpoints_are_forgotten_once_their_operation_is_completed_and_only_then(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        failed, completed = [await house.operations.submit(NAMED) for _ in range(2)]
        await until(lambda: len(house.runner.claims) == 2)
        house.runner.break_off(failed, NoBars("SP500 1d", "2020", "1999 to 2018"))
        await house.operations.wait(failed)
        await house.operations.begin_commit(completed, 1)
        house.runner.finish(completed)
        await until(lambda: house.forgotten == [completed])

    run(scene)


def test_checkpoints_that_cannot_be_removed_do_not_hold_up_a_completion(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        asked = house.forgotten

        class InUse(list[str]):
            def append(self, operation_id: str) -> None:
                asked.append(operation_id)
                raise StorageError("The folder is in use.")

        house.forgotten = InUse()
        house.dispatcher()
        operation_id = await house.begun()
        await house.operations.begin_commit(operation_id, 1)
        house.runner.finish(operation_id)
        assert (await house.operations.wait(operation_id)).status == "completed"
        other = await house.operations.submit(NAMED)
        await until(lambda: len(house.runner.claims) == 2)
        assert house.runner.claims[-1].operation_id == other
        await until(lambda: asked == [operation_id])

    run(scene)


def test_a_training_that_is_suspended_is_not_killed_and_goes_back_into_the_queue(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher(cancel_grace_s=0.01)
        operation_id = await house.begun()
        suspending = asyncio.create_task(house.operations.suspend(wait_s=20.0))
        await asyncio.sleep(0.1)  # longer than the grace
        house.runner.break_off(operation_id, CancellationError("The service was stopped."))
        assert await suspending == 1
        operation = house.book.get(operation_id)
        assert (operation.status, operation.attempt, operation.max_attempts) == ("pending", 1, 4)
        assert house.runner.stopped_by_force == []

    run(scene)


def test_what_a_dead_dispatcher_still_asks_for_is_given_to_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        asked = asyncio.create_task(house.operations.claim("cpu-docker", "the dead one", timeout_s=20.0))
        await asyncio.sleep(0)
        house.dispatcher()  # takes over: it looks for what the dead one left, and finds nothing
        await until(lambda: house.operations._owners.get("cpu-docker") not in (None, "the dead one"))
        operation_id = await house.operations.submit(NAMED)
        await until(lambda: [claim.operation_id for claim in house.runner.claims] == [operation_id])
        assert not asked.done()
        asked.cancel()

    run(scene)


def test_what_requires_a_gpu_waits_for_one_that_is_free_and_others_pass_it(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        card = NodeView("card", "a", "cpu-docker", "cuda", slots=1)
        house.view = ClusterView((card, NodeView("cpu", "a", "cpu-docker", "cpu", slots=2)))
        on_card, second, anywhere = [
            await house.operations.submit({**NAMED, "require_gpu": gpu, "execution_mode": "local"})
            for gpu in (True, True, False)
        ]
        house.dispatcher()
        await until(lambda: len(house.runner.claims) == 2)
        assert [claim.operation_id for claim in house.runner.claims] == [on_card, anywhere]
        assert await status(house, second) == "pending"
        await house.operations.begin_commit(on_card, 1)
        house.runner.finish(on_card)
        await until(lambda: len(house.runner.claims) == 3)
        assert house.runner.claims[-1].operation_id == second

    run(scene)


def test_a_process_that_dies_while_its_node_stops_costs_no_attempt(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher(cancel_grace_s=20.0)
        operation_id = await house.begun()
        await house.operations.placed(operation_id, 1, "node-1", "cpu")
        stopping = asyncio.create_task(house.operations.suspend_node("node-1", 20.0))
        await until(lambda: house.operations._suspension.covers(house.book.get(operation_id)))
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        assert await stopping == 1
        operation = house.book.get(operation_id)
        assert operation.max_attempts == 4

    run(scene)


def test_nothing_is_claimed_for_a_node_that_has_died_while_it_is_still_in_the_table(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.begun()
        await house.operations.placed(operation_id, 1, "node-1", "cpu")
        house.runner.break_off(operation_id, ray_errors.NodeDiedError("its raylet is gone"))
        await until(lambda: house.book.get(operation_id).status == "pending")
        await asyncio.sleep(0.05)
        assert len(house.runner.claims) == 1
        house.view = ClusterView((NodeView("node-2", "a", "cpu-docker", "cpu", slots=1),))
        await until(lambda: len(house.runner.claims) == 2)
        assert house.runner.claims[-1].attempt == 2

    run(scene)
