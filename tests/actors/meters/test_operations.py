"""The OperationsActor's metrics, moved by what happens in a house."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from actors.meters import OPERATION_METRICS, OperationMeters
from cluster import ClusterView, NodeView
from ktrdr.errors import InfrastructureError, NotStarted, TrainingError
from tests.fakes.house import House, run, until
from tests.fakes.results import a_result
from tests.fakes.runner import LOCAL_NODE
from tests.fakes.scrape import families, series, value

NAMED = {"strategy_name": "minimal"}
HERE = "cpu-docker"


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def house_in(folder: Path) -> tuple[House, Seconds]:
    clock = Seconds()
    return House(folder, meters=OperationMeters(clock=clock)), clock


def update(sequence: int, attempt: int = 1) -> dict[str, Any]:
    return {"attempt": attempt, "sequence": sequence, "percentage": 58.3, "current_step": 7}


async def claimed(house: House) -> str:
    operation_id = await house.operations.submit(NAMED)
    assert await house.operations.claim(HERE, "me") is not None
    return operation_id


def test_every_metric_is_there_before_anything_happens(tmp_path: Path) -> None:
    async def scene() -> None:
        text = await House(tmp_path).operations.exposition()
        assert families(text) == sorted(metric.name for metric in OPERATION_METRICS)
        assert set(series(text, "ktrdr_operations").values()) == {0}
        assert series(text, "ktrdr_queued_operations") == {("cpu-docker",): 0, ("mps-mac",): 0, ("cuda-cloud",): 0}
        assert value(text, "ktrdr_endings_total", "mps-mac", "failed") == 0

    run(scene)


def test_submissions_are_counted_once_and_fallbacks_by_the_mode_that_was_asked(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        await house.operations.submit({**NAMED, "execution_mode": "host"})
        for _ in range(2):  # the same one
            await house.operations.submit({**NAMED, "operation_id": "train-twice"})
        text = await house.operations.exposition()
        assert value(text, "ktrdr_submissions_total", HERE) == 2
        assert {mode: n for mode, n in series(text, "ktrdr_fallbacks_total").items() if n} == {("host",): 1}

    run(scene)


def test_what_waits_and_what_runs_is_counted_from_the_store_after_a_restart_too(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        for _ in range(3):
            await house.operations.submit(NAMED)
        assert await house.operations.claim(HERE, "me") is not None
        for after in (house, House(tmp_path)):
            text = await after.operations.exposition()
            assert value(text, "ktrdr_operations", "pending") == 2
            assert value(text, "ktrdr_operations", "running") == 1
            assert value(text, "ktrdr_queued_operations", HERE) == 2
            assert value(text, "ktrdr_running_trainings", HERE) == 1
        assert value(text, "ktrdr_submissions_total", HERE) == 0  # as Prometheus expects of a counter

    run(scene)


def test_endings_are_counted_by_outcome_and_late_reports_not(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        dispatcher = house.dispatcher()
        first, second = [await house.operations.submit(NAMED) for _ in range(2)]
        await until(lambda: len(house.runner.claims) == 2)
        await house.operations.begin_commit(first, 1)
        house.runner.finish(first)
        house.runner.break_off(second, TrainingError("The loss is NaN."))
        for operation_id in (first, second):
            await house.operations.wait(operation_id)
        assert not await house.operations.complete(first, 1, a_result())  # late
        waiting = await house.operations.submit({**NAMED, "operation_id": "train-waits"})
        house.view = ClusterView(())
        await house.operations.cancel(waiting)
        text = await house.operations.exposition()
        assert (await dispatcher.ping())["is_dispatching"]
        ended = {labels: n for labels, n in series(text, "ktrdr_endings_total").items() if n}
        assert ended == {(HERE, "completed"): 1, (HERE, "failed"): 1, (HERE, "cancelled"): 1}

    run(scene)


@pytest.mark.parametrize(
    ("error", "n_lost"),
    [(InfrastructureError("The node went away."), 1), (NotStarted("No node is there any more."), 0)],
)
def test_an_attempt_is_lost_when_what_ran_it_went_away(tmp_path: Path, error: InfrastructureError, n_lost: int) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        dispatcher = house.dispatcher()
        operation_id = await house.operations.submit(NAMED)
        await until(lambda: len(house.runner.claims) == 1)
        house.runner.break_off(operation_id, error)
        await until(lambda: len(house.runner.claims) == 2)
        text = await house.operations.exposition()
        assert (await dispatcher.ping())["in_flight"] == 1
        assert value(text, "ktrdr_lost_attempts_total", HERE) == n_lost
        assert value(text, "ktrdr_endings_total", HERE, "failed") == 0

    run(scene)


def test_a_cancel_is_timed_from_the_first_request_until_the_training_has_stopped(tmp_path: Path) -> None:
    async def scene() -> None:
        house, clock = house_in(tmp_path)
        operation_id = await claimed(house)
        await house.operations.cancel(operation_id)
        clock.now += 0.5
        await house.operations.cancel(operation_id)
        clock.now += 0.25
        await house.operations.acknowledge_cancel(operation_id, 1)
        text = await house.operations.exposition()
        assert value(text, "ktrdr_cancel_latency_seconds_sum") == 0.75
        assert value(text, "ktrdr_cancel_latency_seconds_count") == 1

    run(scene)


def test_a_pending_operation_is_cancelled_at_once_and_not_timed(tmp_path: Path) -> None:
    async def scene() -> None:
        house, _ = house_in(tmp_path)
        await house.operations.cancel(await house.operations.submit(NAMED))
        text = await house.operations.exposition()
        assert value(text, "ktrdr_cancel_latency_seconds_count") == 0
        assert value(text, "ktrdr_endings_total", HERE, "cancelled") == 1

    run(scene)


def test_progress_is_timed_within_an_attempt_by_updates_that_are_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        house, clock = house_in(tmp_path)
        operation_id = await claimed(house)
        for sequence, elapsed_s in ((1, 0.0), (3, 2.0), (2, 4.0), (4, 4.0)):  # the second comes after the third
            clock.now = 100.0 + elapsed_s
            await house.operations.report(operation_id, 1, update(sequence), [], [])
        await house.operations.requeue(operation_id, 1, "The node went away.")
        clock.now += 60.0
        assert await house.operations.claim(HERE, "me") is not None
        await house.operations.report(operation_id, 2, update(1, attempt=2), [], [])
        text = await house.operations.exposition()
        assert value(text, "ktrdr_progress_interval_seconds_count") == 2
        assert value(text, "ktrdr_progress_interval_seconds_sum") == 4.0

    run(scene)


def test_a_node_that_is_gone_is_down_for_an_hour_and_then_forgotten(tmp_path: Path) -> None:
    async def scene() -> None:
        house, clock = house_in(tmp_path)
        mac = NodeView("node-2", "10.0.0.2", "mps-mac", "mps", slots=1)
        house.view = ClusterView((LOCAL_NODE, mac, NodeView("head", "10.0.0.1", None, "cpu", slots=0)))
        both = {(HERE, "node-1"): 1, ("mps-mac", "node-2"): 1}
        assert series(await house.operations.exposition(), "ktrdr_node_up") == both
        house.view = ClusterView((LOCAL_NODE,))
        clock.now += 60
        assert series(await house.operations.exposition(), "ktrdr_node_up") == {**both, ("mps-mac", "node-2"): 0}
        clock.now += 3600
        assert series(await house.operations.exposition(), "ktrdr_node_up") == {(HERE, "node-1"): 1}

    run(scene)


def test_no_series_is_that_of_an_operation(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        n_before = len((await house.operations.exposition()).splitlines())
        for _ in range(2):
            operation_id = await claimed(house)
            await house.operations.report(operation_id, 1, update(1), [], [])
            await house.operations.report(operation_id, 1, update(2), [], [])
            await house.operations.cancel(operation_id)
            await house.operations.acknowledge_cancel(operation_id, 1)
            text = await house.operations.exposition()
            assert operation_id not in text
        assert value(text, "ktrdr_progress_interval_seconds_count") == 2
        assert len(text.splitlines()) == n_before

    run(scene)


def test_two_scrapes_at_once_are_both_right(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        await house.operations.submit(NAMED)
        for text in await asyncio.gather(*(house.operations.exposition() for _ in range(5))):
            assert value(text, "ktrdr_operations", "pending") == 1

    run(scene)
