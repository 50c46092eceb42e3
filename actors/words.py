"""The words by which an attempt hears whether it goes on, and what makes them true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cluster.environments import Environments
from ktrdr.operations import Operation, OperationStatus

RUN = "run"
CANCEL = "cancel"
"""Its user has asked for it."""
SUSPEND = "suspend"
"""It is to stop and will go on later."""
TIMEOUT = "timeout"
"""It has run as long as its environment lets it."""
LAPSED = "lapsed"
"""Nothing was heard of it for too long: it is given up."""
OVER = "over"
"""It has ended; another attempt may have begun."""

STOPPING = (CANCEL, SUSPEND, TIMEOUT, OVER)
"""What a training that hears it stops for."""

GIVEN_UP_AFTER = 2.0
"""Leases that pass without word before an attempt is given up; after one it is shown as unreachable."""


@dataclass(frozen=True)
class Watched:
    """What a dispatcher hears of an attempt. `node`: where it runs, once it has said so."""

    word: str
    reason: str | None
    node: str | None
    is_forced: bool
    """Not to be waited for: its process is to be killed."""


def overdue(operation: Operation, environments: Environments, now: datetime) -> str | None:
    """Return why the running attempt is to end, if it has run as long as its environment lets it."""
    longest_s = environments.limits_of(operation.execution.environment).max_duration_s
    ran_s = operation.attempt_ran_s(now)
    if longest_s is None or operation.status is not OperationStatus.RUNNING or ran_s < longest_s:
        return None
    return (
        f"It ran {ran_s:.0f} s, and an attempt may run {longest_s:g} s in {operation.execution.environment} "
        f"(max_duration_s of that environment)."
    )
