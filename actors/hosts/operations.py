"""OperationsActor over the store, strategies and bars of the settings."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import ray
import ray.exceptions as ray_errors

from actors.admission import Admission
from actors.meters import OPERATION_METRICS, OperationMeters
from actors.meters.ray_mirror import RayMirror
from actors.meters.refreshing import refresh_for_ever
from actors.names import BARS, MODEL_STORAGE, NAMESPACE
from actors.operation_logs import OperationLogs
from actors.operations import OperationsActor
from actors.own_errors import own_errors
from actors.remote_bars import RemoteBarSource
from cluster.environments import Environments
from cluster.node_table import read_cluster_view
from cluster.selector import ExecutionModeSelector
from ktrdr.data import DataManager
from ktrdr.errors import InfrastructureError, StoreUnavailable
from ktrdr.operations import OperationBook, OperationStore, utc_now
from ktrdr.settings import Settings
from ktrdr.storage import Encoding
from ktrdr.strategy import StrategyLibrary
from ktrdr.training import CheckpointPolicy

log = logging.getLogger("ktrdr.operations")

RETRY_S = 1.0
ANSWER_S = 10.0


class HostedOperations(OperationsActor):
    """The actor `operations`."""

    def __init__(self, settings: Settings, environments: Environments) -> None:
        bars = DataManager(RemoteBarSource(ray.get_actor(BARS, namespace=NAMESPACE)))
        super().__init__(
            book=OperationBook(_opened(settings.operations_url), utc_now),
            admission=Admission(
                StrategyLibrary(settings.strategy_roots),
                bars,
                read_cluster_view,
                _identical,
                ExecutionModeSelector(environments),
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


def _identical(*asked: Any) -> dict[str, Any] | None:
    """Ask the ModelStorageActor, which is started after this one."""
    try:
        model_storage = ray.get_actor(MODEL_STORAGE, namespace=NAMESPACE)
        with own_errors():
            found: dict[str, Any] | None = ray.get(model_storage.identical.remote(*asked), timeout=ANSWER_S)
    except (ray_errors.RayError, ValueError) as error:
        raise InfrastructureError(f"The store of models does not answer ({type(error).__name__}).") from error
    return found


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
