"""What waits for its first attempt: placed again when nodes come and go, ended when its time is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from actors.desk import Desk
from actors.notices import work_in
from actors.outcome import first_line
from cluster.environments import Environments
from cluster.selector import ExecutionModeSelector, ModeRequest, Placement
from cluster.view import ClusterView
from cluster.waitlist import Expired, Waiting, reconsider
from ktrdr.operations import Execution, Operation, OperationBook

log = logging.getLogger("ktrdr.waiting_room")

LOOK_EVERY_S = 2.0


class WaitingRoom:
    """Looks through what waits; decides nothing itself (`cluster.waitlist` does)."""

    def __init__(
        self,
        book: OperationBook,
        desk: Desk,
        selector: ExecutionModeSelector,
        view: Callable[[], ClusterView],
        clock: Callable[[], datetime],
    ) -> None:
        self._book, self._desk = book, desk
        self._selector, self._view, self._clock = selector, view, clock

    async def keep_looking(self) -> None:
        """Look every `LOOK_EVERY_S`, for ever; what goes wrong is logged, and tried again at the next look."""
        while True:
            try:
                await self.look()
            except Exception as error:  # a full disk, a store that is away: nothing may end the watch
                log.warning("What waits could not be looked through: %s", first_line(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Look once."""
        waiting = await asyncio.to_thread(self._book.waiting)  # a long queue does not hold up the writer
        if not waiting:
            return
        view = await asyncio.to_thread(self._view)
        for operation in waiting:
            became = reconsider(self._as_waiting(operation), self._selector, view)
            if isinstance(became, Expired):
                await self._desk.settle(
                    await self._desk.write(self._book.expire, operation.operation_id, became.message)
                )
            elif became is not None:
                await self._place(operation, became)

    async def _place(self, operation: Operation, placement: Placement) -> None:
        execution = execution_of(placement, self._selector.environments)
        placed = await self._desk.write(self._book.place, operation.operation_id, execution)
        self._desk.tell(placed)
        self._desk.notices.wake(work_in(placement.environment))

    def _as_waiting(self, operation: Operation) -> Waiting:
        request = operation.request
        return Waiting(
            request=ModeRequest(operation.execution.requested_mode, bool(request.get("require_gpu"))),
            environment=operation.execution.environment,
            waited_s=operation.waited_s(self._clock()),
            wait_for_node_s=request.get("wait_for_node_s"),
        )


def execution_of(placement: Placement, environments: Environments) -> Execution:
    """Return a placement as an operation records it."""
    return Execution(
        requested_mode=placement.requested_mode,
        mode=placement.mode,
        environment=placement.environment,
        fallback=placement.fallback,
        reason=placement.why,
        cost_per_hour=environments.limits_of(placement.environment).cost_per_hour,
    )
