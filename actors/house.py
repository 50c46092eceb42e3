"""Where classes become actors: named, detached, on the head."""

from __future__ import annotations

from typing import Any

import ray

from actors.hosts.bars import HostedBars
from actors.hosts.dispatcher import HostedDispatcher
from actors.hosts.model_storage import HostedModelStorage
from actors.hosts.operations import HostedOperations
from actors.names import BARS, MODEL_STORAGE, NAMESPACE, OPERATIONS, dispatcher_name
from cluster.environment_file import environments_of
from cluster.environments import Environments
from cluster.head import ON_THE_HEAD
from ktrdr.operations import OperationStore
from ktrdr.settings import Settings

_DETACHED: dict[str, Any] = {
    "namespace": NAMESPACE,
    "lifetime": "detached",
    "get_if_exists": True,
    "max_restarts": -1,
    "max_task_retries": -1,
    "num_cpus": 0,
    "resources": ON_THE_HEAD,
}
_MANY = 5000
"""Long polls wait inside an async actor by the hundred; each is a coroutine."""


def start_actors(settings: Settings, environments: Environments | None = None) -> None:
    """Make every actor of the service that is not there yet, and return when each answers.

    Where an earlier service left operations in an environment that is configured no more, it still has a dispatcher.
    The store is opened here first, and upgraded where it is older: what is wrong with it is one of our errors here, and
    inside an actor only the trace of one that could not begin.
    """
    OperationStore(settings.operations_url).close()
    environments = environments_of(settings) if environments is None else environments
    bars = ray.remote(HostedBars).options(name=BARS, max_concurrency=4, **_DETACHED).remote(settings)
    ray.get(bars.ping.remote())
    operations = (
        ray.remote(HostedOperations)
        .options(name=OPERATIONS, max_concurrency=_MANY, **_DETACHED)
        .remote(settings, environments)
    )
    storage = (
        ray.remote(HostedModelStorage).options(name=MODEL_STORAGE, max_concurrency=8, **_DETACHED).remote(settings)
    )
    ray.get([operations.ping.remote(), storage.ping.remote()])
    dispatcher = ray.remote(HostedDispatcher)
    dispatchers = [
        dispatcher.options(name=dispatcher_name(environment.name), **_DETACHED).remote(environment, settings)
        for environment in (*environments, *ray.get(operations.former_environments.remote()))
    ]
    ray.get([actor.ping.remote() for actor in dispatchers])
