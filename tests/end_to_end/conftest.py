"""A real cluster for tests: a head that is a `cpu-docker` node, and what a module adds to it."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
from ray import serve as ray_serve
from ray.cluster_utils import Cluster
from ray.util.state import list_actors

import ktrdr
from actors.house import start_actors
from actors.names import NAMESPACE
from cluster.environments import SLOT_RESOURCE, node_labels
from ktrdr.settings import Settings
from ktrdr.storage import ModelStorage
from serve.application import run_application

TRAINING_STEP = 7


def all_of(n_epochs: int) -> dict[str, Any]:
    """Return the overrides of a training that goes through all of `n_epochs`."""
    return {"training.epochs": n_epochs, "training.early_stopping": {"patience": n_epochs}}


ENDLESS = all_of(100_000)


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

    def kill_node(self, environment: str) -> None:
        """Kill the node's raylet, as a machine that loses its power does."""
        os.kill(self.nodes.pop(environment).all_processes["raylet"][0].process.pid, signal.SIGKILL)

    def pids_of(self, class_name: str) -> list[int]:
        """Return the processes of the living actors of a class, such as Serve's."""
        alive = [("class_name", "=", class_name), ("state", "=", "ALIVE")]
        return [int(actor.pid) for actor in list_actors(self.cluster.address, filters=alive, detail=True)]


def free_port() -> int:
    """Return a port below those that Linux gives out by itself: nobody takes it by chance until it is listened at."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("of 100 ports none is free")


def wait_until(is_so: Callable[[], object], timeout_s: float = 60.0) -> float:
    """Return how many seconds it took to be so."""
    began = time.monotonic()
    while not is_so():
        assert time.monotonic() < began + timeout_s, "it did not come to be in time"
        time.sleep(0.05)
    return time.monotonic() - began


def pid_of_training(operation_id: str) -> int:
    """Return the process that trains now, once there is one: Ray gives it the name of its task."""
    named = ["pgrep", "-f", f"^ray::{operation_id}"]
    found: list[str] = []

    def is_there() -> bool:
        found[:] = subprocess.run(named, capture_output=True, text=True, check=False).stdout.split()
        return len(found) == 1

    wait_until(is_there)
    return int(found[0])


@contextmanager
def held(operation_id: str) -> Iterator[None]:
    """Stop the training's process and let it go on at the end: no machine is so fast that it completes meanwhile.

    After its environment's `lease_s` the operation would say that it is unreachable, after twice that it is given up.
    """
    with held_process(pid_of_training(operation_id)):
        yield


@contextmanager
def held_process(pid: int) -> Iterator[None]:
    """Stop a process and let it go on at the end, if it is there by then."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def caught(client: ktrdr.Client, start: Callable[[], str], n_epochs: int) -> Iterator[tuple[str, int]]:
    """Give a training that has told of `n_epochs` epochs, and its process, and hold it until the end of the block.

    Started by `start`; one that was faster than the look is let go, and another is started.
    """
    for _ in range(10):
        operation_id = start()
        pid = pid_of_training(operation_id)
        wait_until(lambda it=operation_id: _is_as_far(client, it, n_epochs))  # type: ignore[misc]
        with held_process(pid):
            operation = client.operation(operation_id)
            if operation["status"] == "running" and operation["progress"]["current_step"] <= TRAINING_STEP:
                yield operation_id, pid
                return
    raise AssertionError("ten trainings ended before they could be held: they need more epochs here")


def _is_as_far(client: ktrdr.Client, operation_id: str, n_epochs: int) -> bool:
    operation = client.operation(operation_id)
    return operation["status"] != "running" or len((operation["metrics"] or {"epochs": []})["epochs"]) >= n_epochs


def weights_of(models_dir: Path, model_id: str) -> dict[str, torch.Tensor]:
    return ModelStorage(models_dir).load(*model_id.split("/")).network.state_dict()


def check_equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    """Compare weights bit for bit."""
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        assert torch.equal(weight, theirs[name]), name


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("service")
    # a machine that is busy with other tests may need some seconds to stop a training
    with running_service(Settings(home=folder / ".ktrdr", cancel_grace_s=10.0)) as running:
        yield running


@pytest.fixture
def service(shared_service: Service) -> Service:
    """The one service of all modules that need no service of their own: a start takes as long as many tests."""
    return shared_service


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run those on the shared service last, together: it does not stand beside other clusters."""
    items.sort(key=lambda item: "shared_service" in getattr(item, "fixturenames", ()))


@contextmanager
def running_service(settings: Settings, *, has_dashboard: bool = True) -> Iterator[Service]:
    """Give a service of those settings, on a head with two slots. Ray's own lists of tasks need the dashboard."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("KTRDR_HOME", str(settings.home))  # of every node: where it keeps what is not stored
        yield from _running_service(settings, has_dashboard)


def _running_service(settings: Settings, has_dashboard: bool) -> Iterator[Service]:
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "labels": node_labels("cpu-docker", "cpu"),
            "resources": {SLOT_RESOURCE: 2},
            "include_dashboard": has_dashboard,
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
