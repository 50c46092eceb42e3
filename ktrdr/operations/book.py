"""The book of operations: what is asked of an operation, what is reported of its attempts, and what became of both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ktrdr.errors import IdempotencyConflict, TransitionRefused
from ktrdr.operations import reasons
from ktrdr.operations.operation import UNDER_WAY, Operation, OperationError, OperationStatus, utc_text
from ktrdr.operations.readings import OperationReadings, existing
from ktrdr.operations.store import IdempotencyRow, OperationRows, OperationStore

IDEMPOTENCY_KEPT = timedelta(hours=24)


class OperationBook(OperationReadings):
    """All operations there are, over a store. Every method is one transaction, kept before it returns.

    Reports name the attempt they are of. One of an ended or older attempt is dropped: the method returns None.
    Where an id names no operation, every method raises `UnknownOperation`.
    """

    def __init__(self, store: OperationStore, clock: Callable[[], datetime]) -> None:
        super().__init__(store)
        self._clock = clock

    # asked by users

    def submit(
        self, operation: Operation, idempotency_key: str | None = None, body_sha256: str | None = None
    ) -> tuple[Operation, bool]:
        """Enter a pending operation behind all others; return it and True.

        A repeated `operation_id`, or a key used with the same body within 24 hours, returns what is there and False.

        Raises
        ------
        IdempotencyConflict
            If the key was used with another body.
        """
        if operation.status is not OperationStatus.PENDING or operation.attempt != 0:
            raise ValueError(f"{operation.operation_id} is {operation.status}: only a pending one can be submitted")
        now = self._clock()
        with self._store.writing() as rows:
            rows.drop_idempotency(utc_text(now - IDEMPOTENCY_KEPT))
            existing = _submitted(rows, operation.operation_id, idempotency_key, body_sha256)
            if existing is None:
                rows.insert(operation)
            entered = existing or operation
            if idempotency_key is not None and rows.idempotency(idempotency_key) is None:
                made = IdempotencyRow(body_sha256, entered.operation_id)
                rows.add_idempotency(idempotency_key, made, utc_text(now))
            return entered, existing is None

    def submitted(
        self, operation_id: str | None, idempotency_key: str | None = None, body_sha256: str | None = None
    ) -> Operation | None:
        """Return what `submit` would return without entering anything, or None; raises as it does."""
        with self._store.reading() as rows:
            return _submitted(rows, operation_id, idempotency_key, body_sha256)

    def request_cancel(self, operation_id: str, reason: str, force: bool = False) -> Operation:
        """Cancel a pending operation at once, ask a running one to stop; asking twice keeps the first reason.

        With `force` its process is not waited for; that may be asked later, too.

        Raises
        ------
        TransitionRefused
            If it has ended, or its commit has begun (`status` is then "committing").
        """
        now = self._clock()
        with self._store.writing() as rows:
            operation = existing(rows, operation_id)
            if operation.status is OperationStatus.CANCELLING:
                return rows.replace(operation.changed(cancel_forced=True)) if force else operation
            if operation.committing:
                raise TransitionRefused(operation_id, "committing", "cancelled")
            if operation.status is OperationStatus.RUNNING:
                to, why = OperationStatus.CANCELLING, reasons.cancelling(operation, reason)
            else:
                to, why = OperationStatus.CANCELLED, reasons.cancelled(operation, reason)
            asked = {"cancel_reason": reason, "cancel_forced": force, "status_reason": why}
            return rows.replace(operation.moved(to, now, **asked))

    def resume(self, operation_id: str) -> Operation:
        """Put an operation that failed or was cancelled back into the queue, to go on from its checkpoint.

        It keeps its place in the order of submission; one whose attempts are used up is given one more.

        Raises
        ------
        TransitionRefused
            If it has not ended so, or no checkpoint of it is kept.
        """
        now = self._clock()
        with self._store.writing() as rows:
            operation = existing(rows, operation_id)
            if not operation.resumable:
                is_over = operation.status in (OperationStatus.FAILED, OperationStatus.CANCELLED)
                asked = "resumed: no checkpoint of it is kept" if is_over else "resumed"
                raise TransitionRefused(operation_id, operation.status.value, asked)
            waiting = operation.moved(
                OperationStatus.PENDING,
                now,
                owner=None,
                error=None,
                cancel_reason=None,
                cancel_forced=False,
                execution=operation.execution.model_copy(update={"node": None, "device": None}),
                max_attempts=max(operation.max_attempts, operation.attempt + 1),
                status_reason=reasons.resumed(operation),
            )
            return rows.replace(waiting)

    # told by dispatchers and trainings

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
                if given.owner == owner and (given.operation_id, given.attempt) not in held:
                    return given
            pending = rows.oldest_pending(environment, has_gpu)
            if pending is None:
                return None
            claimed = pending.moved(OperationStatus.RUNNING, now, attempt=pending.attempt + 1, owner=owner)
            return rows.replace(claimed.changed(status_reason=reasons.claimed(claimed)))

    def placed(self, operation_id: str, attempt: int, node: str, device: str) -> Operation | None:
        """Record what the attempt runs on."""
        with self._store.writing() as rows:
            operation = _under_way(rows, operation_id, attempt)
            if operation is None:
                return None
            execution = operation.execution.model_copy(update={"node": node, "device": device})
            there = operation.changed(execution=execution)
            if there.status is OperationStatus.RUNNING and not there.committing:
                there = there.changed(status_reason=reasons.placed(there))
            return rows.replace(there)

    def begin_commit(self, operation_id: str, attempt: int) -> bool:
        """Return whether this attempt may save its model; from then on it cannot be cancelled. Asking again is fine."""
        with self._store.writing() as rows:
            operation = _under_way(rows, operation_id, attempt)
            if operation is None or operation.status is not OperationStatus.RUNNING:
                return False
            if operation.fenced and not operation.committing:
                return False
            if not operation.committing:
                rows.replace(operation.changed(committing=True, status_reason=reasons.committing(operation)))
            return True

    def fence(self, operation_id: str, attempt: int) -> bool:
        """Let this attempt begin no commit from now on, since it is being given up; say whether it had begun one."""
        with self._store.writing() as rows:
            operation = _under_way(rows, operation_id, attempt)
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
            operation = _under_way(rows, operation_id, attempt)
            if operation is None or operation.status is not OperationStatus.RUNNING:
                return None
            if not operation.committing:
                raise TransitionRefused(operation_id, operation.status.value, "completed before its commit has begun")
            why = reasons.completed(operation)
            return rows.replace(operation.moved(OperationStatus.COMPLETED, now, result=dict(result), status_reason=why))

    def fail(self, operation_id: str, attempt: int, error: OperationError) -> Operation | None:
        """End the operation with an error; one that was asked to stop ends cancelled."""
        now = self._clock()
        with self._store.writing() as rows:
            operation = _under_way(rows, operation_id, attempt)
            if operation is None:
                return None
            if operation.status is OperationStatus.CANCELLING:
                return rows.replace(_cancelled_after(operation, now, error.message))
            why = reasons.failed(operation, error.message)
            return rows.replace(operation.moved(OperationStatus.FAILED, now, error=error, status_reason=why))

    def requeue(self, operation_id: str, attempt: int, reason: str, counts: bool = True) -> Operation | None:
        """End an attempt that infrastructure ended: pending again, or failed where attempts are used up.

        One that was asked to stop ends cancelled. With `counts` false (a suspension) the attempt is given back.
        """
        now = self._clock()
        with self._store.writing() as rows:
            operation = _under_way(rows, operation_id, attempt)
            if operation is None:
                return None
            if operation.status is OperationStatus.CANCELLING:
                return rows.replace(_cancelled_after(operation, now, reason))
            if counts and attempt >= operation.max_attempts:
                why = reasons.used_up(operation, reason)
                error = OperationError(kind="infrastructure", message=reason)
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
            operation = _under_way(rows, operation_id, attempt)
            if operation is None or operation.status is not OperationStatus.CANCELLING:
                return None
            why = reasons.cancelled(operation, str(operation.cancel_reason))
            return rows.replace(operation.moved(OperationStatus.CANCELLED, now, status_reason=why))

    def keep_progress(self, operation_id: str, progress: Mapping[str, Any]) -> Operation:
        """Keep the newest progress, for when the operation has ended."""
        with self._store.writing() as rows:
            return rows.replace(existing(rows, operation_id).changed(progress=dict(progress)))

    def record_epochs(self, operation_id: str, attempt: int, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Keep epochs of the present attempt, each a mapping with its number as `epoch`; one already kept stays."""
        with self._store.writing() as rows:
            if _under_way(rows, operation_id, attempt) is not None:
                rows.add_epochs(operation_id, attempt, epochs)

    def may_keep_checkpoint(self, operation_id: str, attempt: int) -> bool:
        """Return whether a state of this attempt is worth keeping: it is the present one and has not ended.

        One that was asked to stop may still leave its last state.
        """
        with self._store.reading() as rows:
            return _under_way(rows, operation_id, attempt) is not None

    def checkpoint_kept(self, operation_id: str, attempt: int) -> bool:
        """Record that a state of this attempt is kept; False for a late report."""
        with self._store.writing() as rows:
            operation = _under_way(rows, operation_id, attempt)
            if operation is not None and not operation.has_checkpoint:
                rows.replace(operation.changed(has_checkpoint=True))
            return operation is not None

    def put_setting(self, key: str, value: str) -> None:
        """Keep a setting changed at run time."""
        with self._store.writing() as rows:
            rows.put_setting(key, value)


def _submitted(
    rows: OperationRows, operation_id: str | None, key: str | None, body_sha256: str | None
) -> Operation | None:
    used = rows.idempotency(key) if key is not None else None
    if used is not None and used.body_sha256 != body_sha256:
        raise IdempotencyConflict(f"Idempotency-Key '{key}'", used.operation_id)
    named = used.operation_id if used else operation_id
    found = rows.find(named) if named else None
    if found is not None and None not in (body_sha256, found.body_sha256) and found.body_sha256 != body_sha256:
        raise IdempotencyConflict(f"operation_id '{named}'", found.operation_id)
    return found


def _under_way(rows: OperationRows, operation_id: str, attempt: int) -> Operation | None:
    """Return the operation if `attempt` is its present one and has not ended: the fence against late reports."""
    operation = existing(rows, operation_id)
    return operation if operation.status in UNDER_WAY and operation.attempt == attempt else None


def _cancelled_after(operation: Operation, now: datetime, message: str) -> Operation:
    why = reasons.cancelled_after(operation, str(operation.cancel_reason), message)
    return operation.moved(OperationStatus.CANCELLED, now, status_reason=why)
