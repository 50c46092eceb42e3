"""What pending operations wait for, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cluster.environments import Environments
from cluster.view import ClusterView
from cluster.waiting import pending_reason
from ktrdr.operations import Operation
from ktrdr.wire import Queue


@dataclass(frozen=True)
class QueueNow:
    """The queue of every environment, and the nodes that could take what waits.

    `ahead` has how many start before each pending operation, `n_busy` how many slots of each environment are taken.
    """

    ahead: Mapping[str, int]
    n_busy: Mapping[str, int]
    view: ClusterView
    environments: Environments
    now: datetime

    def place(self, operation: Operation) -> Queue:
        """Return where a pending operation stands."""
        ahead = self.ahead.get(operation.operation_id, 0)
        return Queue(position=ahead + 1, ahead=ahead)

    def reason(self, operation: Operation) -> str:
        """Return why it is pending. What became of the attempt before it is still the reason, too."""
        environment, gpu = operation.execution.environment, bool(operation.request.get("require_gpu"))
        is_configured = environment in self.environments.names
        n_busy = self.n_busy.get(environment, 0)
        why = pending_reason(environment, gpu, self.place(operation).ahead, self.view, n_busy, is_configured)
        if operation.attempt:
            return f"{operation.status_reason} {why}"
        return why + ("" if self.view.of(environment, require_gpu=gpu) else self._patience_left(operation))

    def _patience_left(self, operation: Operation) -> str:
        wait_s = operation.request.get("wait_for_node_s")
        if wait_s is None:
            return ""
        left_s = max(wait_s - operation.waited_s(self.now), 0.0)
        return f" It waits {left_s:.0f} s more for one."
