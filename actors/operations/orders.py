"""What an attempt that is under way is to do: go on, stop for one reason or another, or be given up."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from actors.desk import Desk
from actors.leases import START_S, Leases
from actors.notices import stop_of
from actors.suspension import Suspension
from actors.words import CANCEL, OVER, RUN, SUSPEND, TIMEOUT
from cluster.environments import Environments
from ktrdr.operations import UNDER_WAY, Operation, OperationBook, OperationStatus, utc_text

GIVEN_UP_AFTER = 2.0
"""Leases that pass without word before an attempt is given up; after one it is shown as unreachable."""


class Orders:
    """Reads them off the operation, the clock, and how long nothing has been heard. Everything is injected."""

    def __init__(  # noqa: PLR0913 - what is injected
        self,
        book: OperationBook,
        desk: Desk,
        suspension: Suspension,
        environments: Environments,
        clock: Callable[[], datetime],
        leases: Leases,
    ) -> None:
        self._book, self._desk, self._suspension = book, desk, suspension
        self._environments, self._clock, self._leases = environments, clock, leases

    def word(self, operation: Operation, attempt: int) -> tuple[str, str | None]:
        """Return the word for an attempt at the operation, and its reason."""
        if operation.attempt != attempt or operation.status not in UNDER_WAY:
            self._desk.notices.wake(stop_of(operation.operation_id))
            return (OVER, None)
        if operation.status is OperationStatus.CANCELLING:
            return (CANCEL, operation.cancel_reason)
        if self._suspension.concerns(operation):
            return (SUSPEND, self._suspension.reason(operation))
        if not operation.committing and (message := self.overdue(operation)):
            return (TIMEOUT, message)
        return (RUN, None)

    def overdue(self, operation: Operation) -> str | None:
        """Return why the running attempt is to end, if it has run as long as its environment lets it."""
        longest_s = self._environments.limits_of(operation.execution.environment).max_duration_s
        ran_s = operation.attempt_ran_s(self._clock())
        is_running = operation.status is OperationStatus.RUNNING
        if longest_s is None or not is_running or _has_trained(operation) or ran_s < longest_s:
            return None
        return (
            f"It ran {ran_s:.0f} s, and an attempt may run {longest_s:g} s in {operation.execution.environment} "
            f"(max_duration_s of that environment)."
        )

    def longest_s(self, operation: Operation) -> float:
        """Return how long a poll may sleep before the attempt is overdue."""
        longest_s = self._environments.limits_of(operation.execution.environment).max_duration_s
        if longest_s is None or operation.committing or _has_trained(operation):
            return math.inf
        return max(longest_s - operation.attempt_ran_s(self._clock()), 0.05)

    async def lapse(self, operation: Operation) -> str | None:
        """Return why the attempt is to be given up, if it is; record its silence when its lease has run out once."""
        operation_id, attempt, node = operation.operation_id, operation.attempt, operation.execution.node
        silent_s = self._leases.silent_s(operation_id, attempt)
        lease_s = self._environments.limits_of(operation.execution.environment).lease_s
        if node is None:
            return f"It did not start within {silent_s:.0f} s." if silent_s >= START_S else None
        if silent_s >= GIVEN_UP_AFTER * lease_s:
            return f"Nothing was heard of node {node[:8]} for {silent_s:.0f} s."
        if silent_s >= lease_s and operation.unreachable_since is None:
            since = utc_text(self._clock() - timedelta(seconds=silent_s))
            patience_s = GIVEN_UP_AFTER * lease_s
            self._desk.tell(await self._desk.write(self._book.unreachable, operation_id, attempt, since, patience_s))
        return None


def _has_trained(operation: Operation) -> bool:
    """Whether only the hand-over is left to the attempt: that takes the time it needs."""
    return operation.trained or operation.transferring
