"""What holds in every life an operation can have."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ktrdr.errors import TransitionRefused
from ktrdr.operations import (
    TERMINAL,
    TRANSITIONS,
    Operation,
    OperationBook,
    OperationError,
    OperationStatus,
    OperationStore,
)
from tests.fakes.postgres import PostgresServer
from tests.ktrdr.operations.builders import KEPT, Clock, pending

ATTEMPTS = st.integers(0, 4)


class Lives(RuleBasedStateMachine):
    """Users, dispatchers and trainings of any attempt, in any order, over one book; `new_url` names an empty store."""

    ids = Bundle("ids")

    def __init__(self, new_url: Callable[[], str]) -> None:
        super().__init__()
        self.new_url = new_url

    @initialize()
    def open_book(self) -> None:
        self.url = self.new_url()
        self.clock = Clock()
        self.store = OperationStore(self.url)
        self.book = OperationBook(self.store, self.clock)
        self.seen: dict[str, Operation] = {}
        self.granted: set[tuple[str, int]] = set()
        self.asked_to_stop: set[str] = set()
        self.with_checkpoint: set[str] = set()
        self.with_artifact: set[str] = set()
        self.resumed: set[str] = set()
        """Since the last look, and so those whose hand-over was made again."""
        self.reopened: set[str] = set()
        self.order: list[str] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    @rule(target=ids, environment=st.sampled_from(["cpu-docker", "mps-mac"]), max_attempts=st.integers(1, 3))
    def submit(self, environment: str, max_attempts: int) -> str:
        operation_id = f"train-{len(self.order)}"
        _, was_created = self.book.submit(pending(operation_id, environment, max_attempts=max_attempts))
        assert was_created
        self.order.append(operation_id)
        return operation_id

    @rule(operation_id=ids)
    def submit_again(self, operation_id: str) -> None:
        assert self.book.submit(pending(operation_id)) == (self.book.get(operation_id), False)

    @rule(environment=st.sampled_from(["cpu-docker", "mps-mac"]), owner=st.sampled_from(["d-1", "d-2"]))
    def claim(self, environment: str, owner: str) -> None:
        waiting = [
            one
            for one in (self.book.get(operation_id) for operation_id in self.order)
            if one.status == "pending" and one.execution.environment == environment
        ]
        n_running = self.n_running()
        held = [(operation_id, self.book.get(operation_id).attempt) for operation_id in self.order]
        claimed = self.book.claim(environment, owner, held)
        if not waiting:
            assert claimed is None
            return
        assert claimed is not None and claimed.operation_id == waiting[0].operation_id
        assert claimed.attempt == waiting[0].attempt + 1 and claimed.owner == owner
        assert self.n_running() == n_running + 1

    @rule(environment=st.sampled_from(["cpu-docker", "mps-mac"]), owner=st.sampled_from(["d-1", "d-2"]))
    def claim_after_a_lost_answer(self, environment: str, owner: str) -> None:
        others = {one.operation_id for one in self.book.orphans(environment, owner)}
        everywhere = [self.book.get(operation_id) for operation_id in self.order]
        had = [
            one
            for one in everywhere
            if one.status in {"running", "cancelling"}
            and one.execution.environment == environment
            and one.operation_id not in others
            and not one.transferring
        ]
        if had:
            assert self.book.claim(environment, owner) == had[0]
            assert [self.book.get(operation_id) for operation_id in self.order] == everywhere

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def place(self, operation_id: str, attempt: int) -> None:
        self.book.placed(operation_id, attempt, "node-1", "cpu")

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def fall_silent(self, operation_id: str, attempt: int) -> None:
        before = self.book.get(operation_id)
        silent = self.book.unreachable(operation_id, attempt, "2025-01-31T09:30:00.000Z", 20.0)
        is_current = before.status in {"running", "cancelling"} and before.attempt == attempt
        assert (silent is not None) == is_current

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def send_word(self, operation_id: str, attempt: int) -> None:
        before = self.book.get(operation_id)
        back = self.book.heard_again(operation_id, attempt)
        assert (back is not None) == (before.unreachable_since is not None and before.attempt == attempt)

    @rule(operation_id=ids, environment=st.sampled_from(["cpu-docker", "mps-mac"]))
    def send_elsewhere(self, operation_id: str, environment: str) -> None:
        before = self.book.get(operation_id)
        moved = self.book.place(operation_id, pending("any", environment).execution)
        assert (moved is not None) == (before.status == "pending" and before.attempt == 0)

    @rule(operation_id=ids)
    def wait_too_long(self, operation_id: str) -> None:
        before = self.book.get(operation_id)
        ended = self.book.expire(operation_id, "it waited too long")
        assert (ended is not None) == (before.status == "pending" and before.attempt == 0)
        assert ended is None or (ended.error is not None and ended.error.kind == "timeout")

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def begin_commit(self, operation_id: str, attempt: int) -> None:
        before = self.book.get(operation_id)
        is_granted = self.book.begin_commit(operation_id, attempt)
        assert is_granted == (before.status == "running" and before.attempt == attempt and not before.fenced)
        if is_granted:
            self.granted.add((operation_id, attempt))

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def fence(self, operation_id: str, attempt: int) -> None:
        before = self.book.get(operation_id)
        is_current = before.status in {"running", "cancelling"} and before.attempt == attempt
        assert self.book.fence(operation_id, attempt) == (is_current and before.committing)

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def complete(self, operation_id: str, attempt: int) -> None:
        try:
            done = self.book.complete(operation_id, attempt, {"attempt": attempt})
        except TransitionRefused:
            assert (operation_id, attempt) not in self.granted
            return
        assert done is None or ((operation_id, attempt) in self.granted and done.attempt == attempt)

    @rule(operation_id=ids)
    def train_to_the_end(self, operation_id: str) -> None:
        attempt = self.book.get(operation_id).attempt
        self.begin_commit(operation_id, attempt)
        self.complete(operation_id, attempt)

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def fail(self, operation_id: str, attempt: int) -> None:
        ended = self.book.fail(operation_id, attempt, OperationError(kind="training", message="loss is not finite"))
        assert ended is None or ended.status == ("cancelled" if operation_id in self.asked_to_stop else "failed")

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def keep_artifact(self, operation_id: str, attempt: int) -> None:
        before = self.book.get(operation_id)
        is_current = before.status in {"running", "cancelling"} and before.attempt == attempt
        assert self.book.artifact_kept(operation_id, attempt, KEPT) == is_current
        if is_current:
            self.with_artifact.add(operation_id)

    @rule(operation_id=ids, is_kept=st.booleans())
    def fail_to_hand_over(self, operation_id: str, is_kept: bool) -> None:
        error = OperationError(kind="result_transfer", message="the disk is full")
        attempt = self.book.get(operation_id).attempt
        if self.book.fail(operation_id, attempt, error, KEPT if is_kept else None) is not None and is_kept:
            self.with_artifact.add(operation_id)

    @rule(operation_id=ids)
    def retry_transfer(self, operation_id: str) -> None:
        before = self.book.get(operation_id)
        is_reopened = before.transferring and before.status is OperationStatus.RUNNING
        can_be = (before.status is OperationStatus.FAILED and before.artifact is not None) or is_reopened
        try:
            after = self.book.retry_transfer(operation_id)
        except TransitionRefused as refused:
            assert refused.status == before.status
            assert not can_be
            return
        assert can_be
        assert (after.status, after.attempt, after.transferring) == ("running", before.attempt, True)
        assert self.book.get(operation_id) == after
        if is_reopened:
            assert after == before
            return
        self.granted.discard((operation_id, after.attempt))  # its commit has to begin again
        self.reopened.add(operation_id)

    @rule(environment=st.sampled_from(["cpu-docker", "mps-mac"]), owner=st.sampled_from(["d-1", "d-2"]))
    def claim_transfer(self, environment: str, owner: str) -> None:
        everywhere = [self.book.get(operation_id) for operation_id in self.order]
        waiting = [one for one in everywhere if one.transferring and one.execution.environment == environment]
        given = self.book.claim_transfer(environment, owner)
        wanted = [one for one in waiting if one.owner in (None, owner)]
        assert given == (wanted[0].changed(owner=owner) if wanted else None)

    @rule(operation_id=ids, attempt=ATTEMPTS, counts=st.booleans())
    def lose(self, operation_id: str, attempt: int, counts: bool) -> None:
        self.book.requeue(operation_id, attempt, "node died", counts)

    @rule(operation_id=ids)
    def ask_to_stop(self, operation_id: str) -> None:
        before = self.book.get(operation_id)
        try:
            after = self.book.request_cancel(operation_id, "wrong dates")
        except TransitionRefused as refused:
            assert before.committing or before.is_terminal
            assert refused.status == ("committing" if before.committing else before.status)
            return
        self.asked_to_stop.add(operation_id)
        assert after.status == ("cancelled" if before.status == "pending" else "cancelling")

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def acknowledge(self, operation_id: str, attempt: int) -> None:
        ended = self.book.acknowledge_cancel(operation_id, attempt)
        assert ended is None or operation_id in self.asked_to_stop

    @rule(operation_id=ids, attempt=ATTEMPTS)
    def keep_checkpoint(self, operation_id: str, attempt: int) -> None:
        before = self.book.get(operation_id)
        is_current = before.status in {"running", "cancelling"} and before.attempt == attempt
        assert self.book.may_keep_checkpoint(operation_id, attempt) == is_current
        assert self.book.checkpoint_kept(operation_id, attempt) == is_current
        if is_current:
            self.with_checkpoint.add(operation_id)

    @rule(operation_id=ids)
    def resume(self, operation_id: str) -> None:
        before = self.book.get(operation_id)
        ended_badly = before.status in {"failed", "cancelled"}
        try:
            self.book.resume(operation_id)
        except TransitionRefused as refused:
            assert refused.status == before.status
            assert not (ended_badly and operation_id in self.with_checkpoint)
            return
        assert ended_badly and operation_id in self.with_checkpoint
        self.asked_to_stop.discard(operation_id)
        self.with_artifact.discard(operation_id)
        self.resumed.add(operation_id)

    @rule()
    def restart(self) -> None:
        before = [self.book.get(operation_id) for operation_id in self.order]
        self.store.close()
        self.store = OperationStore(self.url)
        self.book = OperationBook(self.store, self.clock)
        assert [self.book.get(operation_id) for operation_id in self.order] == before

    @rule()
    def wait(self) -> None:
        self.clock.advance(seconds=1)

    @invariant()
    def lives_go_forward(self) -> None:
        for operation_id in getattr(self, "order", []):
            now, before = self.book.get(operation_id), self.seen.get(operation_id)
            self.seen[operation_id] = now
            if before is None:
                continue
            assert now.attempt >= before.attempt
            assert not before.transferring or operation_id in self.resumed or now.status != "pending"
            if operation_id in self.reopened:
                assert now.attempt == before.attempt
            elif before.status in TERMINAL and operation_id not in self.resumed:
                assert now == before
            elif now.status is not before.status:
                # `train_to_the_end` is two calls and one transition, like every other rule
                assert now.status in TRANSITIONS[before.status]
        self.resumed, self.reopened = set(), set()

    @invariant()
    def what_was_asked_to_stop_never_completes(self) -> None:
        for operation_id in getattr(self, "asked_to_stop", ()):
            assert self.book.get(operation_id).status in {"cancelling", "cancelled"}

    @invariant()
    def records_agree_with_their_status(self) -> None:
        for operation_id in getattr(self, "order", []):
            operation = self.book.get(operation_id)
            assert (operation.completed_at is not None) == operation.is_terminal
            assert (operation.result is not None) == (operation.status == "completed")
            assert (operation.error is not None) == (operation.status == "failed")
            assert (operation.started_at is not None) == (operation.attempt > 0)
            is_under_way = operation.status in {"running", "cancelling"}
            assert (operation.attempt_started_at is not None) == is_under_way
            assert operation.unreachable_since is None or is_under_way
            assert operation.ran_until_s(self.clock()) <= operation.waited_s(self.clock())
            assert not operation.committing or operation.status == "running"
            assert operation.attempt <= operation.max_attempts
            has_one = operation_id in self.with_checkpoint
            assert operation.has_checkpoint == (has_one and operation.status != "completed")
            assert operation.resumable == (has_one and operation.status in {"failed", "cancelled"})
            has_artifact = operation_id in self.with_artifact and operation.status != "completed"
            assert (operation.artifact is not None) == has_artifact
            assert not operation.transferring or (is_under_way and has_artifact)
            if operation.status == "completed":
                assert (operation_id, operation.attempt) in self.granted

    def n_running(self) -> int:
        return self.book.page(status=OperationStatus.RUNNING).total_count


def test_what_holds_in_every_life_holds_on_sqlite(tmp_path: Path) -> None:
    numbers = itertools.count()
    live(lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db", n_lives=40)


def test_what_holds_in_every_life_holds_on_postgresql(postgres: PostgresServer) -> None:
    live(postgres.cleared_store, n_lives=8)


def live(new_url: Callable[[], str], n_lives: int) -> None:
    bounds = settings(max_examples=n_lives, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(lambda: Lives(new_url), settings=bounds)
