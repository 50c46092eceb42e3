from __future__ import annotations

from collections.abc import Callable

import pytest

from ktrdr.errors import ErrorKind, TransitionRefused
from ktrdr.operations import Operation, OperationBook, OperationError
from tests.ktrdr.operations.builders import KEPT, Clock, pending

NO_ROOM = OperationError(kind="result_transfer", message="The disk under models is full.")


def started(book: OperationBook, **changes: object) -> Operation:
    book.submit(pending("train-1", **changes))
    claimed = book.claim("cpu-docker", "d-1")
    assert claimed is not None
    return claimed


def failed(book: OperationBook) -> Operation:
    """Return an operation that has trained, and whose model no store took."""
    started(book)
    assert book.artifact_kept("train-1", 1, KEPT)
    assert book.begin_commit("train-1", 1)
    ended = book.fail("train-1", 1, NO_ROOM)
    assert ended is not None
    return ended


def reopened(book: OperationBook) -> Operation:
    failed(book)
    return book.retry_transfer("train-1")


def test_what_was_not_taken_says_how_it_is_handed_over_again(book: OperationBook) -> None:
    ended = failed(book)
    assert (ended.status, ended.artifact) == ("failed", KEPT)
    assert "`ktrdr operations retry-transfer train-1`" in ended.status_reason


def test_an_artifact_that_could_not_be_told_of_before_comes_with_the_failure(book: OperationBook) -> None:
    started(book)
    ended = book.fail("train-1", 1, NO_ROOM, KEPT)
    assert ended is not None and ended.artifact == KEPT


def test_the_same_attempt_is_reopened_and_begins_its_commit_anew(book: OperationBook, clock: Clock) -> None:
    failed(book)
    clock.advance(hours=1)
    again = book.retry_transfer("train-1")
    assert (again.status, again.attempt, again.error, again.owner) == ("running", 1, None, None)
    assert not again.committing
    assert "nothing is trained" in again.status_reason
    with pytest.raises(TransitionRefused):
        book.complete("train-1", 1, {"model_id": "m"})
    assert book.begin_commit("train-1", 1)
    done = book.complete("train-1", 1, {"model_id": "m"})
    assert done is not None and (done.status, done.attempt, done.artifact) == ("completed", 1, None)


def test_a_reopened_attempt_is_given_once_and_again_after_a_lost_answer(book: OperationBook) -> None:
    reopened(book)
    assert book.claim("cpu-docker", "d-1") is None
    assert book.claim_transfer("mps-mac", "d-1") is None
    given = book.claim_transfer("cpu-docker", "d-1")
    assert given is not None and (given.operation_id, given.owner) == ("train-1", "d-1")
    assert book.claim_transfer("cpu-docker", "d-2") is None
    assert book.claim_transfer("cpu-docker", "d-1", [("train-1", 1)]) is None
    assert book.claim_transfer("cpu-docker", "d-1") == given
    assert book.claim("cpu-docker", "d-1") is None


def test_one_that_is_reopened_already_stays_its_owners(book: OperationBook) -> None:
    reopened(book)
    given = book.claim_transfer("cpu-docker", "d-1")
    book.begin_commit("train-1", 1)
    before = book.get("train-1")
    assert given is not None and book.retry_transfer("train-1") == before
    assert book.claim_transfer("cpu-docker", "d-1", [("train-1", 1)]) is None
    assert book.get("train-1") == before


def test_what_is_handed_over_again_takes_no_slot_and_costs_nothing(book: OperationBook, clock: Clock) -> None:
    priced = pending("train-1")
    started(book, execution=priced.execution.model_copy(update={"cost_per_hour": 10.0}))
    clock.advance(hours=1)
    assert (book.busy(), book.queue()[1]) == ({"cpu-docker": 1}, {"cpu-docker": 1})
    book.fail("train-1", 1, NO_ROOM, KEPT)
    again = book.retry_transfer("train-1")
    clock.advance(hours=5)
    assert (book.busy(), book.queue()[1]) == ({}, {})
    assert (again.ran_until_s(clock()), again.cost(clock())) == (3600.0, 10.0)
    book.begin_commit("train-1", 1)
    done = book.complete("train-1", 1, {})
    assert done is not None and (done.ran_s, done.cost(clock())) == (3600.0, 10.0)


def test_one_that_nobody_has_claimed_is_nobodys_orphan(book: OperationBook) -> None:
    reopened(book)
    assert book.orphans("cpu-docker", "d-2") == []
    book.claim_transfer("cpu-docker", "d-1")
    assert [one.operation_id for one in book.orphans("cpu-docker", "d-2")] == ["train-1"]


@pytest.mark.parametrize(
    "ending",
    [
        lambda book: book.requeue("train-1", 1, "The node died."),
        lambda book: book.requeue("train-1", 1, "The service was stopped.", False),
        lambda book: book.fail("train-1", 1, OperationError(kind="timeout", message="It ran too long.")),
    ],
    ids=["lost", "suspended", "another error"],
)
def test_however_it_ends_it_is_not_trained_again_and_can_be_handed_over_again(
    book: OperationBook, ending: Callable[[OperationBook], Operation | None]
) -> None:
    reopened(book)
    book.claim_transfer("cpu-docker", "d-1")
    ended = ending(book)
    assert ended is not None and ended.error is not None
    assert (ended.status, ended.error.kind, ended.attempt, ended.artifact) == ("failed", "result_transfer", 1, KEPT)
    assert book.claim("cpu-docker", "d-1") is None
    assert book.retry_transfer("train-1").status == "running"


def test_a_cancel_before_its_commit_leaves_the_artifact(book: OperationBook) -> None:
    reopened(book)
    assert book.request_cancel("train-1", "never mind").status == "cancelling"
    assert not book.begin_commit("train-1", 1)
    ended = book.acknowledge_cancel("train-1", 1)
    assert ended is not None and (ended.status, ended.artifact) == ("cancelled", KEPT)


def test_the_last_attempt_lost_after_its_training_is_a_hand_over_that_failed(book: OperationBook) -> None:
    started(book, max_attempts=1)
    book.artifact_kept("train-1", 1, KEPT)
    ended = book.requeue("train-1", 1, "Its process was killed.")
    assert ended is not None and ended.error is not None and ended.error.kind == "result_transfer"
    assert "retry-transfer train-1" in ended.status_reason


def test_one_lost_before_is_tried_again_with_its_artifact_at_hand(book: OperationBook) -> None:
    started(book)
    book.artifact_kept("train-1", 1, KEPT)
    book.requeue("train-1", 1, "Its process was killed.")
    again = book.claim("cpu-docker", "d-1")
    assert again is not None and (again.attempt, again.artifact, again.transferring) == (2, KEPT, False)


def test_a_resume_trains_and_lets_go_of_the_artifact(book: OperationBook) -> None:
    started(book)
    book.checkpoint_kept("train-1", 1)
    book.fail("train-1", 1, NO_ROOM, KEPT)
    waiting = book.resume("train-1")
    assert (waiting.status, waiting.artifact) == ("pending", None)


@pytest.mark.parametrize("kind", ["timeout", "infrastructure", "training"])
def test_whatever_it_failed_of_what_is_kept_can_be_handed_over_again(book: OperationBook, kind: ErrorKind) -> None:
    started(book)
    book.artifact_kept("train-1", 1, KEPT)
    ended = book.fail("train-1", 1, OperationError(kind=kind, message="It ended."))
    assert ended is not None and "retry-transfer train-1" in ended.status_reason
    again = book.retry_transfer("train-1")
    assert (again.status, again.transferring, again.artifact) == ("running", True, KEPT)


def test_an_attempt_has_trained_from_when_its_artifact_is_kept_and_the_next_one_has_not(book: OperationBook) -> None:
    assert not started(book).trained
    book.artifact_kept("train-1", 1, KEPT)
    assert book.get("train-1").trained
    book.requeue("train-1", 1, "Its process was killed.")
    again = book.claim("cpu-docker", "d-1")
    assert again is not None and not again.trained


@pytest.mark.parametrize("state", ["pending", "running", "completed", "cancelled", "failed with nothing kept"])
def test_nothing_else_is_handed_over_again(book: OperationBook, state: str) -> None:
    book.submit(pending("train-1"))
    if state != "pending":
        book.claim("cpu-docker", "d-1")
    if state == "completed":
        book.begin_commit("train-1", 1)
        book.complete("train-1", 1, {})
    if state == "cancelled":
        book.artifact_kept("train-1", 1, KEPT)
        book.request_cancel("train-1", "enough")
        book.acknowledge_cancel("train-1", 1)
    if state == "failed with nothing kept":
        book.fail("train-1", 1, NO_ROOM)
    before = book.get("train-1")
    with pytest.raises(TransitionRefused, match="handed over again") as refused:
        book.retry_transfer("train-1")
    assert refused.value.status == before.status
    assert book.get("train-1") == before


def test_a_late_report_of_an_artifact_is_dropped(book: OperationBook) -> None:
    failed(book)
    assert not book.artifact_kept("train-1", 1, KEPT.model_copy(update={"node": "another"}))
    assert book.get("train-1").artifact == KEPT


def test_being_placed_keeps_the_device_that_trained(book: OperationBook) -> None:
    started(book)
    book.placed("train-1", 1, "node-1", "cuda")
    book.fail("train-1", 1, NO_ROOM, KEPT)
    book.retry_transfer("train-1")
    there = book.placed("train-1", 1, "node-2", None)
    assert there is not None and (there.execution.node, there.execution.device) == ("node-2", "cuda")
    assert "handed over again" in there.status_reason
