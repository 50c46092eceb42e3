"""The actor `operations`, undecorated: tests hold it as an object; `actors.house` makes it a named, detached actor."""

from __future__ import annotations

import asyncio

from actors.operations.attempts import ForDispatchers
from actors.operations.clients import ForClients
from actors.operations.trainings import ForTrainings


class OperationsActor(ForClients, ForDispatchers, ForTrainings):
    """Answers clients, dispatchers and training tasks.

    Every change goes through the book, on one writer thread, and is in the store before it is acknowledged. News and
    wake-ups live in memory only: whoever missed one reads the store.
    """

    async def ping(self) -> str:
        """Answer, to say that the actor lives."""
        return "ok"

    async def exposition(self) -> str:
        """Return what is measured here in Prometheus' text format, the gauges as they are now."""
        counts, view = await asyncio.gather(asyncio.to_thread(self._book.counts), asyncio.to_thread(self._view))
        self._meters.show(counts, view)
        return self._meters.text()

    async def suspend(self, wait_s: float) -> int:
        """Stop giving out work and put what runs back into the queue, its last epoch kept; return how much ran.

        For the end of the service. What is being trained or saved is waited for, at most `wait_s`.
        """
        return await self._suspension.begin(wait_s)

    async def suspend_node(self, node_id: str, wait_s: float) -> int:
        """Put what runs on one node back into the queue, in the same way; other nodes go on. Return how much ran."""
        return await self._suspension.begin_on(node_id, wait_s)
