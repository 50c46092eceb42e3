"""How weights move: the optimizer, and the learning rate from epoch to epoch."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop, lr_scheduler

from ktrdr.strategy.schedules import CosineSchedule, ExponentialSchedule, PlateauSchedule, StepSchedule
from ktrdr.strategy.training import Training


def optimizer_of(config: Training, network: nn.Module) -> Optimizer:
    """Return the declared optimizer over all of the network's parameters."""
    parameters, rate, decay = network.parameters(), config.learning_rate, config.weight_decay
    match config.optimizer:
        case "adam":
            return Adam(parameters, lr=rate, weight_decay=decay, fused=True)
        case "adamw":
            return AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        case "sgd":
            return SGD(parameters, lr=rate, weight_decay=decay, momentum=config.momentum, fused=True)
        case "rmsprop":
            return RMSprop(parameters, lr=rate, weight_decay=decay)


class LearningRate:
    """The optimizer's learning rate: one value an epoch, by the declared schedule.

    The schedules are torch's `StepLR`, `ExponentialLR`, `ReduceLROnPlateau` and `CosineAnnealingLR` (over all epochs).
    On a plateau every strict improvement of the monitored value counts, however small, and the rate falls after more
    than `patience` epochs without one.

    Source: torch; for the cosine Loshchilov and Hutter (2017), *SGDR*, section 3.
    """

    def __init__(self, config: Training, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._schedule = _schedule_of(config, optimizer)

    @property
    def value(self) -> float:
        """The rate of the epoch under way."""
        return float(self._optimizer.param_groups[0]["lr"])

    def end_epoch(self, monitored: float) -> None:
        """Set the next epoch's rate; `monitored` is the epoch's value of what is watched, smaller is better."""
        match self._schedule:
            case None:
                return
            case lr_scheduler.ReduceLROnPlateau():
                self._schedule.step(monitored)
            case _:
                self._schedule.step()

    def state(self) -> dict[str, Any]:
        """Return what the schedule counts, in plain values; empty where the rate stays."""
        return {} if self._schedule is None else copy.deepcopy(self._schedule.state_dict())

    def restore(self, value: float, state: Mapping[str, Any]) -> None:
        """Go on with a rate and a schedule's state.

        Raises
        ------
        ValueError
            If it is the state of another schedule.
        """
        fresh = self.state()
        if {name: type(of) for name, of in state.items()} != {name: type(of) for name, of in fresh.items()}:
            raise ValueError("its schedule of the learning rate is another")
        for group in self._optimizer.param_groups:
            group["lr"] = value
        if self._schedule is not None:
            self._schedule.load_state_dict(dict(state))


def restore_optimizer(optimizer: Optimizer, state: Mapping[int, Mapping[str, Tensor]]) -> None:
    """Give an optimizer what it kept of each parameter, by the parameter's number; declared constants stay.

    Raises
    ------
    ValueError
        If something has no parameter of its shape.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not set(state) <= set(range(len(parameters))) or not all(
        kept.shape in (torch.Size(), parameters[number].shape) for number in state for kept in state[number].values()
    ):
        raise ValueError("its optimizer is that of another network")
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {number: dict(of) for number, of in state.items()}})


def _schedule_of(config: Training, optimizer: Optimizer) -> lr_scheduler.LRScheduler | None:
    match config.lr_scheduler:
        case StepSchedule(step_size=step_size, gamma=gamma):
            return lr_scheduler.StepLR(optimizer, step_size, gamma)
        case ExponentialSchedule(gamma=gamma):
            return lr_scheduler.ExponentialLR(optimizer, gamma)
        case PlateauSchedule(factor=factor, patience=patience):
            # eps 0: a rate of 1e-8 can fall as well
            return lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor, patience, threshold=0, eps=0)
        case CosineSchedule(eta_min=eta_min):
            return lr_scheduler.CosineAnnealingLR(optimizer, config.epochs, eta_min)
        case _:
            return None
