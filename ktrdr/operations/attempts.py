"""What dispatchers and trainings tell of attempts, and what the operation becomes by it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ktrdr.errors import ErrorKind, TransitionRefused
from ktrdr.operations import reasons
from ktrdr.operations.operation import UNDER_WAY, KeptArtifact, Operation, OperationError, OperationStatus, moment_of
from ktrdr.operations.readings import OperationReadings, existing
from ktrdr.operations.store import OperationRows, OperationStore


class AttemptBook(OperationReadings):
    """The attempts at the operations of a store. Every method is one transaction, kept before it returns.

    Reports name the attempt they are of. One of an ended or older attempt is dropped: the method returns None.
    """

    def __init__(self, store: OperationStore, clock: Callable[[], datetime]) -> None:
        super().__init__(store)
        self._clock = clock

    def claim(
        self, environment: str, owner: str, held: Collection[tuple[str, int]] = (), has_gpu: bool = True
    ) -> Operation | None:
        """Begin the next attempt of the environment's oldest pending operation, for `owner`; None if there is none.

        `held` are the attempts, as (id, number), that the owner knows it has. One it has and does not know of, because
        the answer to an earlier claim was lost, is returned again before any other. Without `has_gpu`, operations that
        require one are passed over.
        """
        now = self._clock()
        with self._store.writing() as rows:
            for given in rows.in_environment(environment, UNDER_WAY):
                is_lost = given.owner == owner and (given.operation_id, given.attempt) not in held
                if is_lost and not given.transferring:
                    return given
            pending = rows.oldest_pending(environment, has_gpu)
            if pending is None:
                return None
            claimed = pending.moved(OperationStatus.RUNNING, now, attempt=pending.attempt + 1, owner=owner)
            return rows.replace(claimed.changed(status_reason=reasons.claimed(claimed)))

    def placed(self, operation_id: str, attempt: int, node: str, device: str | None) -> Operation | None:
        """Record what the attempt runs on; without a device, that of its training stays."""
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None:
                return None
            used = operation.execution.device if device is None else device
            execution = operation.execution.model_copy(update={"node": node, "device": used})
            there = operation.changed(execution=execution)
            if there.status is OperationStatus.RUNNING and not there.committing:
                there = there.changed(status_reason=reasons.placed(there))
            return rows.replace(there)

    def unreachable(self, operation_id: str, attempt: int, since: str, patience_s: float) -> Operation | None:
        """Record that nothing has been heard of the attempt since a time; it is given up after `patience_s` of that."""
        now = self._clock()
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None:
                return None
            lost = operation.changed(unreachable_since=since)
            if lost.status is OperationStatus.RUNNING and not lost.committing:
                silent_s = (now - moment_of(since)).total_seconds()
                lost = lost.changed(status_reason=reasons.unreachable(lost, silent_s, patience_s))
            return rows.replace(lost)

    def heard_again(self, operation_id: str, attempt: int) -> Operation | None:
        """Record that the attempt has sent word after a silence; None where none was recorded."""
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None or operation.unreachable_since is None:
                return None
            back = operation.changed(unreachable_since=None)
            if back.status is OperationStatus.RUNNING and not back.committing:
                back = back.changed(status_reason=reasons.placed(back))
            return rows.replace(back)

    def begin_commit(self, operation_id: str, attempt: int) -> bool:
        """Return whether this attempt may save its model; from then on it cannot be cancelled. It may ask again."""
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None or operation.status is not OperationStatus.RUNNING:
                return False
            if operation.fenced:  # also one that has asked before: what comes of that is settled by who gives it up
                return False
            if not operation.committing:
                rows.replace(operation.changed(committing=True, status_reason=reasons.committing(operation)))
            return True

    def fence(self, operation_id: str, attempt: int) -> bool:
        """Let this attempt begin no commit from now on, since it is being given up; say whether it had begun one."""
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None:
                return False
            rows.replace(operation.changed(fenced=True))
            return operation.committing

    def complete(self, operation_id: str, attempt: int, result: Mapping[str, Any]) -> Operation | None:
        """End the operation with its result.

        Raises
        ------
        TransitionRefused
            If the attempt runs and has not begun its commit: a completed operation always has a model.
        """
        now = self._clock()
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None or operation.status is not OperationStatus.RUNNING:
                return None
            if not operation.committing:
                raise TransitionRefused(operation_id, operation.status.value, "completed before its commit has begun")
            why = reasons.completed(operation)
            return rows.replace(operation.moved(OperationStatus.COMPLETED, now, result=dict(result), status_reason=why))

    def fail(
        self, operation_id: str, attempt: int, error: OperationError, artifact: KeptArtifact | None = None
    ) -> Operation | None:
        """End the operation with an error; one that was asked to stop ends cancelled.

        `artifact`: what the attempt has trained and left on its node, where that was not told before.
        """
        now = self._clock()
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None:
                return None
            if artifact is not None:
                operation = operation.changed(artifact=artifact)
            if operation.status is OperationStatus.CANCELLING:
                return rows.replace(_cancelled_after(operation, now, error.message))
            return rows.replace(_failed(operation, now, error))

    def requeue(self, operation_id: str, attempt: int, reason: str, counts: bool = True) -> Operation | None:
        """End an attempt that infrastructure ended: pending again, or failed where attempts are used up.

        One that was asked to stop ends cancelled. With `counts` false (a suspension) the attempt is given back. One
        that only handed over fails again: it is not trained a second time.
        """
        now = self._clock()
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None:
                return None
            if operation.status is OperationStatus.CANCELLING:
                return rows.replace(_cancelled_after(operation, now, reason))
            if operation.transferring:
                return rows.replace(_failed(operation, now, OperationError(kind="result_transfer", message=reason)))
            if counts and attempt >= operation.max_attempts:
                why = reasons.used_up(operation, reason)
                # where its model was trained it is the hand-over that failed, and it can be made again
                kind: ErrorKind = "infrastructure" if operation.artifact is None else "result_transfer"
                error = OperationError(kind=kind, message=reason)
                return rows.replace(operation.moved(OperationStatus.FAILED, now, error=error, status_reason=why))
            waiting = operation.moved(
                OperationStatus.PENDING,
                now,
                owner=None,
                execution=operation.execution.model_copy(update={"node": None, "device": None}),
                max_attempts=operation.max_attempts + (0 if counts else 1),
                status_reason=(reasons.requeued if counts else reasons.suspended)(operation, reason),
            )
            return rows.replace(waiting)

    def acknowledge_cancel(self, operation_id: str, attempt: int) -> Operation | None:
        """End an operation that was asked to stop, and has stopped."""
        now = self._clock()
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is None or operation.status is not OperationStatus.CANCELLING:
                return None
            why = reasons.cancelled(operation, str(operation.cancel_reason))
            return rows.replace(operation.moved(OperationStatus.CANCELLED, now, status_reason=why))

    def keep_progress(self, operation_id: str, progress: Mapping[str, Any]) -> Operation:
        """Keep the newest progress, for when the operation has ended."""
        with self._store.writing() as rows:
            return rows.replace(existing(rows, operation_id).changed(progress=dict(progress)))

    def record_epochs(self, operation_id: str, attempt: int, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Keep epochs of the present attempt, each a mapping with its number as `epoch`; one already kept stays.

        The last of one that has completed may come after the report of that.
        """
        with self._store.writing() as rows:
            operation = existing(rows, operation_id)
            is_current = operation.status in (*UNDER_WAY, OperationStatus.COMPLETED)
            if is_current and operation.attempt == attempt:
                rows.add_epochs(operation_id, attempt, epochs)

    def may_keep_checkpoint(self, operation_id: str, attempt: int) -> bool:
        """Return whether a state of this attempt is worth keeping: it is the present one and has not ended.

        One that was asked to stop may still leave its last state.
        """
        with self._store.reading() as rows:
            return under_way(rows, operation_id, attempt) is not None

    def checkpoint_kept(self, operation_id: str, attempt: int) -> bool:
        """Record that a state of this attempt is kept; False for a late report."""
        with self._store.writing() as rows:
            operation = under_way(rows, operation_id, attempt)
            if operation is not None and not operation.has_checkpoint:
                rows.replace(operation.changed(has_checkpoint=True))
            return operation is not None


def under_way(rows: OperationRows, operation_id: str, attempt: int) -> Operation | None:
    """Return the operation if `attempt` is its present one and has not ended: the fence against late reports."""
    operation = existing(rows, operation_id)
    return operation if operation.status in UNDER_WAY and operation.attempt == attempt else None


def _failed(operation: Operation, now: datetime, error: OperationError) -> Operation:
    if operation.transferring:  # whatever ended it: what it had trained is still to be handed over
        error = error.model_copy(update={"kind": "result_transfer"})
    why = reasons.failed(operation, error)
    return operation.moved(OperationStatus.FAILED, now, error=error, status_reason=why)


def _cancelled_after(operation: Operation, now: datetime, message: str) -> Operation:
    why = reasons.cancelled_after(operation, str(operation.cancel_reason), message)
    return operation.moved(OperationStatus.CANCELLED, now, status_reason=why)
