"""Live news of operations, in memory: the last progress and the last state, and those who wait for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

END = "end"


@dataclass(frozen=True)
class Event:
    """One line of news. `id` rises within an operation, over restarts of the actor too."""

    id: int
    event: str
    payload: dict[str, Any]


@dataclass
class _Channel:
    progress: Event | None = None
    state: Event | None = None
    last_id: int = 0
    attempt: int = 0
    sequence: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)


def _tell_nobody(_operation_id: str, _attempt: int) -> None:
    return


class ProgressHub:
    """Keeps what is newest for each operation; a reader who comes late sees the latest, never a backlog.

    Parameters
    ----------
    clock_ms
        Wall clock in ms. Ids start from it, so that those given after a restart are larger than those before.
    on_progress
        Told the operation and the attempt of every update that is taken.
    """

    def __init__(self, clock_ms: Callable[[], int], on_progress: Callable[[str, int], None] = _tell_nobody) -> None:
        self._clock_ms, self._on_progress = clock_ms, on_progress
        self._channels: dict[str, _Channel] = {}

    def publish_progress(self, operation_id: str, progress: dict[str, Any], reached: float = 0.0) -> bool:
        """Take an update; False when a newer one is already known (updates may arrive out of order).

        The share done never goes back, over attempts neither: `reached` is that of earlier ones, where it is known.
        """
        channel = self._channels.setdefault(operation_id, _Channel())
        order = (progress["attempt"], progress["sequence"])
        if order <= (channel.attempt, channel.sequence):
            return False
        shown = channel.progress.payload["percentage"] if channel.progress else reached
        progress = {**progress, "percentage": max(progress["percentage"], reached, shown)}
        channel.attempt, channel.sequence = order
        channel.progress = self._event(channel, "progress", progress)
        self._on_progress(operation_id, channel.attempt)
        return True

    def publish_state(self, operation_id: str, state: dict[str, Any]) -> None:
        """Tell everyone who waits that the operation's state has changed."""
        channel = self._channels.setdefault(operation_id, _Channel())
        channel.state = self._event(channel, "state", state)

    def progress(self, operation_id: str) -> dict[str, Any] | None:
        """Return the newest update, if one came since the actor started."""
        channel = self._channels.get(operation_id)
        return channel.progress.payload if channel and channel.progress else None

    def newer(self, operation_id: str, since: int) -> list[Event]:
        """Return what is newer than id `since`, oldest first; an id from the future counts as the latest."""
        channel = self._channels.get(operation_id)
        if channel is None:
            return []
        known = [event for event in (channel.state, channel.progress) if event is not None and event.id > since]
        return sorted(known, key=lambda event: event.id)

    async def wait(self, operation_id: str, since: int, timeout_s: float) -> list[Event]:
        """Return what is newer than `since`, waiting for it at most `timeout_s`; then an empty list."""
        channel = self._channels.setdefault(operation_id, _Channel())
        if since > max(channel.last_id, self._clock_ms()):
            since = channel.last_id
        if not (found := self.newer(operation_id, since)):
            try:
                await asyncio.wait_for(channel.news.wait(), timeout_s)
            except TimeoutError:
                return []
            found = self.newer(operation_id, since)
        return found

    def forget(self, operation_id: str) -> None:
        """Let go of an operation that has ended: its record says all, and whoever waits has been woken."""
        self._channels.pop(operation_id, None)

    def event(self, operation_id: str, name: str, payload: dict[str, Any], since: int) -> Event:
        """Return an event for one reader alone, later than all it has seen."""
        channel = self._channels.get(operation_id, _Channel())
        channel.last_id = max(channel.last_id, since)
        return self._event(channel, name, payload)

    def _event(self, channel: _Channel, name: str, payload: dict[str, Any]) -> Event:
        channel.last_id = max(channel.last_id + 1, self._clock_ms())
        woken, channel.news = channel.news, asyncio.Event()
        woken.set()
        return Event(channel.last_id, name, payload)
