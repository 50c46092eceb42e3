"""OperationsActor over the store, strategies and bars of the settings."""

from __future__ import annotations

import asyncio
import logging
import time

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
from ktrdr.errors import StoreUnavailable
from ktrdr.operations import OperationBook, OperationStore, utc_now
from ktrdr.settings import Settings
from ktrdr.storage import Encoding
from ktrdr.strategy import StrategyLibrary
from ktrdr.training import CheckpointPolicy

log = logging.getLogger("ktrdr.operations")

RETRY_S = 1.0


class HostedOperations(OperationsActor):
    """The actor `operations`."""

    def __init__(self, settings: Settings, environments: Environments) -> None:
        bars = DataManager(RemoteBarSource(ray.get_actor(BARS, namespace=NAMESPACE)))
        super().__init__(
            book=OperationBook(_opened(settings.operations_url), utc_now),
            admission=Admission(
                StrategyLibrary(settings.strategy_roots), bars, read_cluster_view, ExecutionModeSelector(environments)
            ),
            logs=OperationLogs(settings.home / "logs" / "operations"),
            view=read_cluster_view,
            environments=environments,
            configured_mode=settings.default_mode,
            checkpoint_policy=CheckpointPolicy(settings.checkpoint_interval_s, settings.checkpoint_every_epochs),
            artifact_encoding=Encoding(settings.artifact_encoding),
            meters=OperationMeters(environments, mirrors=[RayMirror(OPERATION_METRICS)]),
        )
        self._looking = asyncio.get_running_loop().create_task(self.waiting_room.keep_looking())
        self._refreshing = asyncio.get_running_loop().create_task(refresh_for_ever(self.exposition))


def _opened(url: str) -> OperationStore:
    """Return the store; an actor that restarts waits for one that cannot be used now.

    An actor whose constructor raises is dead for good, whatever its `max_restarts`. At its first start the error is
    the user's answer.
    """
    is_restart = ray.get_runtime_context().was_current_actor_reconstructed
    while True:
        try:
            return OperationStore(url)
        except StoreUnavailable as error:
            if not is_restart:
                raise
            log.warning("%s Trying again", error)
            time.sleep(RETRY_S)
