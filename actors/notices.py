"""Wake-ups between the coroutines of one actor, by topic, in memory only.

Whoever is woken reads the store. What was written there may come along, so that what is urgent need not be read.
"""

from __future__ import annotations

import asyncio

from ktrdr.operations import Operation


class Notice(asyncio.Event):
    """One wake-up. `told` is the operation as it was written, where that came along; it may have changed since."""

    told: Operation | None = None


class Notices:
    """Topics on which coroutines wait. Take the event *before* reading the store, and no change is missed."""

    def __init__(self) -> None:
        self._events: dict[str, Notice] = {}

    def next(self, topic: str) -> Notice:
        """Return the event that the next `wake` of `topic` sets."""
        return self._events.setdefault(topic, Notice())

    def wake(self, topic: str, told: Operation | None = None) -> None:
        """Wake everyone who waits on `topic`."""
        if (event := self._events.pop(topic, None)) is not None:
            event.told = told
            event.set()


async def wait_for(event: asyncio.Event, timeout_s: float) -> None:
    """Return when `event` is set, or after `timeout_s`."""
    try:
        await asyncio.wait_for(event.wait(), max(timeout_s, 0))
    except TimeoutError:
        return


def work_in(environment: str) -> str:
    """Topic: an operation may have become pending in `environment`."""
    return f"work:{environment}"


def transfers_in(environment: str) -> str:
    """Topic: an attempt may have been reopened in `environment`."""
    return f"transfers:{environment}"


def stop_of(operation_id: str) -> str:
    """Topic: the operation is to be stopped, or its attempt is over."""
    return f"stop:{operation_id}"


def end_of(operation_id: str) -> str:
    """Topic: the operation has ended."""
    return f"end:{operation_id}"
