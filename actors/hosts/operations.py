"""OperationsActor over the store, strategies and bars of the settings."""

from __future__ import annotations

import asyncio

import ray

from actors.admission import Admission
from actors.meters import OPERATION_METRICS, OperationMeters
from actors.meters.ray_mirror import RayMirror
from actors.meters.refreshing import refresh_for_ever
from actors.names import BARS, NAMESPACE
from actors.operation_logs import OperationLogs
from actors.operations import OperationsActor
from actors.remote_bars import RemoteBarSource
from cluster.environments import Environments
from cluster.node_table import read_cluster_view
from cluster.selector import ExecutionModeSelector
from ktrdr.data import DataManager
from ktrdr.operations import OperationBook, OperationStore, utc_now
from ktrdr.settings import Settings
from ktrdr.strategy import StrategyLibrary
from ktrdr.training import CheckpointPolicy


class HostedOperations(OperationsActor):
    """The actor `operations`."""

    def __init__(self, settings: Settings, environments: Environments) -> None:
        bars = DataManager(RemoteBarSource(ray.get_actor(BARS, namespace=NAMESPACE)))
        super().__init__(
            book=OperationBook(OperationStore(settings.operations_url), utc_now),
            admission=Admission(
                StrategyLibrary(settings.strategy_roots), bars, read_cluster_view, ExecutionModeSelector(environments)
            ),
            logs=OperationLogs(settings.home / "logs" / "operations"),
            view=read_cluster_view,
            environments=environments,
            configured_mode=settings.default_mode,
            checkpoint_policy=CheckpointPolicy(settings.checkpoint_interval_s, settings.checkpoint_every_epochs),
            meters=OperationMeters(environments, mirrors=[RayMirror(OPERATION_METRICS)]),
        )
        self._looking = asyncio.get_running_loop().create_task(self.waiting_room.keep_looking())
        self._refreshing = asyncio.get_running_loop().create_task(refresh_for_ever(self.exposition))
