"""A request whose training has been made before, over a real store of operations and the bundled bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster import ClusterView
from ktrdr.errors import ExecutionModeError, InfrastructureError, RequestError
from ktrdr.wire import TrainingReused, TrainingStarted
from tests.fakes.house import House, run
from tests.fakes.results import a_result

NAMED = {"strategy_name": "minimal", "seed": 3}
REUSED = {**NAMED, "reuse": "if_identical"}
MODEL = {
    "model_id": "minimal/SP500_1d_v2",
    "model_path": "models/minimal/SP500_1d_v2",
    "operation_id": "train-1",
    "created_at": "2026-01-02T03:04:05.000006+00:00",
    "device": "cpu",
    "test_accuracy": 0.5,
}


async def house_that_trained(folder: Path, request: dict[str, Any]) -> House:
    """Return a house whose registry has a model of what `request` asks for."""
    house = House(folder)
    await house.operations.plan(request)
    house.trained[house.asked_of_registry[-1][-1]] = MODEL
    return house


def test_a_start_always_trains_and_names_the_model_that_there_is(tmp_path: Path) -> None:
    async def scene() -> None:
        house = await house_that_trained(tmp_path, NAMED)
        started = await house.operations.start(NAMED)
        assert isinstance(started, TrainingStarted)
        assert started.identical_model is not None
        assert started.identical_model.model_dump() == MODEL
        again = await house.operations.start({**NAMED, "operation_id": started.operation_id})
        assert again == started
        assert house.asked_of_registry[-1][:3] == ("minimal", ("SP500",), "1d")

    run(scene)


@pytest.mark.parametrize("changed", [{"seed": 4}, {"overrides": {"training.epochs": 2}}, {"end_date": "2015-12-31"}])
def test_another_training_has_no_identical_model_and_is_not_reused(tmp_path: Path, changed: dict[str, Any]) -> None:
    async def scene() -> None:
        house = await house_that_trained(tmp_path, NAMED)
        started = await house.operations.start({**REUSED, **changed})
        assert isinstance(started, TrainingStarted)
        assert started.identical_model is None

    run(scene)


def test_where_it_may_be_reused_the_model_is_the_answer_and_no_operation_is_made(tmp_path: Path) -> None:
    async def scene() -> None:
        house = await house_that_trained(tmp_path, NAMED)
        answer = await house.operations.start({**REUSED, "run_name": "a name is no other training"}, "key-1")
        assert isinstance(answer, TrainingReused)
        assert (answer.model_id, answer.operation_id) == (MODEL["model_id"], MODEL["operation_id"])
        assert (await house.operations.page()).total_count == 0

    run(scene)


def test_a_plan_names_the_model_that_there_is(tmp_path: Path) -> None:
    async def scene() -> None:
        house = await house_that_trained(tmp_path, NAMED)
        assert (await house.operations.plan(NAMED))["identical_model"] == MODEL
        assert (await house.operations.plan({**NAMED, "seed": 4}))["identical_model"] is None

    run(scene)


def test_a_retry_trains_again_whatever_there_is(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        parent = await house.operations.start(REUSED)
        house.trained[house.asked_of_registry[-1][-1]] = MODEL
        assert house.book.claim("cpu-docker", "me") is not None
        assert house.book.begin_commit(parent.operation_id, 1)
        house.book.complete(parent.operation_id, 1, a_result().model_dump(mode="json"))
        retried = await house.operations.retry(parent.operation_id)
        assert retried.operation_id != parent.operation_id
        assert retried.identical_model is not None

    run(scene)


def test_a_registry_that_is_away_holds_up_only_who_asked_for_what_it_has(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.registry_is_away = True
        started = await house.operations.start(NAMED)
        assert started.identical_model is None
        with pytest.raises(InfrastructureError, match="does not answer"):
            await house.operations.start(REUSED)

    run(scene)


def test_submit_makes_an_operation_or_says_that_it_cannot_reuse(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        with pytest.raises(RequestError, match="submit always makes an operation"):
            await house.operations.submit(REUSED)

    run(scene)


def test_what_is_reused_needs_no_place(tmp_path: Path) -> None:
    async def scene() -> None:
        house = await house_that_trained(tmp_path, NAMED)
        house.view = ClusterView(())
        with pytest.raises(ExecutionModeError):
            await house.operations.start(NAMED)
        assert isinstance(await house.operations.start(REUSED), TrainingReused)
        assert (await house.operations.page()).total_count == 0

    run(scene)
