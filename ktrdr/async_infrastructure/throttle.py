"""How many batches lie between two progress updates, adapted to how fast batches go."""

from __future__ import annotations

import time
from collections.abc import Callable

START_STRIDE = 10
MAX_STRIDE = 100
TOO_CLOSE_S = 0.150
TOO_FAR_S = 0.450


class AdaptiveStride:
    """Says which batches to report, about 300 ms apart.

    An update less than 150 ms after the one before doubles the stride, one more than 450 ms after halves it. It stays
    within 1..100; it grows beyond 100 only where updates 100 batches apart still come less than 150 ms apart.
    Batches are counted over epochs, so that short epochs adapt, too. The clock is read only where an update is due.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stride = START_STRIDE
        self._n_since_due = 0
        self._last_batch = 0
        self._last_due_s: float | None = None

    @property
    def stride(self) -> int:
        """Batches from one update to the next."""
        return self._stride

    def is_due(self, n: int) -> bool:
        """Return whether batch `n` (from 1 within its epoch) is to be reported. Call it for batches in order.

        Reporting the first and the last batch of an epoch besides is the caller's choice.
        """
        # a number that does not rise is the next epoch's
        self._n_since_due += n - self._last_batch if n > self._last_batch else n
        self._last_batch = n
        if self._n_since_due < self._stride:
            return False
        self._n_since_due = 0
        self._adapt(self._clock())
        return True

    def _adapt(self, now_s: float) -> None:
        gap_s = None if self._last_due_s is None else now_s - self._last_due_s
        self._last_due_s = now_s
        if gap_s is None:
            return
        if gap_s < TOO_CLOSE_S:
            doubled = self._stride * 2
            self._stride = doubled if self._stride >= MAX_STRIDE else min(doubled, MAX_STRIDE)
        elif gap_s > TOO_FAR_S:
            self._stride = max(1, self._stride // 2)
