"""Asking a training to stop: a flag that costs an attribute read, and the error that carries the reason."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Protocol

from ktrdr.errors import CancellationError

DEFAULT_REASON = "Operation cancelled"


class CancellationToken(Protocol):
    """A request to stop, shared between who asks and who works."""

    def is_cancelled(self) -> bool:
        """Return whether a stop was asked for: an attribute read, < 1 us."""

    def cancel(self, reason: str = DEFAULT_REASON) -> None:
        """Ask to stop. The first reason is kept."""

    async def wait_for_cancellation(self) -> None:
        """Return when a stop was asked for."""

    @property
    def is_cancelled_requested(self) -> bool:
        """The same as `is_cancelled()`."""


class ThreadCancellationToken:
    """A token for one process: any thread may cancel, any thread or event loop may look or wait."""

    def __init__(self) -> None:
        self._is_cancelled = False
        self._reason: str | None = None
        self._waiters: set[Future[None]] = set()
        self._lock = threading.Lock()

    def is_cancelled(self) -> bool:
        """Return whether a stop was asked for. Takes no lock: the trainer calls it every batch."""
        return self._is_cancelled

    @property
    def is_cancelled_requested(self) -> bool:
        """The same as `is_cancelled()`."""
        return self._is_cancelled

    @property
    def reason(self) -> str | None:
        """The first reason given; None while not cancelled."""
        return self._reason

    def cancel(self, reason: str = DEFAULT_REASON) -> None:
        """Ask to stop and wake whoever waits. The first reason is kept."""
        with self._lock:
            if self._is_cancelled:
                return
            self._reason = reason  # before the flag, so that who sees the flag also sees the reason
            self._is_cancelled = True
            waiters = tuple(self._waiters)
        for waiter in waiters:
            waiter.set_result(None)

    async def wait_for_cancellation(self) -> None:
        """Return when a stop was asked for, at once if it already was."""
        waiter: Future[None] = Future()
        waiter.set_running_or_notify_cancel()  # from here on it cannot be cancelled, so `cancel` can always set it
        with self._lock:
            if self._is_cancelled:
                return
            self._waiters.add(waiter)
        try:
            await asyncio.wrap_future(waiter)
        finally:
            with self._lock:
                self._waiters.discard(waiter)


def raise_if_cancelled(token: CancellationToken | None) -> None:
    """Stop here if a stop was asked for.

    Raises
    ------
    CancellationError
        With the token's reason where it keeps one.
    """
    if token is not None and token.is_cancelled():
        raise CancellationError(getattr(token, "reason", None) or DEFAULT_REASON)
