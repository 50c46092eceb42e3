"""Work off the event loop that may never run twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class OneByOne:
    """A thread that does one thing after another.

    A thread cannot be stopped. So whoever is cancelled while his work is done waits for its end before he goes: his
    place is free only then.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="one-by-one")

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` gives. Cancelled before its turn it is never done."""
        turn = self._thread.submit(work)
        done = asyncio.wrap_future(turn)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            turn.cancel()
            while not done.done():
                with suppress(asyncio.CancelledError):  # by somebody who is in a hurry: there is nothing to do but wait
                    await asyncio.wait([done])
            if not done.cancelled():
                done.exception()  # looked at, so that nobody is told that it never was
            raise
