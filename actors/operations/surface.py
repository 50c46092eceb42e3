"""What the three surfaces of the OperationsActor share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from actors.admission import Admission
from actors.default_mode import DefaultMode
from actors.desk import Desk
from actors.leases import Leases
from actors.meters import OperationMeters
from actors.operation_logs import OperationLogs
from actors.operations.orders import Orders
from actors.suspension import Suspension
from actors.waiting_room import WaitingRoom
from cluster.environments import Environments
from cluster.view import ClusterView
from ktrdr.operations import Operation, OperationBook, utc_now
from ktrdr.storage import Encoding
from ktrdr.training import CheckpointPolicy
from ktrdr.wire import OperationView


class Surface:
    """The book, the desk at which it is changed, and those who decide. Everything is injected."""

    def __init__(  # noqa: PLR0913 - what is injected
        self,
        book: OperationBook,
        admission: Admission,
        logs: OperationLogs,
        view: Callable[[], ClusterView],
        environments: Environments,
        configured_mode: str | None = None,
        checkpoint_policy: CheckpointPolicy | None = None,
        artifact_encoding: Encoding = Encoding.GZIP,
        clock: Callable[[], datetime] = utc_now,
        leases: Leases | None = None,
        meters: OperationMeters | None = None,
    ) -> None:
        self._checkpoint_policy = checkpoint_policy or CheckpointPolicy()
        self._artifact_encoding = artifact_encoding
        self._book, self._admission, self._logs, self._view = book, admission, logs, view
        self._environments, self._clock, self._leases = environments, clock, leases or Leases()
        self._owners: dict[str, str] = {}
        """The dispatcher incarnation of each environment: what an earlier one still asks for is given to nobody."""
        self._default_mode = DefaultMode(book, configured_mode, environments)
        self._desk = Desk(book, meters)
        self._hub, self._notices, self._meters = self._desk.hub, self._desk.notices, self._desk.meters
        self._suspension = Suspension(book, self._desk)
        self._orders = Orders(book, self._desk, self._suspension, environments, clock, self._leases)
        self.waiting_room = WaitingRoom(book, self._desk, admission.selector, view, clock)

    def _view_of(self, operation: Operation, **known: Any) -> OperationView:
        return OperationView.of(operation, self._desk.progress_of(operation), self._clock(), **known)
