"""The end of a service: what trains keeps its last epoch and goes back into the queue."""

from __future__ import annotations

import asyncio
import functools
import time

from actors.desk import Desk
from actors.notices import stop_of
from ktrdr.operations import Operation, OperationBook, OperationStatus

REASON = "The service was stopped; it is started with `ktrdr up`."
_LOOK_S = 0.05


class Suspension:
    """Asks running trainings to stop, by the way of a cancel; from `begin` on, nothing is given out any more."""

    def __init__(self, book: OperationBook, desk: Desk) -> None:
        self._book, self._desk = book, desk
        self.has_begun = False

    def concerns(self, operation: Operation) -> bool:
        """Return whether the operation's training is to stop: not while its model is being saved."""
        return self.has_begun and operation.status is OperationStatus.RUNNING and not operation.committing

    async def begin(self, wait_s: float) -> int:
        """Put what runs back into the queue, its last epoch kept; return how much ran.

        Trainings are waited for, at most `wait_s`: those that stop, and those whose model is being saved.
        """
        self.has_begun = True
        deadline = time.monotonic() + wait_s
        at_first = await self._running()
        for operation in at_first:
            self._desk.notices.wake(stop_of(operation.operation_id))
        left = at_first
        while left and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
            left = await self._running()
        for operation in left:  # its process ends with the service: it goes on from the checkpoint before
            if not await self._desk.write(self._book.fence, operation.operation_id, operation.attempt):
                await self.put_back(operation.operation_id, operation.attempt)
        return len(at_first)

    async def put_back(self, operation_id: str, attempt: int) -> None:
        """Put an attempt that has stopped, or is about to, back into the queue; it does not count."""
        settled = await self._desk.write(self._book.requeue, operation_id, attempt, REASON, False)
        await self._desk.settle(settled)

    async def _running(self) -> list[Operation]:
        page = await self._desk.write(functools.partial(self._book.page, status="running", limit=500))
        return list(page.items)
