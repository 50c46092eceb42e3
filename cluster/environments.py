"""The kinds of node a training can run on, and the labels by which Ray knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ENVIRONMENT_LABEL = "ktrdr.io/environment"
DEVICE_LABEL = "ktrdr.io/device"
SLOT_RESOURCE = "ktrdr_slot"
"""Counted custom resource: a node runs as many trainings at once as it has of these."""


class Environment(BaseModel):
    """A named kind of node. Its nodes carry `name` in the label `ENVIRONMENT_LABEL`; requests reach it by `mode`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    mode: str
    description: str = ""
    transport: Literal["ray"] = "ray"
    slots_per_node: int | None = Field(default=None, ge=1)
    """Trainings at once on a node; None: one per core."""
    lease_s: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """After so long without word a training is shown as unreachable; after twice as long its attempt is given up."""
    cancel_grace_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """From a cancel to the kill; None: the service's."""
    max_duration_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The longest that an attempt may run."""
    max_queue_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """The longest that an operation may be pending before its first attempt."""
    cost_per_hour: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """What a running training costs, in whatever unit the reader thinks in."""


class Environments:
    """The environments of a service, in the order in which they are configured."""

    def __init__(self, environments: tuple[Environment, ...]) -> None:
        self._environments = environments

    def __iter__(self) -> Iterator[Environment]:
        return iter(self._environments)

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that can be asked for, `auto` first."""
        return ("auto", *dict.fromkeys(environment.mode for environment in self))

    def of_mode(self, mode: str) -> tuple[Environment, ...]:
        """Return the environments that requests of `mode` go to, the preferred one first."""
        return tuple(environment for environment in self if environment.mode == mode)

    def named(self, name: str) -> Environment:
        """Return the environment of that name; KeyError if none has it."""
        for environment in self:
            if environment.name == name:
                return environment
        raise KeyError(name)

    def limits_of(self, name: str) -> Environment:
        """Return the environment of that name; where it is configured no more, one with the limits of none."""
        found = next((environment for environment in self if environment.name == name), None)
        return found or Environment(name=name, mode=name)


LOCAL = Environment(
    name="cpu-docker", mode="local", description="this machine, or a Docker node; CPU unless it has a GPU"
)
HOST = Environment(name="mps-mac", mode="host", description="a Mac that joined the cluster; MPS")
CLOUD = Environment(name="cuda-cloud", mode="cloud", description="a CUDA machine that joined the cluster")

ENVIRONMENTS = Environments((LOCAL, HOST, CLOUD))
"""What there is where nothing else is configured."""


def environment_of_mode(mode: str) -> Environment:
    """Return the environment that requests of `mode` go to."""
    return ENVIRONMENTS.of_mode(mode)[0]


def node_labels(environment: str, device: str) -> dict[str, str]:
    """Return the labels a node of `environment` carries; `device` is cpu, mps or cuda."""
    return {ENVIRONMENT_LABEL: environment, DEVICE_LABEL: device}


def label_selector(environment: str, require_gpu: bool) -> dict[str, str]:
    """Return Ray's hard selector for a training in `environment`."""
    selector = {ENVIRONMENT_LABEL: environment}
    return {**selector, DEVICE_LABEL: "!cpu"} if require_gpu else selector
