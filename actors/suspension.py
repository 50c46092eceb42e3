"""The end of a service or of a node: what trains there keeps its last epoch and goes back into the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from actors.desk import Desk
from actors.notices import stop_of
from ktrdr.operations import Operation, OperationBook, OperationStatus

REASON = "The service was stopped; it is started with `ktrdr up`."
_LOOK_S = 0.05


class Suspension:
    """Asks running trainings to stop, by the way of a cancel, and puts them back into the queue.

    From `begin` on nothing is given out any more. After `begin_on` a node, others go on; what reaches that node late
    is asked to stop, too. A node that is started again has another id.
    """

    def __init__(self, book: OperationBook, desk: Desk) -> None:
        self._book, self._desk = book, desk
        self.has_begun = False
        self._nodes: set[str] = set()

    def covers(self, operation: Operation) -> bool:
        """Return whether the operation's attempt is one of those that end for the sake of the service or a node."""
        return self.has_begun or operation.execution.node in self._nodes

    def concerns(self, operation: Operation) -> bool:
        """Return whether the operation's training is to stop: not while its model is being saved."""
        return self.covers(operation) and operation.status is OperationStatus.RUNNING and not operation.committing

    def reason(self, operation: Operation) -> str:
        """Return why its training is to stop."""
        if self.has_begun:
            return REASON
        return f"Its node, {str(operation.execution.node)[:8]}, was stopped."

    async def begin(self, wait_s: float) -> int:
        """Suspend all that runs; return how much that was.

        Trainings are waited for, at most `wait_s`: those that stop, and those whose model is being saved.
        """
        self.has_begun = True
        return await self._suspend(lambda _: True, wait_s)

    async def begin_on(self, node_id: str, wait_s: float) -> int:
        """Suspend what runs on one node, in the same way."""
        self._nodes.add(node_id)
        return await self._suspend(lambda operation: operation.execution.node == node_id, wait_s)

    async def put_back(self, operation: Operation) -> None:
        """Put an attempt that has stopped, or is about to, back into the queue; it does not count."""
        attempt, reason = operation.attempt, self.reason(operation)
        settled = await self._desk.write(self._book.requeue, operation.operation_id, attempt, reason, False)
        await self._desk.settle(settled)

    async def _suspend(self, is_meant: Callable[[Operation], bool], wait_s: float) -> int:
        deadline = time.monotonic() + wait_s
        at_first = await self._running(is_meant)
        for operation in at_first:
            self._desk.notices.wake(stop_of(operation.operation_id))
        left = at_first
        while left and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
            left = await self._running(is_meant)
        for operation in left:  # its process ends with its node: it goes on from the checkpoint before
            if operation.committing:  # its model comes to be, or its dispatcher finds out that it does not
                continue
            if not await self._desk.write(self._book.fence, operation.operation_id, operation.attempt):
                await self.put_back(operation)
        return len(at_first)

    async def _running(self, is_meant: Callable[[Operation], bool]) -> list[Operation]:
        running = await self._desk.write(self._book.running)
        return [operation for operation in running if is_meant(operation)]
