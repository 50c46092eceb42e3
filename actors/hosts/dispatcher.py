"""EnvironmentDispatcher for an environment whose nodes join Ray."""

from __future__ import annotations

from typing import Any

import ray

from actors.dispatcher import EnvironmentDispatcher
from actors.names import MODEL_STORAGE, NAMESPACE, OPERATIONS
from actors.runners.ray_task import RayTaskRunner
from cluster.environments import Environment
from cluster.node_table import read_cluster_view
from ktrdr.settings import Settings


class HostedDispatcher(EnvironmentDispatcher):
    """The actor `dispatcher:{environment}`."""

    def __init__(self, environment: Environment, settings: Settings) -> None:
        model_storage = ray.get_actor(MODEL_STORAGE, namespace=NAMESPACE)
        super().__init__(
            environment.name,
            operations=AwaitedHandle(ray.get_actor(OPERATIONS, namespace=NAMESPACE)),
            runner=RayTaskRunner(read_cluster_view),
            view=read_cluster_view,
            find_committed=lambda operation_id: ray.get(model_storage.result_of.remote(operation_id)),
            forget_checkpoints=lambda operation_id: ray.get(model_storage.clear_checkpoints.remote(operation_id)),
            cancel_grace_s=grace_of(environment, settings),
        )


def grace_of(environment: Environment, settings: Settings) -> float:
    """Return the seconds from a cancel to the kill: the environment's own, else the service's."""
    return settings.cancel_grace_s if environment.cancel_grace_s is None else environment.cancel_grace_s


class AwaitedHandle:
    """An actor's handle whose methods are awaited like those of the object itself."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name).remote
