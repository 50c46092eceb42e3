"""OperationsActor as a plain object, over a real store and the bundled bars."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from actors.notices import stop_of
from actors.operations import OperationsActor
from cluster import ClusterView, Environment, Environments, NodeView
from ktrdr.errors import (
    ExecutionModeError,
    IdempotencyConflict,
    NoBars,
    RequestError,
    StrategyError,
    TransitionRefused,
    UnknownStrategy,
    UnknownSymbol,
)
from ktrdr.storage import Encoding
from ktrdr.training import CheckpointPolicy
from ktrdr.wire import TrainingRequest
from tests.fakes.house import House, run, until
from tests.fakes.results import a_result

NAMED = {"strategy_name": "minimal"}


def progress(sequence: int, attempt: int = 1, step: int = 7) -> dict[str, object]:
    return {"attempt": attempt, "sequence": sequence, "percentage": 58.3, "current_step": step}


def test_a_submission_is_in_the_store_with_its_placement_and_settled_request(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        started = await house.operations.start({**NAMED, "seed": 3, "overrides": {"training.epochs": 2}})
        assert (started.status, started.execution_mode, started.environment) == ("pending", "local", "cpu-docker")
        request = house.book.get(started.operation_id).request
        assert request["symbols"] == ["SP500"]
        assert request["strategy"]["training"]["epochs"] == 2
        view = await house.operations.get(started.operation_id)
        assert view.queue is not None
        assert (view.queue.position, view.queue.ahead) == (1, 0)
        assert "0 operations ahead" in view.status_reason

    run(scene)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"strategy_name": "minimall"}, UnknownStrategy),
        ({**NAMED, "symbols": ["SP50"]}, UnknownSymbol),
        ({**NAMED, "start_date": "2030-01-01"}, NoBars),
        ({**NAMED, "overrides": {"training.epoch": 1}}, StrategyError),
        ({**NAMED, "simbols": ["SP500"]}, RequestError),
        ({**NAMED, "strategy": "name: x"}, RequestError),
        ({}, RequestError),
        ({"strategy": "/etc/passwd"}, StrategyError),
        ({**NAMED, "require_gpu": True}, ExecutionModeError),
        ({**NAMED, "operation_id": "../x"}, RequestError),
        ({**NAMED, "validation_split": 0.3}, RequestError),
    ],
)
def test_what_is_refused_says_what_to_do_and_makes_no_operation(
    tmp_path: Path, request_: dict[str, object], error: type[Exception]
) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        request = request_
        if "validation_split" in request:
            request = {**request, "strategy_name": "sp500_daily"}  # a file with shares of its own
        with pytest.raises(error) as refused:
            await house.operations.submit(request)
        assert "/etc" not in str(refused.value) or error is StrategyError
        assert house.book.page().total_count == 0

    run(scene)


def test_a_text_from_a_client_is_never_read_as_a_path(tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("name: secret_name\n")

    async def scene() -> None:
        with pytest.raises(StrategyError) as refused:
            await House(tmp_path).operations.submit({"strategy": str(secret)})
        assert "training_data" not in str(refused.value)

    run(scene)


def test_a_repeated_id_or_key_makes_one_operation(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        first = await house.operations.submit(NAMED, "key")
        assert await house.operations.submit(NAMED, "key") == first
        assert await house.operations.submit({**NAMED, "operation_id": first}) == first
        with pytest.raises(IdempotencyConflict):
            await house.operations.submit({**NAMED, "seed": 4}, "key")
        assert house.book.page().total_count == 1

    run(scene)


def test_a_repeated_request_is_answered_although_its_place_has_gone_since(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        first = await house.operations.submit(NAMED, "key")
        house.view = ClusterView(())
        assert await house.operations.submit(NAMED, "key") == first
        assert await house.operations.submit({**NAMED, "operation_id": first}) == first
        with pytest.raises(ExecutionModeError):
            await house.operations.submit(NAMED)

    run(scene)


def test_the_best_epoch_is_that_of_the_monitored_value(tmp_path: Path) -> None:
    epochs = [{"epoch": 1, "val_loss": 0.5, "val_accuracy": 0.6}, {"epoch": 2, "val_loss": 0.9, "val_accuracy": 0.7}]

    async def scene() -> None:
        actor = House(tmp_path).operations
        for monitor, best in (("val_loss", 1), ("val_accuracy", 2)):
            overrides = {"training.early_stopping": {"monitor": monitor}}
            operation_id = await actor.submit({**NAMED, "overrides": overrides})
            await actor.claim("cpu-docker", "me", [])
            await actor.report(operation_id, 1, None, epochs, [])
            metrics = await actor.metrics(operation_id)
            assert metrics is not None
            assert metrics["best_epoch"] == best
            await actor.cancel(operation_id)
            await actor.acknowledge_cancel(operation_id, 1)

    run(scene)


def test_an_attempt_that_stops_without_being_asked_is_tried_again(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        await actor.acknowledge_cancel(operation_id, 1)
        assert (await actor.get(operation_id)).status == "pending"

    run(scene)


def test_an_id_that_comes_back_with_another_body_is_a_conflict(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await actor.submit(NAMED)
        with pytest.raises(IdempotencyConflict, match=operation_id):
            await actor.submit({**NAMED, "seed": 9, "operation_id": operation_id})

    run(scene)


def test_without_a_gpu_operations_that_require_one_are_passed_over(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.view = ClusterView((NodeView("n", "a", "cpu-docker", "cuda", 2, 1.0),))
        on_gpu = await house.operations.submit({**NAMED, "require_gpu": True})
        anywhere = await house.operations.submit(NAMED)
        claim = await house.operations.claim("cpu-docker", "me", [], has_gpu=False)
        assert claim is not None
        assert claim.operation_id == anywhere
        claim = await house.operations.claim("cpu-docker", "me", [(anywhere, 1)], has_gpu=True)
        assert claim is not None
        assert claim.operation_id == on_gpu

    run(scene)


def test_an_attempt_that_is_given_up_can_begin_no_commit_and_one_begun_is_said(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        assert not await actor.fence(operation_id, 1)
        assert not await actor.begin_commit(operation_id, 1)
        await actor.requeue(operation_id, 1, "lost")
        await actor.claim("cpu-docker", "me", [])
        assert await actor.begin_commit(operation_id, 2)
        assert await actor.fence(operation_id, 2)

    run(scene)


def test_a_late_report_of_an_ended_attempt_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        await actor.report(operation_id, 1, progress(5), [], [])
        await actor.cancel(operation_id)
        await actor.acknowledge_cancel(operation_id, 1)
        await actor.report(operation_id, 1, progress(6), [{"epoch": 9, "val_loss": 1.0}], [])
        shown = await actor.get(operation_id)
        assert shown.progress is not None
        assert shown.progress["sequence"] == 5
        assert shown.metrics is None

    run(scene)


def test_a_claim_waits_for_work_and_is_woken_by_it(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        waiting = asyncio.create_task(house.operations.claim("cpu-docker", "me", [], timeout_s=20.0))
        await asyncio.sleep(0)
        operation_id = await house.operations.submit(NAMED)
        claim = await waiting
        assert claim is not None
        assert (claim.operation_id, claim.attempt, claim.symbols) == (operation_id, 1, ("SP500",))
        assert await house.operations.claim("cpu-docker", "me", [(operation_id, 1)]) is None

    run(scene)


def test_a_claim_whose_answer_was_lost_is_given_again(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        for _ in range(2):
            await house.operations.submit(NAMED)
        lost = await house.operations.claim("cpu-docker", "me", [])
        again = await house.operations.claim("cpu-docker", "me", [])
        assert lost == again
        assert again is not None
        other = await house.operations.claim("cpu-docker", "me", [(again.operation_id, 1)])
        assert other is not None
        assert other.operation_id != again.operation_id

    run(scene)


async def started(actor: OperationsActor) -> str:
    operation_id = await actor.submit(NAMED)
    await actor.claim("cpu-docker", "me", [])
    return operation_id


def test_a_cancel_wakes_the_training_with_its_reason_and_the_end_ends_the_poll(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        poll = asyncio.create_task(actor.wait_for_cancel(operation_id, 1, 20.0))
        await asyncio.sleep(0)
        await actor.cancel(operation_id, "enough")
        assert await poll == ("cancel", "enough")
        # the flag is a row: a poll that begins later finds it, too
        assert await actor.wait_for_cancel(operation_id, 1, 0.0) == ("cancel", "enough")
        poll = asyncio.create_task(actor.wait_for_cancel(operation_id, 2, 0.0))
        assert await poll == ("over", None)
        await actor.acknowledge_cancel(operation_id, 1)
        assert await actor.wait_for_cancel(operation_id, 1, 20.0) == ("over", None)
        assert (await actor.wait(operation_id)).status == "cancelled"

    run(scene)


def test_a_cancel_is_heard_while_the_writer_is_at_work_on_something_else(tmp_path: Path) -> None:
    async def scene() -> None:
        actor, is_done = House(tmp_path).operations, threading.Event()
        operation_id = await started(actor)
        poll = asyncio.create_task(actor.wait_for_cancel(operation_id, 1, 20.0))
        await asyncio.sleep(0)
        cancel = asyncio.create_task(actor.cancel(operation_id, "enough"))
        await asyncio.sleep(0)
        work = asyncio.create_task(actor._desk.write(is_done.wait))
        try:
            assert await asyncio.wait_for(poll, 10.0) == ("cancel", "enough")
        finally:
            is_done.set()
        await asyncio.gather(cancel, work)

    run(scene)


def test_what_a_wake_up_tells_is_read_again_where_it_stops_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        actor = house.operations
        operation_id = await started(actor)
        poll = asyncio.create_task(actor.wait_for_cancel(operation_id, 1, 20.0))
        await until(lambda: stop_of(operation_id) in actor._notices._events)
        running = house.book.get(operation_id)
        house.book.request_cancel(operation_id, "enough")
        actor._notices.wake(stop_of(operation_id), running)  # overtaken: it is cancelled since
        assert await poll == ("cancel", "enough")

    run(scene)


def test_from_the_commit_on_a_cancel_is_refused_and_the_operation_completes(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        assert await actor.begin_commit(operation_id, 1)
        with pytest.raises(TransitionRefused, match="committing"):
            await actor.cancel(operation_id)
        assert await actor.complete(operation_id, 1, a_result(model_id="m"))
        assert (await actor.get(operation_id)).status == "completed"

    run(scene)


def test_a_cancelled_operation_can_neither_commit_nor_complete(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        await actor.cancel(operation_id)
        assert not await actor.begin_commit(operation_id, 1)
        assert not await actor.complete(operation_id, 1, a_result())
        await actor.acknowledge_cancel(operation_id, 1)
        assert not await actor.complete(operation_id, 1, a_result())
        assert (await actor.get(operation_id)).status == "cancelled"

    run(scene)


def test_news_reaches_a_watcher_and_closes_with_the_whole_operation(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        seen = await actor.changes(operation_id, 0)
        assert [(event.event, event.payload["status"]) for event in seen] == [("state", "running")]
        watching = asyncio.create_task(actor.changes(operation_id, seen[-1].id, 20.0))
        await asyncio.sleep(0)
        await actor.report(operation_id, 1, progress(1), [{"epoch": 1, "val_loss": 0.5}], [{"event": "a line"}])
        assert [event.payload["sequence"] for event in await watching] == [1]
        await actor.begin_commit(operation_id, 1)
        await actor.complete(operation_id, 1, a_result(model_id="m"))
        events = await actor.changes(operation_id, seen[-1].id)
        assert [event.event for event in events] == ["state", "end"]
        assert events[0].id < events[1].id
        assert events[1].payload["result"]["model_id"] == "m"
        assert events[1].payload["progress"]["sequence"] == 1
        assert await actor.metrics(operation_id) == {
            "epochs": [{"epoch": 1, "val_loss": 0.5}],
            "best_epoch": 1,
            "best_val_loss": 0.5,
            "is_overfitting": None,
            "is_plateaued": None,
        }
        assert await actor.log(operation_id) == ('{"event": "a line"}\n', 20, True)

    run(scene)


def test_the_last_progress_outlives_the_actor(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        await actor.report(operation_id, 1, progress(5), [], [])
        await actor.cancel(operation_id)
        await actor.acknowledge_cancel(operation_id, 1)
        shown = (await House(tmp_path).operations.get(operation_id)).progress
        assert shown is not None
        assert shown["sequence"] == 5

    run(scene)


def test_a_suspension_puts_what_runs_back_and_gives_out_nothing_more(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        operation_id = await started(house.operations)
        assert await house.operations.suspend(wait_s=0.1) == 1
        view = await house.operations.get(operation_id)
        assert (view.status, view.max_attempts) == ("pending", 4)
        assert await house.operations.claim("cpu-docker", "me", []) is None
        assert not await house.operations.begin_commit(operation_id, 1)
        again = await House(tmp_path).operations.claim("cpu-docker", "you", [])
        assert again is not None
        assert again.attempt == 2

    run(scene)


def test_the_default_mode_comes_from_the_api_then_the_environment_then_auto(tmp_path: Path) -> None:
    async def scene() -> None:
        assert (await House(tmp_path).operations.training_config()).source == "built in"
        house = House(tmp_path, configured_mode="cloud")
        house.view = ClusterView((NodeView("n", "a", "cuda-cloud", "cuda", 1), *house.view.nodes))
        assert (await house.operations.training_config()).source == "environment"
        assert (await house.operations.start(NAMED)).environment == "cuda-cloud"
        change = await house.operations.set_default_mode("local")
        assert (change.previous.default_execution_mode, change.current.source) == ("cloud", "api")
        kept = await House(tmp_path, configured_mode="cloud").operations.training_config()
        assert kept.default_execution_mode == "local"
        with pytest.raises(RequestError):
            await house.operations.set_default_mode("lokal")

    run(scene)


def test_a_plan_makes_no_operation(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        plan = await house.operations.plan(TrainingRequest(strategy_name="minimal"))
        assert plan["placement"]["environment"] == "cpu-docker"
        assert plan["rows"]["rows_train"] > 1000
        assert abs(sum(plan["label_shares"].values()) - 1) < 1e-9
        assert house.book.page().total_count == 0

    run(scene)


def test_a_waiter_is_woken_by_the_end(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        assert (await actor.wait(operation_id, timeout_s=0.0)).status == "running"
        waiting = asyncio.create_task(actor.wait(operation_id))
        await until(lambda: not waiting.done())
        await actor.cancel(operation_id)
        await actor.acknowledge_cancel(operation_id, 1)
        assert (await waiting).status == "cancelled"

    run(scene)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_claim_says_how_its_model_travels(tmp_path: Path, encoding: Encoding) -> None:
    async def scene() -> None:
        house = House(tmp_path, artifact_encoding=encoding)
        await house.operations.submit(NAMED)
        claim = await house.operations.claim("cpu-docker", "me", [])
        assert claim is not None
        assert claim.artifact_encoding is encoding

    run(scene)


def test_a_claim_says_how_often_to_keep_a_state_and_the_request_wins(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path, checkpoint_policy=CheckpointPolicy(7.0, 20))
        await house.operations.submit(NAMED)
        await house.operations.submit({**NAMED, "checkpoint_every_epochs": 3})
        first = await house.operations.claim("cpu-docker", "me", [])
        assert first is not None
        second = await house.operations.claim("cpu-docker", "me", [(first.operation_id, 1)])
        assert second is not None
        assert (first.checkpoint_policy, second.checkpoint_policy) == (CheckpointPolicy(7, 20), CheckpointPolicy(7, 3))
        assert house.book.get(second.operation_id).request["checkpoint_every_epochs"] == 3

    run(scene)


def test_the_share_done_never_goes_back_over_attempts_and_restarts_of_the_actor(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        await actor.report(operation_id, 1, progress(5), [], [])
        await actor.requeue(operation_id, 1, "node died")
        restarted = House(tmp_path).operations
        await restarted.claim("cpu-docker", "me", [])
        await restarted.report(operation_id, 2, {**progress(1, attempt=2, step=1), "percentage": 8.3}, [], [])
        shown = (await restarted.get(operation_id)).progress
        assert shown is not None
        assert (shown["attempt"], shown["percentage"]) == (2, 58.3)

    run(scene)


def test_a_suspension_asks_trainings_to_stop_and_waits_for_their_last_epoch(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        operation_id = await started(house.operations)
        poll = asyncio.create_task(house.operations.wait_for_cancel(operation_id, 1, 20.0))
        await asyncio.sleep(0)
        suspending = asyncio.create_task(house.operations.suspend(wait_s=20.0))
        word, reason = await poll
        assert (word, "ktrdr up" in str(reason)) == ("suspend", True)
        assert await house.operations.may_keep_checkpoint(operation_id, 1)
        await house.operations.checkpoint_kept(operation_id, 1)
        await house.operations.acknowledge_cancel(operation_id, 1)
        assert await suspending == 1
        view = await house.operations.get(operation_id)
        assert (view.status, view.max_attempts) == ("pending", 4)
        assert "goes on from its checkpoint" in house.book.get(operation_id).status_reason

    run(scene)


def test_a_suspension_waits_for_a_model_that_is_being_saved_and_does_not_stop_it(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        assert await actor.begin_commit(operation_id, 1)
        suspending = asyncio.create_task(actor.suspend(wait_s=20.0))
        await asyncio.sleep(0)
        assert await actor.wait_for_cancel(operation_id, 1, 0.1) == ("run", None)
        assert await actor.complete(operation_id, 1, a_result(model_id="m"))
        assert await suspending == 1
        assert (await actor.get(operation_id)).status == "completed"

    run(scene)


def test_a_cancel_wins_over_a_suspension(tmp_path: Path) -> None:
    async def scene() -> None:
        actor = House(tmp_path).operations
        operation_id = await started(actor)
        await actor.cancel(operation_id, "enough")
        assert await actor.suspend(wait_s=0.1) == 0
        assert await actor.wait_for_cancel(operation_id, 1, 0.0) == ("cancel", "enough")

    run(scene)


def test_what_waits_in_an_environment_that_is_configured_no_more_says_so_and_keeps_a_dispatcher(tmp_path: Path) -> None:
    async def scene() -> None:
        operation_id = await House(tmp_path).operations.submit(NAMED)
        later = House(tmp_path, environments=Environments((Environment(name="bench", mode="lab"),))).operations
        assert "not configured any more" in (await later.get(operation_id)).status_reason
        assert [environment.name for environment in await later.former_environments()] == ["cpu-docker"]
        await later.cancel(operation_id)
        assert await later.former_environments() == []

    run(scene)


def test_a_pending_operation_says_whether_a_slot_is_free_or_all_are_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        first, second, third = [await house.operations.submit(NAMED) for _ in range(3)]
        assert (
            "0 of 2 slots of cpu-docker taken; 2 operations ahead" in (await house.operations.get(third)).status_reason
        )
        assert await house.operations.claim("cpu-docker", "me") and await house.operations.claim(
            "cpu-docker", "me", [(first, 1)]
        )
        assert (await house.operations.get(second)).status == "running"
        reason = (await house.operations.get(third)).status_reason
        assert reason == "1 of 1 cpu-docker nodes busy; 0 operations ahead: it starts when a slot is free."

    run(scene)


def test_a_listing_says_of_each_pending_operation_what_it_waits_for_and_of_others_how_they_stand(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        first, second, third = [await house.operations.submit(NAMED) for _ in range(3)]
        for _ in range(2):
            await house.operations.claim("cpu-docker", "me", [(first, 1)])
        items = {item.operation_id: item for item in (await house.operations.page()).items}
        assert (
            items[third].status_reason
            == "1 of 1 cpu-docker nodes busy; 0 operations ahead: it starts when a slot is free."
        )
        assert items[third].status_reason == (await house.operations.get(third)).status_reason
        assert items[second].status_reason.startswith("Attempt 1 of 3 is starting")

    run(scene)
