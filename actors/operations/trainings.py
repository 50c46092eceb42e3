"""What a training tells the OperationsActor, and asks of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from actors.notices import stop_of, wait_for
from actors.operations.surface import Surface
from actors.words import RUN
from ktrdr.errors import KtrdrError
from ktrdr.operations import KeptArtifact


class ForTrainings(Surface):
    """Where an attempt runs and how far it is; whether it is to stop, and whether it may save its model."""

    async def placed(self, operation_id: str, attempt: int, node: str, device: str | None) -> None:
        """Record the node and device the attempt runs on; None: the device of the training stays."""
        self._leases.heard(operation_id, attempt)
        placed = await self._desk.write(self._book.placed, operation_id, attempt, node, device)
        self._desk.tell(placed)
        if placed is not None and self._suspension.concerns(placed):  # its poll began before it had a node
            self._notices.wake(stop_of(operation_id))

    async def report(
        self,
        operation_id: str,
        attempt: int,
        progress: dict[str, Any] | None,
        epochs: Sequence[dict[str, Any]],
        log: Sequence[dict[str, Any]],
    ) -> None:
        """Take a training's news: the newest progress, every epoch and log line since the last acknowledged report.

        A report of nothing says that the training lives. Every one is a word by which its lease begins anew, before
        anything is written: a full disk is not the training's silence.
        """
        if self._leases.heard(operation_id, attempt):
            try:
                self._desk.tell(await self._desk.write(self._book.heard_again, operation_id, attempt))
            except KtrdrError:
                self._leases.end(operation_id)  # the report is sent again, and is news again
                raise
        if epochs:
            await self._desk.write(self._book.record_epochs, operation_id, attempt, epochs)
        if log:
            await self._desk.write(self._logs.append, operation_id, list(log))
        if progress is not None:
            operation = await self._desk.write(self._book.get, operation_id)
            if operation.attempt == attempt and not operation.is_terminal:  # a late report tells nobody anything
                before = operation.progress["percentage"] if operation.progress else 0.0
                self._hub.publish_progress(operation_id, progress, before)

    async def wait_for_cancel(self, operation_id: str, attempt: int, timeout_s: float) -> tuple[str, str | None]:
        """Return (word, reason) once the attempt must stop, or (RUN, None) after `timeout_s`.

        CANCEL: it was cancelled. TIMEOUT: it has run as long as its environment lets it. SUSPEND: the service or its
        node ends, and it will go on later. OVER: it has ended, and another attempt may have begun.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            changed = self._notices.next(stop_of(operation_id))
            operation = await self._desk.write(self._book.get, operation_id)
            word, reason = self._orders.word(operation, attempt)
            if word != RUN or (remaining := deadline - time.monotonic()) <= 0:
                return (word, reason)
            await wait_for(changed, min(remaining, self._orders.longest_s(operation)))
            if changed.told is not None:  # a cancel does not wait for the writer's other work to be read again
                word, reason = self._orders.word(changed.told, attempt)
                if word != RUN:
                    return (word, reason)

    async def begin_commit(self, operation_id: str, attempt: int) -> bool:
        """Grant the commit of this attempt's model, only while it runs; from then on it cannot be cancelled."""
        return await self._desk.write(self._book.begin_commit, operation_id, attempt)

    async def artifact_kept(self, operation_id: str, attempt: int, artifact: KeptArtifact) -> bool:
        """Record where what the attempt has trained waits to be handed over; False for a late report."""
        return await self._desk.write(self._book.artifact_kept, operation_id, attempt, artifact)

    async def may_keep_checkpoint(self, operation_id: str, attempt: int) -> bool:
        """Say whether states of this attempt are still to be kept: it is the present one and has not ended."""
        return await self._desk.write(self._book.may_keep_checkpoint, operation_id, attempt)

    async def checkpoint_kept(self, operation_id: str, attempt: int) -> None:
        """Record that there is a state to go on from."""
        await self._desk.write(self._book.checkpoint_kept, operation_id, attempt)
