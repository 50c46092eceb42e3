"""Where classes become actors: named, detached, on the head."""

from __future__ import annotations

from typing import Any

import ray

from actors.hosts.bars import HostedBars
from actors.hosts.dispatcher import HostedDispatcher
from actors.hosts.model_storage import HostedModelStorage
from actors.hosts.operations import HostedOperations
from actors.names import BARS, MODEL_STORAGE, NAMESPACE, OPERATIONS, dispatcher_name
from cluster.environments import ENVIRONMENTS
from cluster.head import ON_THE_HEAD
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


def start_actors(settings: Settings) -> None:
    """Make every actor of the service that is not there yet, and return when each answers."""
    bars = ray.remote(HostedBars).options(name=BARS, max_concurrency=4, **_DETACHED).remote(settings)
    ray.get(bars.ping.remote())
    operations = (
        ray.remote(HostedOperations).options(name=OPERATIONS, max_concurrency=_MANY, **_DETACHED).remote(settings)
    )
    storage = (
        ray.remote(HostedModelStorage).options(name=MODEL_STORAGE, max_concurrency=8, **_DETACHED).remote(settings)
    )
    ray.get([operations.ping.remote(), storage.ping.remote()])
    dispatcher = ray.remote(HostedDispatcher)
    dispatchers = [
        dispatcher.options(name=dispatcher_name(environment.name), **_DETACHED).remote(environment.name, settings)
        for environment in ENVIRONMENTS
    ]
    ray.get([actor.ping.remote() for actor in dispatchers])
