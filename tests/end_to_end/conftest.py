"""One real cluster for a module's tests: a head that is a `cpu-docker` node, and what the module adds to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import serve as ray_serve
from ray.cluster_utils import Cluster

import ktrdr
from actors.house import start_actors
from actors.names import NAMESPACE
from cluster.environments import SLOT_RESOURCE, node_labels
from ktrdr.settings import Settings
from serve.application import run_application


@dataclass
class Service:
    """A running service, and the cluster under it."""

    settings: Settings
    url: str
    cluster: Cluster
    nodes: dict[str, Any] = field(default_factory=dict)

    def client(self) -> ktrdr.Client:
        return ktrdr.Client(self.url)

    def join(self, environment: str, device: str = "cpu") -> None:
        self.nodes[environment] = self.cluster.add_node(
            num_cpus=1, labels=node_labels(environment, device), resources={SLOT_RESOURCE: 1}
        )

    def leave(self, environment: str) -> None:
        self.cluster.remove_node(self.nodes.pop(environment))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("service")
    settings = Settings(home=folder / ".ktrdr")
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "labels": node_labels("cpu-docker", "cpu"),
            "resources": {SLOT_RESOURCE: 2},
            "include_dashboard": True,
            "dashboard_host": "127.0.0.1",
            "dashboard_port": free_port(),
        },
    )
    ray.init(address=cluster.address, namespace=NAMESPACE, log_to_driver=False)
    port = free_port()
    try:
        start_actors(settings)
        run_application(settings, "127.0.0.1", port)
        yield Service(settings, f"http://127.0.0.1:{port}", cluster)
    finally:
        ray_serve.shutdown()
        ray.shutdown()
        cluster.shutdown()
