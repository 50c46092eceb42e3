"""The kinds of node a training can run on, and the labels by which Ray knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ktrdr.declaration import Declaration, refused
from ktrdr.errors import RequestError, did_you_mean

ENVIRONMENT_LABEL = "ktrdr.io/environment"
DEVICE_LABEL = "ktrdr.io/device"
SLOT_RESOURCE = "ktrdr_slot"
"""Counted custom resource: a node runs as many trainings at once as it has of these."""

AUTO, LOCAL = "auto", "local"
"""The mode by which the service chooses, and the one that it falls back to."""
NOWHERE = "none"
"""What stands for no environment where this machine's is asked for."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")  # what Ray takes as a label's value
_MODE = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def _is_a_name(name: str) -> str:
    if name in (AUTO, NOWHERE):
        raise refused(f"'{name}' cannot be the name of an environment", "It has a meaning of its own: choose another.")
    if not _NAME.fullmatch(name):
        advice = "Up to 63 letters, digits, '-', '_' and '.', the first and the last a letter or digit."
        raise refused(f"'{name[:70]}' cannot be a label of a node", advice)
    return name


def _is_a_mode(mode: str) -> str:
    if mode in (AUTO, NOWHERE):
        raise refused(f"'{mode}' cannot be the mode of an environment", "It has a meaning of its own: choose another.")
    if not _MODE.fullmatch(mode):
        advice = "Up to 63 small letters, digits, '-' and '_', the first a letter."
        raise refused(f"'{mode[:70]}' cannot be a mode", advice)
    return mode


def _is_spoken(transport: object) -> object:
    if transport == "http":
        advice = "Leave the key out, and let its nodes join the Ray cluster."
        raise refused("the transport http is not supported in this version", advice)
    return transport


class Environment(Declaration):
    """A named kind of node. Its nodes carry `name` in the label `ENVIRONMENT_LABEL`; requests reach it by `mode`."""

    name: Annotated[str, AfterValidator(_is_a_name)]
    mode: Annotated[str, AfterValidator(_is_a_mode)]
    description: str = ""
    transport: Annotated[Literal["ray"], BeforeValidator(_is_spoken)] = "ray"
    slots_per_node: int | None = Field(default=None, ge=1)
    """Trainings at once on a node; None: one per core."""
    lease_s: float = Field(default=10.0, gt=0)
    """After so long without word a training is shown as unreachable; after twice as long its attempt is given up."""
    cancel_grace_s: float | None = Field(default=None, gt=0)
    """From a cancel to the kill; None: the service's."""
    max_duration_s: float | None = Field(default=None, gt=0)
    """The longest that an attempt may run."""
    max_queue_s: float | None = Field(default=None, gt=0)
    """The longest that an operation may be pending before its first attempt."""
    cost_per_hour: float | None = Field(default=None, ge=0)
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
        return (AUTO, *dict.fromkeys(environment.mode for environment in self))

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(environment.name for environment in self)

    @property
    def own(self) -> Environment | None:
        """What the machine of the service is a node of where nothing else is said: the first local one."""
        return next(iter(self.of_mode(LOCAL)), None)

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
        return found or Environment(name=name, mode=LOCAL)

    def check_mode(self, mode: str, path: str = "execution_mode") -> None:
        """Refuse a mode that cannot be asked for.

        Raises
        ------
        RequestError
            At `path`, with the nearest mode or all of them.
        """
        if mode not in self.modes:
            advice = did_you_mean(mode, self.modes) or f"One of: {', '.join(self.modes)}."
            raise RequestError(path, f"Unknown execution mode '{mode[:70]}'.", advice)


ENVIRONMENTS = Environments(
    (
        Environment(
            name="cpu-docker", mode=LOCAL, description="this machine, or a Docker node; CPU unless it has a GPU"
        ),
        Environment(name="mps-mac", mode="host", description="a Mac that joined the cluster; MPS"),
        Environment(name="cuda-cloud", mode="cloud", description="a CUDA machine that joined the cluster"),
    )
)
"""What there is where nothing else is configured."""


def slots_of(environment: Environment, n_cores: int) -> int:
    """Return how many trainings a node of `environment` with `n_cores` cores runs at once."""
    return environment.slots_per_node or n_cores


def node_labels(environment: str, device: str) -> dict[str, str]:
    """Return the labels a node of `environment` carries; `device` is cpu, mps or cuda."""
    return {ENVIRONMENT_LABEL: environment, DEVICE_LABEL: device}


def label_selector(environment: str, require_gpu: bool) -> dict[str, str]:
    """Return Ray's hard selector for a training in `environment`."""
    selector = {ENVIRONMENT_LABEL: environment}
    return {**selector, DEVICE_LABEL: "!cpu"} if require_gpu else selector
