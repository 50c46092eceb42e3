"""News of a training on its way to the OperationsActor: never in the way of the training."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from ktrdr.async_infrastructure import Progress

INTERVAL_S = 0.1
RETRY_S = 0.5
HEARTBEAT_S = 2.0
"""Without news for so long, a report of nothing says that the training lives."""


class SendReport(Protocol):
    """Deliver one report and return when it is acknowledged; raises while the actor is away."""

    def __call__(
        self, progress: dict[str, Any] | None, epochs: Sequence[dict[str, Any]], lines: Sequence[dict[str, Any]]
    ) -> None: ...


class Reporter:
    """A one-slot box for progress, queues for epochs and log lines, emptied by a side thread 10 times a second at most.

    Where there is no news, it says every `HEARTBEAT_S` that the training lives.

    The training thread only puts things in, which takes microseconds, whether the actor is fast, slow or away. Of
    progress the latest wins; no epoch and no log line is dropped.

    Parameters
    ----------
    send
        Delivers one report.
    transient
        The errors `send` raises while the actor is away: such a report is sent again.
    line_number
        Of the first log line.
    """

    def __init__(self, send: SendReport, transient: tuple[type[BaseException], ...], line_number: int = 1) -> None:
        self._send, self._transient = send, transient
        self._box = threading.Condition()
        self._progress: dict[str, Any] | None = None
        self._epochs: list[dict[str, Any]] = []
        self._lines: list[dict[str, Any]] = []
        self._next_line = line_number
        self._is_closed = False
        self._pause = threading.Event()
        self._thread = threading.Thread(target=self._deliver_for_ever, name="reporter", daemon=True)
        self._thread.start()

    def progress(self, update: Progress) -> None:
        """Take the newest progress."""
        with self._box:
            self._progress = update.as_dict()
            self._box.notify()

    def epoch(self, metrics: dict[str, Any]) -> None:
        """Take one finished epoch's metrics."""
        with self._box:
            self._epochs.append(metrics)
            self._box.notify()

    def line(self, record: dict[str, Any]) -> None:
        """Take one log record, and number it: a report whose acknowledgement was lost is sent again."""
        with self._box:
            self._lines.append({**record, "sequence": self._next_line})
            self._next_line += 1
            self._box.notify()

    def close(self, timeout_s: float = 10.0) -> bool:
        """Deliver what is left, end the thread; say whether all was acknowledged within `timeout_s`."""
        with self._box:
            self._is_closed = True
            self._box.notify()
        self._pause.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._has_news()

    def _deliver_for_ever(self) -> None:
        while True:
            with self._box:
                is_woken = self._box.wait_for(lambda: self._is_closed or self._has_news(), HEARTBEAT_S)
                if is_woken and not self._has_news():  # closed
                    return
                progress, epochs, lines = self._progress, self._epochs, self._lines
                self._progress, self._epochs, self._lines = None, [], []
            try:
                self._send(progress, epochs, lines)
            except self._transient:
                with self._box:  # put back what must not be lost, before what came since
                    self._epochs, self._lines = epochs + self._epochs, lines + self._lines
                    self._progress = self._progress or progress
                time.sleep(RETRY_S)
            else:
                self._pause.wait(INTERVAL_S)  # cut short by `close`

    def _has_news(self) -> bool:
        return bool(self._progress or self._epochs or self._lines)
