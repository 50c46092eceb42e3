from __future__ import annotations

from collections.abc import Callable

import pytest

from ktrdr.errors import IdempotencyConflict, RequestError, TransitionRefused, UnknownOperation
from ktrdr.operations import Operation, OperationBook, OperationError, OperationStatus
from tests.ktrdr.operations.builders import Clock, pending

BROKEN = OperationError(kind="training", message="loss is not finite in epoch 3")


def claim(book: OperationBook, owner: str = "d-1") -> Operation:
    claimed = book.claim("cpu-docker", owner, under_way(book))
    assert claimed is not None
    return claimed


def under_way(book: OperationBook) -> list[tuple[str, int]]:
    return [(one.operation_id, one.attempt) for one in book.page(active=True).items if one.status != "pending"]


def start(book: OperationBook, operation_id: str = "train-1") -> Operation:
    book.submit(pending(operation_id))
    return claim(book)


# submitting


def test_a_repeated_submit_of_one_id_makes_one_operation(book: OperationBook) -> None:
    assert book.submit(pending("train-a"))[1]
    running = claim(book)
    assert book.submit(pending("train-a")) == (running, False)
    assert book.page().total_count == 1


def test_a_key_used_again_with_the_same_body_gives_the_first_operation(book: OperationBook) -> None:
    first, was_created = book.submit(pending("train-a"), "key", "sha")
    assert was_created
    assert book.submit(pending("train-b"), "key", "sha") == (first, False)
    with pytest.raises(UnknownOperation):
        book.get("train-b")


@pytest.mark.parametrize("operation_id", ["train-a", "train-b"])
def test_a_key_used_again_with_another_body_is_refused(book: OperationBook, operation_id: str) -> None:
    book.submit(pending("train-a"), "key", "sha")
    with pytest.raises(IdempotencyConflict, match="train-a"):
        book.submit(pending(operation_id), "key", "other")
    assert book.page().total_count == 1


def test_a_key_is_kept_for_24_hours(book: OperationBook, clock: Clock) -> None:
    book.submit(pending("train-a"), "key", "sha")
    clock.advance(hours=24)
    assert not book.submit(pending("train-b"), "key", "sha")[1]
    clock.advance(milliseconds=1)
    assert book.submit(pending("train-b"), "key", "other")[1]
    assert not book.submit(pending("train-c"), "key", "other")[1]


def test_only_a_pending_operation_is_submitted(book: OperationBook) -> None:
    with pytest.raises(ValueError, match="running"):
        book.submit(pending(status="running"))


# claiming


def test_operations_start_in_the_order_of_submission_within_their_environment(book: OperationBook) -> None:
    for operation_id, environment in [("train-z", "cpu-docker"), ("train-a", "cpu-docker"), ("train-m", "mps-mac")]:
        book.submit(pending(operation_id, environment))
    assert book.queue()[0] == {"train-z": 0, "train-a": 1, "train-m": 0}
    first = claim(book)
    assert (first.operation_id, first.status, first.attempt) == ("train-z", "running", 1)
    assert (first.owner, first.started_at) == ("d-1", "2025-01-31T09:30:00.000Z")
    assert first == book.get("train-z") and "train-z" not in book.queue()[0]
    assert claim(book).operation_id == "train-a"
    assert book.claim("cpu-docker", "d-1", under_way(book)) is None
    assert book.get("train-m").status == "pending"


def test_a_claim_whose_answer_was_lost_is_given_again_before_any_other(book: OperationBook) -> None:
    first = start(book, "train-a")
    book.submit(pending("train-b"))
    assert book.claim("cpu-docker", "d-1") == first
    assert book.get("train-b").status == "pending"
    second = book.claim("cpu-docker", "d-1", [("train-a", 1)])
    assert second is not None and second.operation_id == "train-b"


def test_what_another_owner_or_environment_has_is_not_given_again(book: OperationBook) -> None:
    start(book, "train-a")
    assert book.claim("cpu-docker", "d-2") is None
    assert book.claim("mps-mac", "d-1") is None


def test_a_placed_attempt_names_its_node_and_device(book: OperationBook) -> None:
    start(book)
    there = book.placed("train-1", 1, "node-7", "cpu")
    assert there is not None and (there.execution.node, there.execution.device) == ("node-7", "cpu")
    assert book.get("train-1") == there
    assert "node-7 (cpu)" in there.status_reason and "follow train-1" in there.status_reason
    assert book.placed("train-1", 2, "node-8", "cpu") is None


def test_being_placed_does_not_hide_that_it_is_stopping(book: OperationBook) -> None:
    start(book)
    stopping = book.request_cancel("train-1", "wrong dates")
    there = book.placed("train-1", 1, "node-7", "cpu")
    assert there is not None and there.execution.node == "node-7"
    assert there.status_reason == stopping.status_reason


# ending


def test_a_completed_operation_had_begun_its_commit(book: OperationBook) -> None:
    start(book)
    with pytest.raises(TransitionRefused, match="before its commit has begun"):
        book.complete("train-1", 1, {"success": True})
    assert book.begin_commit("train-1", 1) and book.begin_commit("train-1", 1)
    done = book.complete("train-1", 1, {"success": True})
    assert done is not None and done.status is OperationStatus.COMPLETED
    assert done.result == {"success": True} and done.completed_at is not None
    assert done.status_reason == "Completed. See it with `ktrdr operations show train-1`."
    assert book.get("train-1") == done
    assert book.complete("train-1", 1, {"success": True}) is None
    assert not book.begin_commit("train-1", 1)


def test_a_failed_operation_keeps_its_error(book: OperationBook) -> None:
    start(book)
    failed = book.fail("train-1", 1, BROKEN)
    assert failed is not None and failed.error == BROKEN and failed.status == "failed"
    assert "loss is not finite in epoch 3." in failed.status_reason and "show train-1" in failed.status_reason


def test_an_attempt_lost_to_infrastructure_is_made_again_up_to_the_limit(book: OperationBook) -> None:
    book.submit(pending(max_attempts=2))
    claim(book)
    book.placed("train-1", 1, "node-1", "cpu")
    waiting = book.requeue("train-1", 1, "node node-1 died")
    assert waiting is not None and (waiting.status, waiting.attempt, waiting.owner) == ("pending", 1, None)
    assert waiting.execution.node is None and "node node-1 died" in waiting.status_reason
    assert claim(book).attempt == 2
    failed = book.requeue("train-1", 2, "node node-1 died")
    assert failed is not None and failed.status == "failed"
    assert failed.error is not None and failed.error.kind == "infrastructure"


def test_a_suspension_does_not_count(book: OperationBook) -> None:
    book.submit(pending(max_attempts=1))
    for attempt in (1, 2, 3):
        assert claim(book).attempt == attempt
        waiting = book.requeue("train-1", attempt, "the service is stopping", counts=False)
        assert waiting is not None and waiting.status == "pending" and waiting.max_attempts == attempt + 1
    claim(book)
    failed = book.requeue("train-1", 4, "node died")
    assert failed is not None and failed.status == "failed"


def test_a_requeued_operation_keeps_its_place(book: OperationBook) -> None:
    start(book, "train-a")
    book.submit(pending("train-b"))
    book.requeue("train-a", 1, "node died")
    assert claim(book).operation_id == "train-a"


REPORTS: dict[str, Callable[[OperationBook, int], object]] = {
    "complete": lambda book, attempt: book.complete("train-1", attempt, {}),
    "fail": lambda book, attempt: book.fail("train-1", attempt, BROKEN),
    "requeue": lambda book, attempt: book.requeue("train-1", attempt, "node died"),
    "acknowledge_cancel": lambda book, attempt: book.acknowledge_cancel("train-1", attempt),
    "placed": lambda book, attempt: book.placed("train-1", attempt, "node-9", "cpu"),
    "begin_commit": lambda book, attempt: book.begin_commit("train-1", attempt) or None,
    "record_epochs": lambda book, attempt: book.record_epochs("train-1", attempt, [{"epoch": 1}]),
}


@pytest.mark.parametrize("report", REPORTS)
def test_a_late_report_of_an_older_attempt_is_dropped(book: OperationBook, report: str) -> None:
    start(book)
    book.requeue("train-1", 1, "node died")
    for _ in range(2):  # while it waits again, and while the next attempt runs
        before = book.get("train-1")
        assert REPORTS[report](book, 1) is None
        assert book.get("train-1") == before
        book.claim("cpu-docker", "d-1")
    assert book.epochs("train-1") == []


@pytest.mark.parametrize("report", REPORTS)
def test_nothing_is_reported_of_an_operation_there_is_not(book: OperationBook, report: str) -> None:
    with pytest.raises(UnknownOperation):
        REPORTS[report](book, 1)


# cancelling


def test_a_pending_operation_is_cancelled_at_once(book: OperationBook) -> None:
    book.submit(pending())
    cancelled = book.request_cancel("train-1", "wrong dates")
    assert (cancelled.status, cancelled.cancel_reason) == ("cancelled", "wrong dates")
    assert "before it started: wrong dates." in cancelled.status_reason
    assert book.claim("cpu-docker", "d-1") is None


def test_a_running_operation_stops_when_its_attempt_says_so(book: OperationBook) -> None:
    start(book)
    stopping = book.request_cancel("train-1", "wrong dates")
    assert stopping.status == "cancelling"
    assert book.request_cancel("train-1", "impatience") == stopping
    assert not book.begin_commit("train-1", 1)
    assert book.complete("train-1", 1, {}) is None
    ended = book.acknowledge_cancel("train-1", 1)
    assert ended is not None and ended.status == "cancelled" and ended.completed_at is not None
    assert ended.cancel_reason == "wrong dates" and "wrong dates" in ended.status_reason


def test_what_was_asked_to_stop_ends_cancelled_however_it_ends(book: OperationBook) -> None:
    start(book, "train-a")
    start(book, "train-b")
    for operation_id in ("train-a", "train-b"):
        book.request_cancel(operation_id, "wrong dates")
    failed, lost = book.fail("train-a", 1, BROKEN), book.requeue("train-b", 1, "node died")
    assert failed is not None and failed.status == "cancelled" and failed.error is None
    assert "wrong dates" in failed.status_reason and BROKEN.message in failed.status_reason
    assert lost is not None and lost.status == "cancelled" and "node died" in lost.status_reason


def test_a_commit_that_has_begun_is_not_cancelled(book: OperationBook) -> None:
    start(book)
    book.begin_commit("train-1", 1)
    with pytest.raises(TransitionRefused) as refused:
        book.request_cancel("train-1", "too late")
    assert refused.value.status == "committing"
    assert book.get("train-1").status == "running"


def test_force_may_be_asked_at_once_or_later_and_is_not_taken_back(book: OperationBook) -> None:
    start(book, "train-a")
    start(book, "train-b")
    assert book.request_cancel("train-a", "hangs", force=True).cancel_forced
    assert not book.request_cancel("train-b", "wrong dates").cancel_forced
    forced = book.request_cancel("train-b", "hangs", force=True)
    assert (forced.status, forced.cancel_forced, forced.cancel_reason) == ("cancelling", True, "wrong dates")
    assert book.request_cancel("train-b", "again") == forced == book.get("train-b")


def test_what_has_ended_is_not_cancelled(book: OperationBook) -> None:
    start(book)
    book.fail("train-1", 1, BROKEN)
    with pytest.raises(TransitionRefused) as refused:
        book.request_cancel("train-1", "too late")
    assert refused.value.status == "failed"


def test_orphans_are_what_runs_for_another_owner(book: OperationBook) -> None:
    for operation_id in ("train-a", "train-b", "train-c"):
        start(book, operation_id)
    book.request_cancel("train-b", "wrong dates")
    book.fail("train-c", 1, BROKEN)
    book.submit(pending("train-d"))
    claim(book, owner="d-2")
    assert [one.operation_id for one in book.orphans("cpu-docker", "d-2")] == ["train-a", "train-b"]
    assert [one.operation_id for one in book.orphans("cpu-docker", "d-1")] == ["train-d"]
    assert book.orphans("mps-mac", "d-2") == []


# checkpoints


def test_a_state_is_kept_of_the_present_attempt_alone_until_it_has_ended(book: OperationBook) -> None:
    start(book)
    assert book.may_keep_checkpoint("train-1", 1) and not book.may_keep_checkpoint("train-1", 2)
    book.requeue("train-1", 1, "node died")
    assert not book.may_keep_checkpoint("train-1", 1)
    claim(book)
    assert not book.checkpoint_kept("train-1", 1) and not book.get("train-1").has_checkpoint
    book.request_cancel("train-1", "enough")
    assert book.may_keep_checkpoint("train-1", 2)  # it may leave its last epoch
    assert book.checkpoint_kept("train-1", 2)
    book.acknowledge_cancel("train-1", 2)
    assert not book.may_keep_checkpoint("train-1", 2)


def test_a_checkpoint_outlives_its_attempt_and_makes_what_ended_badly_resumable(
    book: OperationBook,
) -> None:
    for operation_id in ("train-a", "train-b", "train-c", "train-d"):
        start(book, operation_id)
    for operation_id in ("train-a", "train-b", "train-c"):
        book.checkpoint_kept(operation_id, 1)
        assert not book.get(operation_id).resumable
    book.requeue("train-a", 1, "node died")
    assert book.get("train-a").has_checkpoint and not book.get("train-a").resumable
    book.fail("train-b", 1, BROKEN)
    assert book.get("train-b").resumable
    book.begin_commit("train-c", 1)
    book.complete("train-c", 1, {})
    assert (book.get("train-c").has_checkpoint, book.get("train-c").resumable) == (False, False)
    book.fail("train-d", 1, BROKEN)
    assert not book.get("train-d").resumable


@pytest.mark.parametrize("ending", ["fail", "cancel", "use up"])
def test_what_ended_badly_goes_on_under_the_same_id_as_the_next_attempt(book: OperationBook, ending: str) -> None:
    start(book)
    for attempt in (1, 2, 3) if ending == "use up" else (1,):
        book.checkpoint_kept("train-1", attempt)
        if ending == "use up":
            book.requeue("train-1", attempt, "node died")
            book.claim("cpu-docker", "d-1")
    if ending == "fail":
        book.fail("train-1", 1, BROKEN)
    if ending == "cancel":
        book.request_cancel("train-1", "enough", force=True)
        book.acknowledge_cancel("train-1", 1)
    ended = book.get("train-1")
    assert "`ktrdr operations resume train-1`" in ended.status_reason
    resumed = book.resume("train-1")
    assert (resumed.status, resumed.resumable, resumed.has_checkpoint) == ("pending", False, True)
    assert (resumed.completed_at, resumed.error, resumed.cancel_reason, resumed.cancel_forced) == (None,) * 3 + (False,)
    going_on = claim(book)
    assert going_on.attempt == ended.attempt + 1 <= going_on.max_attempts
    assert going_on.started_at == ended.started_at
    book.begin_commit("train-1", going_on.attempt)
    assert book.complete("train-1", going_on.attempt, {}) is not None


@pytest.mark.parametrize("status", ["pending", "running", "cancelling", "completed", "cancelled"])
def test_nothing_else_is_resumed(book: OperationBook, status: str) -> None:
    book.submit(pending("train-1"))
    if status == "cancelled":
        book.request_cancel("train-1", "before it had a checkpoint")
    elif status != "pending":
        claim(book)
        book.checkpoint_kept("train-1", 1)
    if status == "cancelling":
        book.request_cancel("train-1", "enough")
    if status == "completed":
        book.begin_commit("train-1", 1)
        book.complete("train-1", 1, {})
    before = book.get("train-1")
    with pytest.raises(TransitionRefused) as refused:
        book.resume("train-1")
    assert refused.value.status == status
    assert book.get("train-1") == before


# reading


def test_epochs_are_those_of_the_newest_attempt_each_once(book: OperationBook) -> None:
    start(book)
    book.record_epochs("train-1", 1, [{"epoch": 2, "val_loss": 0.4}, {"epoch": 1, "val_loss": 0.5}])
    book.record_epochs("train-1", 1, [{"epoch": 2, "val_loss": 9.9}, {"epoch": 3, "val_loss": 0.3}])
    assert [epoch["val_loss"] for epoch in book.epochs("train-1")] == [0.5, 0.4, 0.3]
    book.requeue("train-1", 1, "node died")
    claim(book)
    assert [epoch["val_loss"] for epoch in book.epochs("train-1")] == [0.5, 0.4, 0.3]  # it has reported none yet
    book.record_epochs("train-1", 2, [{"epoch": 1, "val_loss": 0.6}])
    assert book.epochs("train-1") == [{"epoch": 1, "val_loss": 0.6}]


def test_pages_show_every_operation_once_newest_first_while_more_come(book: OperationBook) -> None:
    for n in range(7):
        book.submit(pending(f"train-{n}"))
    seen, cursor = [], None
    while True:
        page = book.page(limit=3, cursor=cursor)
        seen += [one.operation_id for one in page.items]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor
        book.submit(pending(f"train-later-{len(seen)}"))
    assert seen == [f"train-{n}" for n in reversed(range(7))]
    assert page.total_count == 9


def test_a_full_last_page_has_no_next_one(book: OperationBook) -> None:
    for n in range(4):
        book.submit(pending(f"train-{n}"))
    second = book.page(limit=2, cursor=book.page(limit=2).next_cursor)
    assert len(second.items) == 2 and second.next_cursor is None


def test_pages_are_filtered_by_status_strategy_and_life(book: OperationBook) -> None:
    book.submit(pending("train-a"))
    book.submit(pending("train-b", strategy_name="reversal"))
    book.submit(pending("train-c"))
    book.claim("cpu-docker", "d-1")
    book.request_cancel("train-c", "wrong dates")

    def ids(**wanted: object) -> list[str]:
        page = book.page(**wanted)  # type: ignore[arg-type]
        assert page.total_count == len(page.items)
        return [one.operation_id for one in page.items]

    assert ids(status="pending") == ["train-b"]
    assert ids(strategy="momentum") == ["train-c", "train-a"]
    assert ids(active=True) == ["train-b", "train-a"]
    assert ids(active=False) == ["train-c"]
    assert ids(active=True, status="cancelled") == []
    assert ids(active=True, strategy="momentum") == ["train-a"]
    assert ids(strategy="unknown") == []


@pytest.mark.parametrize(
    ("wanted", "path", "advice"),
    [
        ({"status": "runing"}, "status", "Did you mean 'running'?"),
        ({"status": "xyz"}, "status", "One of: pending"),
        ({"cursor": "abc"}, "cursor", "next_cursor"),
        ({"cursor": ""}, "cursor", "next_cursor"),
        ({"cursor": "-1"}, "cursor", "next_cursor"),
        ({"cursor": "²"}, "cursor", "next_cursor"),
        ({"cursor": "9" * 40}, "cursor", "next_cursor"),
        ({"limit": 0}, "limit", "1 to 500"),
        ({"limit": 501}, "limit", "1 to 500"),
    ],
)
def test_a_page_that_cannot_be_asked_for_says_what_can(
    book: OperationBook, wanted: dict[str, object], path: str, advice: str
) -> None:
    with pytest.raises(RequestError) as refused:
        book.page(**wanted)  # type: ignore[arg-type]
    assert refused.value.path == path and advice in str(refused.value.suggestion)


def test_the_last_progress_of_an_ended_operation_is_kept(book: OperationBook) -> None:
    start(book)
    ended = book.fail("train-1", 1, BROKEN)
    kept = book.keep_progress("train-1", {"percentage": 58.3})
    assert ended is not None and kept == ended.changed(progress={"percentage": 58.3}) == book.get("train-1")


def test_the_newest_operation_of_each_strategy_is_the_last_submitted(book: OperationBook) -> None:
    for operation_id, strategy in [("train-z", "momentum"), ("train-b", "reversal"), ("train-a", "momentum")]:
        book.submit(pending(operation_id, strategy_name=strategy))
    assert {one.operation_id for one in book.newest_of_each_strategy()} == {"train-b", "train-a"}


def test_an_unknown_operation_is_named(book: OperationBook) -> None:
    for ask in (book.get, book.epochs):
        with pytest.raises(UnknownOperation, match="Operation not found: train-x"):
            ask("train-x")
    with pytest.raises(UnknownOperation):
        book.request_cancel("train-x", "wrong dates")


def test_a_setting_keeps_its_last_value(book: OperationBook) -> None:
    assert book.setting("default_execution_mode") is None
    book.put_setting("default_execution_mode", "host")
    book.put_setting("default_execution_mode", "local")
    assert book.setting("default_execution_mode") == "local"


# counting


def test_operations_are_counted_by_status_and_environment(book: OperationBook) -> None:
    assert book.counts() == {}
    start(book, "train-a")
    for operation_id in ("train-b", "train-c"):
        book.submit(pending(operation_id))
    book.submit(pending("train-d", "mps-mac"))
    assert book.counts() == {("running", "cpu-docker"): 1, ("pending", "cpu-docker"): 2, ("pending", "mps-mac"): 1}


def test_the_last_epochs_of_what_has_completed_may_come_after_the_report_of_it(book: OperationBook) -> None:
    start(book)
    book.begin_commit("train-1", 1)
    book.complete("train-1", 1, {})
    book.record_epochs("train-1", 1, [{"epoch": 1, "val_loss": 0.5}])
    assert book.epochs("train-1") == [{"epoch": 1, "val_loss": 0.5}]
