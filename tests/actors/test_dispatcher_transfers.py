"""Hand-overs made again: the dispatcher, the real OperationsActor and a runner that obeys the test."""

from __future__ import annotations

from pathlib import Path

import pytest
import ray.exceptions as ray_errors

from actors.outcome import record_of
from cluster import ENVIRONMENTS, ClusterView, Environments, NodeView
from ktrdr.errors import (
    ArtifactAway,
    CancellationError,
    NotStarted,
    ResultTransferError,
    StorageError,
    TransitionRefused,
    UnknownArtifact,
)
from ktrdr.operations import KeptArtifact
from tests.fakes.house import House, run, until
from tests.fakes.results import a_result
from tests.ktrdr.operations.builders import Clock

KEPT = KeptArtifact(node="node-1", address="127.0.0.1", path="/spool/a.artifact", sha256="ab" * 32, size=4096)
UNTAKEN = ResultTransferError("The trained model could not be stored: the disk is full.", None, KEPT.model_dump())
NAMED = {"strategy_name": "minimal"}
LOCAL = ENVIRONMENTS.named("cpu-docker")


async def failed(house: House) -> str:
    """Return an operation whose model was not taken, its dispatcher at work."""
    operation_id = await house.begun()
    await house.operations.begin_commit(operation_id, 1)
    house.runner.break_off(operation_id, UNTAKEN)
    ended = await house.operations.wait(operation_id)
    assert (ended.status, ended.artifact) == ("failed", KEPT.model_dump())
    return operation_id


async def reopened(house: House) -> str:
    operation_id = await failed(house)
    assert (await house.operations.retry_transfer(operation_id)).status == "running"
    await until(lambda: len(house.runner.claims) == 2)
    return operation_id


def test_the_same_attempt_is_handed_over_again_and_completes(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await reopened(house)
        claim = house.runner.claims[-1]
        assert (claim.operation_id, claim.attempt, claim.artifact, claim.only_hands_over) == (
            operation_id, 1, KEPT, True,
        )  # fmt: skip
        await house.operations.begin_commit(operation_id, 1)
        house.runner.finish(operation_id)
        ended = await house.operations.wait(operation_id)
        assert (ended.status, ended.attempt, ended.artifact, ended.error) == ("completed", 1, None, None)
        await until(lambda: house.forgotten == [operation_id])

    run(scene)


def test_it_waits_for_no_slot(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await failed(house)
        for _ in range(3):  # two of them take both slots, one waits
            await house.operations.submit(NAMED)
        await until(lambda: len(house.runner.claims) == 3)
        await house.operations.retry_transfer(operation_id)
        await until(lambda: len(house.runner.claims) == 4)
        assert house.runner.claims[-1].only_hands_over
        [local] = [one for one in (await house.operations.environments()).items if one.name == "cpu-docker"]
        assert (local.slots, local.busy, local.free) == (2, 2, 0)

    run(scene)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UNTAKEN, "the disk is full"),
        (StorageError("The artifact is damaged."), "is damaged"),
        (NotStarted("The artifact lies on node node-1, which is not there now."), "not there now"),
        (ray_errors.WorkerCrashedError(), "went away"),
        (ZeroDivisionError("of nobody's making"), "of nobody's making"),
    ],
    ids=["not taken again", "damaged", "node gone", "worker killed", "a defect"],
)
def test_however_it_fails_the_artifact_stays_and_nothing_is_trained(
    tmp_path: Path, error: Exception, said: str
) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await reopened(house)
        house.runner.break_off(operation_id, error)
        ended = await house.operations.wait(operation_id)
        assert ended.error is not None
        assert (ended.status, ended.error["kind"], ended.attempt) == ("failed", "result_transfer", 1)
        assert said in ended.error["message"]
        assert ended.artifact == KEPT.model_dump()
        await house.operations.retry_transfer(operation_id)
        await until(lambda: len(house.runner.claims) == 3)

    run(scene)


def test_one_that_was_stored_before_its_process_died_is_completed(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await reopened(house)
        await house.operations.begin_commit(operation_id, 1)
        house.committed[operation_id] = a_result(model_id="stored/m_v1")
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        assert (await house.operations.wait(operation_id)).status == "completed"
        assert house.runner.let_go_of == []  # it had not said where it runs

    run(scene)


@pytest.mark.parametrize(
    "error",
    [UNTAKEN, UnknownArtifact("train-1"), ZeroDivisionError("of nobody's making"), ray_errors.WorkerCrashedError()],
)
@pytest.mark.parametrize("is_again", [False, True], ids=["by its training", "made again"])
def test_a_hand_over_that_raises_after_its_model_was_stored_is_completed(
    tmp_path: Path, error: Exception, is_again: bool
) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await (reopened(house) if is_again else house.begun())
        await house.operations.placed(operation_id, 1, "node-1", "cpu")
        await house.operations.begin_commit(operation_id, 1)
        house.committed[operation_id] = a_result(model_id="stored/m_v1")
        house.runner.break_off(operation_id, error)
        ended = await house.operations.wait(operation_id)
        assert (ended.status, ended.artifact) == ("completed", None)
        await until(lambda: house.forgotten == [operation_id])
        await until(lambda: house.runner.let_go_of == [(operation_id, "node-1")])

    run(scene)


def test_a_dispatcher_that_died_leaves_a_hand_over_that_failed_and_none_that_runs_for_ever(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await reopened(house)
        house.dispatcher()  # another incarnation
        ended = await house.operations.wait(operation_id)
        assert ended.error is not None
        assert (ended.status, ended.error["kind"], ended.artifact) == ("failed", "result_transfer", KEPT.model_dump())

    run(scene)


def test_one_that_was_reopened_while_the_dispatcher_was_away_is_taken_up_by_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        operation_id = await house.operations.submit(NAMED)
        await house.operations.claim("cpu-docker", "the dead one")
        await house.operations.artifact_kept(operation_id, 1, KEPT)
        house.book.fail(operation_id, 1, record_of(UNTAKEN))
        await house.operations.retry_transfer(operation_id)
        house.dispatcher()
        await until(lambda: [claim.only_hands_over for claim in house.runner.claims] == [True])

    run(scene)


def test_a_cancel_before_its_commit_ends_it_and_leaves_the_artifact(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher(cancel_grace_s=20.0)
        operation_id = await reopened(house)
        await house.operations.cancel(operation_id, "enough")
        house.runner.break_off(operation_id, CancellationError("The operation ended before its model was saved"))
        ended = await house.operations.wait(operation_id)
        assert (ended.status, ended.artifact) == ("cancelled", KEPT.model_dump())

    run(scene)


def test_the_end_of_the_service_leaves_a_hand_over_that_failed(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await reopened(house)
        await house.operations.suspend(0.0)
        ended = await house.operations.get(operation_id)
        assert ended.error is not None
        assert (ended.status, ended.error["kind"]) == ("failed", "result_transfer")
        assert "`ktrdr up`" in ended.status_reason

    run(scene)


def test_an_attempt_killed_while_it_hands_over_leaves_the_next_one_what_it_has_trained(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.begun()
        await house.operations.artifact_kept(operation_id, 1, KEPT)
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        await until(lambda: len(house.runner.claims) == 2)
        claim = house.runner.claims[-1]
        assert (claim.attempt, claim.artifact, claim.only_hands_over) == (2, KEPT, False)

    run(scene)


@pytest.mark.parametrize(
    ("node", "is_there"),
    [
        (NodeView("node-9", "127.0.0.1", "cpu-docker", "cpu", slots=2), True),
        (NodeView("node-9", "10.0.0.9", "cpu-docker", "cpu", slots=2), False),
    ],
    ids=["started again", "another machine"],
)
def test_it_is_reopened_where_the_node_or_the_one_in_its_place_is_there(
    tmp_path: Path, node: NodeView, is_there: bool
) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await failed(house)
        house.view = ClusterView((node,))
        if is_there:
            assert (await house.operations.retry_transfer(operation_id)).status == "running"
            return
        with pytest.raises(
            ArtifactAway, match=r"node node-1 at 127\.0\.0\.1 \(/spool/a.artifact\), which is not there"
        ):
            await house.operations.retry_transfer(operation_id)
        assert (await house.operations.get(operation_id)).status == "failed"

    run(scene)


def test_it_has_the_time_it_needs_however_long_its_training_was_let_run(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        limited = Environments((LOCAL.model_copy(update={"max_duration_s": 60.0}),))
        house = House(tmp_path, environments=limited, clock=clock)
        house.dispatcher()
        operation_id = await reopened(house)
        clock.advance(hours=1)
        assert await house.operations.wait_for_cancel(operation_id, 1, 0.01) == ("run", None)
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        ended = await house.operations.wait(operation_id)
        assert ended.error is not None and ended.error["kind"] == "result_transfer"

    run(scene)


def test_a_training_that_is_done_is_not_timed_out_while_it_hands_over(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        limited = Environments((LOCAL.model_copy(update={"max_duration_s": 60.0}),))
        house = House(tmp_path, environments=limited, clock=clock)
        house.dispatcher()
        operation_id = await house.begun()
        clock.advance(seconds=59)
        await house.operations.artifact_kept(operation_id, 1, KEPT)
        clock.advance(hours=1)
        assert await house.operations.wait_for_cancel(operation_id, 1, 0.01) == ("run", None)
        house.runner.break_off(operation_id, ray_errors.WorkerCrashedError())
        await until(lambda: len(house.runner.claims) == 2)
        clock.advance(hours=1)  # the next attempt may have to train: it has its own time and no more
        word, _ = await house.operations.wait_for_cancel(operation_id, 2, 0.01)
        assert word == "timeout"

    run(scene)


def test_one_of_an_environment_that_nobody_serves_any_more_is_refused(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await failed(house)
        operation = house.book.get(operation_id)
        with house.book._store.writing() as rows:
            former = operation.execution.model_copy(update={"environment": "former"})
            rows.replace(operation.changed(execution=former))
        with pytest.raises(TransitionRefused, match="former is not configured any more"):
            await house.operations.retry_transfer(operation_id)

    run(scene)


def test_what_failed_otherwise_is_refused_with_its_status(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        house.dispatcher()
        operation_id = await house.begun()
        with pytest.raises(TransitionRefused, match="is running: it cannot be handed over again"):
            await house.operations.retry_transfer(operation_id)

    run(scene)
