"""One feed of news for each operation that is watched in this process, however many watch it.

A feed makes one long poll at a time. What it keeps is the newest state and the newest progress: a watcher that is slow
finds the newest when it comes, holds up nobody, and has no backlog that could grow.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from sse_starlette import ServerSentEvent

from actors.gateway import END, Event
from ktrdr.errors import KtrdrError

POLL_S = 15.0
SENT_PER_S = 100
"""Events to all watchers of an operation together, about: each costs 1.6 ms of CPU on its way through Serve, which the
training may need. Two hundred watchers get what is newest every two seconds, ten of them all there is."""

log = logging.getLogger("ktrdr.serve")

Changes = Callable[[str, int, float], Awaitable[list[Event]]]
"""Operation id, the last event id known, seconds to wait: the events after it, as `OperationsActor.changes` gives."""


@dataclass(frozen=True)
class News:
    """One event, written down once for all who get it."""

    id: int
    event: str
    data: str
    """JSON."""
    is_last: bool = False
    """It belongs to the operation's end: every watcher gets it, whatever id it had seen."""

    @cached_property
    def sse(self) -> bytes:
        """As a server-sent event."""
        return ServerSentEvent(self.data, event=self.event, id=str(self.id)).encode()

    @cached_property
    def frame(self) -> str:
        """As a WebSocket's message: `{id, event, data}`."""
        return f'{{"id": {self.id}, "event": "{self.event}", "data": {self.data}}}'


class Feeds:
    """The feeds of this process.

    Parameters
    ----------
    changes
        Asks for an operation's events, waiting for them.
    clock_ms
        Wall clock in ms, from which the ids of events come: a larger one is from the future.
    pause
        Waits so many seconds.
    """

    def __init__(
        self,
        changes: Changes,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._changes, self._clock_ms, self._pause = changes, clock_ms, pause
        self._feeds: dict[str, _Feed] = {}

    async def check(self, operation_id: str) -> None:
        """Raise `UnknownOperation` where there is none, before a stream begins."""
        if operation_id not in self._feeds:
            await self._changes(operation_id, 0, 0.0)

    @contextmanager
    def watch(self, operation_id: str, last_id: int) -> Iterator[Watcher]:
        """Give a watcher of what comes after event `last_id`. Its feed ends with the last one, or the operation."""
        feed = self._feeds.get(operation_id)
        if feed is None or feed.is_over:  # over: it may have been resumed since
            feed = self._feeds[operation_id] = _Feed(operation_id, self._changes, self._pause)
        feed.n_watchers += 1
        try:
            yield Watcher(feed, last_id, self._clock_ms)
        finally:
            feed.n_watchers -= 1
            if feed.n_watchers == 0:
                feed.stop()
                if self._feeds.get(operation_id) is feed:
                    del self._feeds[operation_id]


class Watcher:
    """Reads a feed: what is newest when it asks, each once."""

    def __init__(self, feed: _Feed, last_id: int, clock_ms: Callable[[], int]) -> None:
        self._feed, self._after_id, self._clock_ms = feed, last_id, clock_ms
        self._last_id = last_id
        self._n_seen: int | None = None

    async def next(self) -> News | None:
        """Return the next news, waiting for it; None after `end`, and where the service cannot be asked any more."""
        feed = self._feed
        if self._n_seen is None:
            await feed.begun.wait()
            self._n_seen = self._start()
        while True:
            for number, news in feed.kept:
                if number > self._n_seen and (news.is_last or news.id > self._after_id):
                    self._n_seen = number
                    return self._given(news)
            if feed.is_over:
                feed.raise_defect()
                return None
            await feed.arrived.wait()

    def _start(self) -> int:
        """Return how much of the feed counts as seen. An id from the future counts as the newest."""
        newest = max((news.id for _, news in self._feed.kept), default=0)
        if self._feed.is_over or self._after_id <= max(newest, self._clock_ms()):
            return 0
        self._after_id = self._last_id = newest
        return self._feed.n_taken

    def _given(self, news: News) -> News:
        """Return the news with an id later than all that this watcher has seen."""
        if news.is_last and news.id <= self._last_id:
            news = replace(news, id=self._last_id + 1)
        self._last_id = news.id
        return news


class _Feed:
    """Polls for one operation until it has ended or is stopped."""

    def __init__(self, operation_id: str, changes: Changes, pause: Callable[[float], Awaitable[None]]) -> None:
        self._operation_id, self._changes, self._pause = operation_id, changes, pause
        self.n_watchers = self.n_taken = 0
        self.kept: list[tuple[int, News]] = []
        """The newest of each kind with its number, oldest first."""
        self.begun, self.arrived = asyncio.Event(), asyncio.Event()
        self.is_over = False
        self._defect: BaseException | None = None
        self._task = asyncio.create_task(self._poll_for_ever(), name=f"feed of {operation_id}")

    def stop(self) -> None:
        """Poll no more."""
        self._task.cancel()

    def raise_defect(self) -> None:
        """Raise what ended the feed, where it was a defect."""
        if self._defect is not None:
            raise self._defect

    async def _poll_for_ever(self) -> None:
        since, wait_s = 0, 0.0  # what there is already comes at once
        try:
            while not self.is_over:
                events = await self._changes(self._operation_id, since, wait_s)
                wait_s = POLL_S
                self._take(events)
                if events and not self.is_over:
                    since = events[-1].id
                    await self._pause(self.n_watchers / SENT_PER_S)
        except KtrdrError as error:  # the gateway has waited a restart out: this one is longer
            log.warning("The news of %s end: %s", self._operation_id, error)
        except Exception as error:  # a defect is every watcher's, and is raised there
            self._defect = error
        finally:
            self.is_over = True
            self._wake()

    def _take(self, events: list[Event]) -> None:
        """Keep what has come."""
        self.is_over = any(event.event == END for event in events)
        if self.is_over:
            self.kept = []  # the end and its state say all
        for event in events:
            self.n_taken += 1
            news = News(event.id, event.event, json.dumps(event.payload), is_last=self.is_over)
            self.kept = [(number, one) for number, one in self.kept if one.event != event.event]
            self.kept.append((self.n_taken, news))
        self._wake()

    def _wake(self) -> None:
        self.begun.set()
        woken, self.arrived = self.arrived, asyncio.Event()
        woken.set()
