"""The desk of the OperationsActor: one writer, and what must be told, to whom, after each change."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from actors.hub import ProgressHub
from actors.meters import OperationMeters
from actors.notices import Notices, end_of, stop_of, work_in
from ktrdr.errors import StoreUnavailable
from ktrdr.operations import Operation, OperationBook

log = logging.getLogger("ktrdr.operations")

P = ParamSpec("P")
ReturnT = TypeVar("ReturnT")


class Desk:
    """Every change goes through the book on one writer thread; news and wake-ups follow it, never the other way."""

    def __init__(self, book: OperationBook, meters: OperationMeters | None = None) -> None:
        self._book = book
        self.meters = meters or OperationMeters()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="book")
        self._judges = ThreadPoolExecutor(max_workers=2, thread_name_prefix="judge")
        self.hub = ProgressHub(lambda: time.time_ns() // 1_000_000, self.meters.progressed)
        self.notices = Notices()

    async def write(self, method: Callable[P, ReturnT], *args: P.args, **kwargs: P.kwargs) -> ReturnT:
        """Call `method` on the writer thread: off the event loop, one after the other."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, functools.partial(method, *args, **kwargs))

    async def judge(self, method: Callable[P, ReturnT], *args: P.args, **kwargs: P.kwargs) -> ReturnT:
        """Call `method` on a thread for longer work: nothing shorter waits for it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._judges, functools.partial(method, *args, **kwargs))

    async def settle(self, operation: Operation | None, is_lost: bool = False) -> None:
        """Tell everyone whom the end of an attempt concerns; None is a late report, which concerns nobody.

        `is_lost`: a process or machine that went away ended it.
        """
        if operation is None:
            return
        self.meters.settled(operation, is_lost)
        if (progress := self.hub.progress(operation.operation_id)) is not None:
            try:
                operation = await self.write(self._book.keep_progress, operation.operation_id, progress)
            except StoreUnavailable as error:  # the end itself is kept: everybody must hear of it
                log.warning("The last progress of %s is not kept: %s", operation.operation_id, error)
        self.tell(operation)
        self.notices.wake(stop_of(operation.operation_id))
        if operation.is_terminal:
            self.notices.wake(end_of(operation.operation_id))
            self.hub.forget(operation.operation_id)
        else:
            self.notices.wake(work_in(operation.execution.environment))

    def tell(self, operation: Operation | None) -> None:
        """Publish the operation's state to those who watch it."""
        if operation is not None:
            self.hub.publish_state(operation.operation_id, state_of(operation))

    def progress_of(self, operation: Operation) -> dict[str, Any] | None:
        """Return the newest progress: live, else as it was kept."""
        return self.hub.progress(operation.operation_id) or operation.progress


def state_of(operation: Operation) -> dict[str, Any]:
    """Return the payload of a `state` event."""
    return {"status": operation.status.value, "status_reason": operation.status_reason, "attempt": operation.attempt}
