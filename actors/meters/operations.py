"""What is measured of operations: their book is counted when asked, what happens is counted as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from actors.meters import declared
from actors.meters.meters import Meters, Mirror
from cluster.environments import ENVIRONMENTS, Environments
from cluster.view import ClusterView
from ktrdr.operations import TERMINAL, UNDER_WAY, Operation, OperationStatus

GONE_SHOWN_S = 3600.0
"""A node that is gone is shown as down for so long; then it is forgotten, so that series do not pile up."""


class OperationMeters:
    """The OperationsActor's metrics, in its own terms. Used by its event loop alone; asks no store and no cluster.

    Parameters
    ----------
    environments
        Those whose series are there from the start.
    mirrors
        Where else the metrics are told.
    clock
        Seconds that never go back.
    """

    def __init__(
        self,
        environments: Environments = ENVIRONMENTS,
        mirrors: Sequence[Mirror] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._environments = tuple(environment.name for environment in environments)
        self._meters = Meters(declared.OPERATION_METRICS, mirrors)
        self._cancel_asked: dict[str, float] = {}
        self._updated: dict[str, tuple[int, float]] = {}
        self._last_seen: dict[tuple[str, str], float] = {}
        self._start(environments)

    def submitted(self, operation: Operation) -> None:
        """Count an operation that was entered."""
        execution = operation.execution
        self._meters.count(declared.SUBMISSIONS, environment=execution.environment)
        if execution.fallback:
            self._meters.count(declared.FALLBACKS, requested_mode=execution.requested_mode)

    def cancel_asked(self, operation_id: str, asked_s: float) -> None:
        """Note when a running operation was asked to stop; asked again, the first time stands."""
        self._cancel_asked.setdefault(operation_id, asked_s)

    def progressed(self, operation_id: str, attempt: int) -> None:
        """Observe how long ago the attempt's update before this one was."""
        now = self.clock()
        of_attempt, before = self._updated.get(operation_id, (0, now))
        self._updated[operation_id] = attempt, now
        if of_attempt == attempt:
            self._meters.observe(declared.PROGRESS_INTERVAL, now - before)

    def settled(self, operation: Operation, is_lost: bool) -> None:
        """Count the end of an attempt, or of an operation that had none; `is_lost`: infrastructure ended it."""
        environment = operation.execution.environment
        self._updated.pop(operation.operation_id, None)
        asked_s = self._cancel_asked.pop(operation.operation_id, None)
        if is_lost:
            self._meters.count(declared.LOST_ATTEMPTS, environment=environment)
        if operation.is_terminal:
            self._meters.count(declared.ENDINGS, environment=environment, outcome=operation.status.value)
        if operation.status is OperationStatus.CANCELLED and asked_s is not None:
            self._meters.observe(declared.CANCEL_LATENCY, self.clock() - asked_s)

    def show(self, counts: Mapping[tuple[str, str], int], view: ClusterView) -> None:
        """Set the gauges: `counts` are the operations there are, by status and environment."""
        by_status: dict[tuple[str, ...], float] = {(status.value,): 0.0 for status in OperationStatus}
        for (status, _), n_operations in counts.items():
            by_status[status,] = by_status.get((status,), 0.0) + n_operations
        self._meters.show(declared.OPERATIONS, by_status)
        self._meters.show(declared.QUEUED, self._by_environment(counts, (OperationStatus.PENDING,)))
        self._meters.show(declared.RUNNING, self._by_environment(counts, UNDER_WAY))
        self._meters.show(declared.NODE_UP, self._nodes(view))

    def text(self) -> str:
        """Return everything in Prometheus' text format."""
        return self._meters.text()

    def _start(self, environments: Environments) -> None:
        for environment in self._environments:
            self._meters.start(declared.SUBMISSIONS, environment=environment)
            self._meters.start(declared.LOST_ATTEMPTS, environment=environment)
            for outcome in TERMINAL:
                self._meters.start(declared.ENDINGS, environment=environment, outcome=outcome.value)
        for mode in environments.modes:
            self._meters.start(declared.FALLBACKS, requested_mode=mode)

    def _by_environment(
        self, counts: Mapping[tuple[str, str], int], statuses: Sequence[OperationStatus]
    ) -> dict[tuple[str, ...], float]:
        found: dict[tuple[str, ...], float] = {(environment,): 0.0 for environment in self._environments}
        for (status, environment), n_operations in counts.items():
            if status in statuses:
                found[environment,] = found.get((environment,), 0.0) + n_operations
        return found

    def _nodes(self, view: ClusterView) -> dict[tuple[str, ...], float]:
        now = self.clock()
        alive = {(node.environment, node.node_id) for node in view.nodes if node.environment is not None}
        self._last_seen |= dict.fromkeys(alive, now)
        self._last_seen = {node: seen for node, seen in self._last_seen.items() if now - seen < GONE_SHOWN_S}
        return {node: float(node in alive) for node in self._last_seen}
