"""The kinds of node a training can run on, and the labels by which Ray knows them."""

from __future__ import annotations

from dataclasses import dataclass

ENVIRONMENT_LABEL = "ktrdr.io/environment"
DEVICE_LABEL = "ktrdr.io/device"
SLOT_RESOURCE = "ktrdr_slot"
"""Counted custom resource: a node runs as many trainings at once as it has of these."""


@dataclass(frozen=True)
class Environment:
    """A named kind of node. Its nodes carry `name` in the label `ENVIRONMENT_LABEL`; requests reach it by `mode`."""

    name: str
    mode: str
    description: str


LOCAL = Environment("cpu-docker", "local", "this machine, or a Docker node; CPU unless it has a GPU")
HOST = Environment("mps-mac", "host", "a Mac that joined the cluster; MPS")
CLOUD = Environment("cuda-cloud", "cloud", "a CUDA machine that joined the cluster")

ENVIRONMENTS: tuple[Environment, ...] = (LOCAL, HOST, CLOUD)


def environment_of_mode(mode: str) -> Environment:
    """Return the environment that requests of `mode` go to."""
    return next(environment for environment in ENVIRONMENTS if environment.mode == mode)


def node_labels(environment: str, device: str) -> dict[str, str]:
    """Return the labels a node of `environment` carries; `device` is cpu, mps or cuda."""
    return {ENVIRONMENT_LABEL: environment, DEVICE_LABEL: device}


def label_selector(environment: str, require_gpu: bool) -> dict[str, str]:
    """Return Ray's hard selector for a training in `environment`."""
    selector = {ENVIRONMENT_LABEL: environment}
    return {**selector, DEVICE_LABEL: "!cpu"} if require_gpu else selector
