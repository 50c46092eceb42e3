"""The book of operations: what users and the queue ask of them."""

from __future__ import annotations

from datetime import timedelta

from ktrdr.errors import IdempotencyConflict, TransitionRefused
from ktrdr.operations import reasons
from ktrdr.operations.operation import Execution, Operation, OperationError, OperationStatus, utc_text
from ktrdr.operations.readings import existing
from ktrdr.operations.store import IdempotencyRow, OperationRows
from ktrdr.operations.transfers import TransferBook

IDEMPOTENCY_KEPT = timedelta(hours=24)


class OperationBook(TransferBook):
    """All operations there are, over a store: what is read of them, reported of their attempts, and asked by users.

    Every method is one transaction, kept before it returns. Where an id names no operation, every method raises
    `UnknownOperation`.
    """

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

        It trains also where an artifact is left that could be handed over: that one is let go of. It keeps its place
        in the order of submission; one whose attempts are used up is given one more.

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
                artifact=None,
                cancel_reason=None,
                cancel_forced=False,
                execution=operation.execution.model_copy(update={"node": None, "device": None}),
                max_attempts=max(operation.max_attempts, operation.attempt + 1),
                status_reason=reasons.resumed(operation),
            )
            return rows.replace(waiting)

    def place(self, operation_id: str, execution: Execution) -> Operation | None:
        """Send an operation that no attempt has been made at elsewhere; None if it is no longer such a one."""
        with self._store.writing() as rows:
            operation = existing(rows, operation_id)
            if operation.status is not OperationStatus.PENDING or operation.attempt > 0:
                return None
            return rows.replace(operation.changed(execution=execution, status_reason=execution.reason))

    def expire(self, operation_id: str, message: str) -> Operation | None:
        """End an operation that has waited too long for its first attempt; None if it is no longer waiting for it."""
        now = self._clock()
        with self._store.writing() as rows:
            operation = existing(rows, operation_id)
            if operation.status is not OperationStatus.PENDING or operation.attempt > 0:
                return None
            error = OperationError(kind="timeout", message=message)
            why = reasons.expired(operation, message)
            return rows.replace(operation.moved(OperationStatus.FAILED, now, error=error, status_reason=why))

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
