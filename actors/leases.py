"""How long nothing has been heard of each attempt that is under way. In memory: it starts anew with the actor."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

LOOK_S = 1.0
"""Between two looks at an attempt's silence."""
START_S = 120.0
"""An attempt that has not said where it runs is given so long: a process starts, and imports torch."""


@dataclass
class _Lease:
    attempt: int
    looked_s: float
    silent_s: float = 0.0
    is_heard: bool = False


class Leases:
    """Counts silence only while somebody looks, about every `LOOK_S`.

    Words that came while the actor itself was held up are heard before the next look; the pause is nobody's silence.

    Parameters
    ----------
    clock
        Seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leases: dict[str, _Lease] = {}

    def heard(self, operation_id: str, attempt: int) -> bool:
        """Take a word of the attempt; return whether it is the first since the actor began, or ends a silence.

        Only then can a silence be on record. A word of an older attempt counts nothing.
        """
        lease = self._lease(operation_id, attempt)
        if lease.attempt != attempt:
            return False
        is_news = not lease.is_heard or lease.silent_s > LOOK_S
        lease.looked_s, lease.silent_s, lease.is_heard = self._clock(), 0.0, True
        return is_news

    def silent_s(self, operation_id: str, attempt: int) -> float:
        """Look: return for how long nothing has been heard of the attempt, from the first look on."""
        lease = self._lease(operation_id, attempt)
        now_s = self._clock()
        lease.silent_s += min(now_s - lease.looked_s, 2 * LOOK_S)
        lease.looked_s = now_s
        return lease.silent_s

    def end(self, operation_id: str) -> None:
        """Forget the operation's attempt."""
        self._leases.pop(operation_id, None)

    def _lease(self, operation_id: str, attempt: int) -> _Lease:
        lease = self._leases.get(operation_id)
        if lease is None or lease.attempt < attempt:
            lease = self._leases[operation_id] = _Lease(attempt, self._clock())
        return lease
