"""How far outputs are from labels: one loss trains, validates and tests.

Shapes: B batch, N rows, C outputs (classes, or one return).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from ktrdr.errors import TrainingError
from ktrdr.strategy.training import Training


class Loss(ABC):
    """A mean over rows of how far each row's outputs are from its label, and which rows are right."""

    @abstractmethod
    def __call__(self, outputs_BC: Tensor, y_B: Tensor, weights_B: Tensor | None = None) -> Tensor:
        """Return the mean as a scalar; `weights_B` are rows' weights, for batches of training rows only."""

    @abstractmethod
    def n_right(self, outputs_NC: Tensor, y_N: Tensor) -> int:
        """Return the number of rows that are right."""

    def accuracy(self, outputs_NC: Tensor, y_N: Tensor) -> float:
        """Return the share of rows that are right: the class with the largest output, or the sign of the return."""
        return self.n_right(outputs_NC, y_N) / len(y_N)

    def held_out(self, outputs_NC: Tensor, y_N: Tensor, part: str) -> float:
        """Return the mean over rows that do not train; `part` is what messages call them.

        Raises
        ------
        TrainingError
            If no row carries weight, so that there is no mean.
        """
        return float(self(outputs_NC, y_N).item())

    def to(self, device: torch.device) -> Loss:
        """Return the same loss for tensors on `device`."""
        return self


@dataclass(frozen=True, eq=False)
class ClassLoss(Loss):
    """Cross entropy of class codes, or the focal loss.

    With class weights c and row weights w the mean is sum(w_i c_{y_i} l_i) / sum(w_i c_{y_i}); without either, the
    plain one. The focal loss of a row is (1 - p)^gamma times its cross entropy, p the probability of its class.

    Source: Lin et al. (2017), *Focal Loss for Dense Object Detection*, section 3; the weighted mean is that of
    torch's cross entropy, for the focal loss too.

    Parameters
    ----------
    class_weights
        (C,) the weight of each class; None for none.
    gamma
        Of the focal loss; None for cross entropy.
    """

    class_weights: Tensor | None = None
    gamma: float | None = None

    def __call__(self, outputs_BC: Tensor, y_B: Tensor, weights_B: Tensor | None = None) -> Tensor:
        if self.gamma is None and weights_B is None:
            return functional.cross_entropy(outputs_BC, y_B, weight=self.class_weights)
        losses_B = functional.cross_entropy(outputs_BC, y_B, reduction="none")
        if self.gamma is not None:
            losses_B = _focused(losses_B, self.gamma)
        if self.class_weights is not None:
            class_weights_B = self.class_weights[y_B]
            weights_B = class_weights_B if weights_B is None else weights_B * class_weights_B
        return _mean(losses_B, weights_B)

    def n_right(self, outputs_NC: Tensor, y_N: Tensor) -> int:
        """Return the number of rows whose class has the largest output."""
        return int((outputs_NC.argmax(1) == y_N).sum().item())

    def to(self, device: torch.device) -> ClassLoss:
        return self if self.class_weights is None else replace(self, class_weights=self.class_weights.to(device))

    def held_out(self, outputs_NC: Tensor, y_N: Tensor, part: str) -> float:
        if self.class_weights is not None and not bool((self.class_weights[y_N] > 0).any()):
            raise TrainingError(
                f"class_weights 'balanced' gives every {part} row the weight 0: no training row has its class.",
                "Set class_weights to none, or widen the date range so that the training rows hold every class.",
            )
        return super().held_out(outputs_NC, y_N, part)


@dataclass(frozen=True)
class ReturnLoss(Loss):
    """Squared error of returns, or Huber's loss; the network has one output.

    With row weights w the mean is sum(w_i l_i) / sum(w_i). Huber's loss of an error e is e^2 / 2 up to `delta`, then
    delta (abs(e) - delta / 2).

    Source: Huber (1964), *Robust Estimation of a Location Parameter*, section 4.

    Parameters
    ----------
    delta
        A return; None for the squared error.
    """

    delta: float | None = None

    def __call__(self, outputs_BC: Tensor, y_B: Tensor, weights_B: Tensor | None = None) -> Tensor:
        forecasts_B = outputs_BC.squeeze(1)
        reduction = "mean" if weights_B is None else "none"
        if self.delta is None:
            losses_B = functional.mse_loss(forecasts_B, y_B, reduction=reduction)
        else:
            losses_B = functional.huber_loss(forecasts_B, y_B, reduction=reduction, delta=self.delta)
        return losses_B if weights_B is None else _mean(losses_B, weights_B)

    def n_right(self, outputs_NC: Tensor, y_N: Tensor) -> int:
        """Return the number of rows whose forecast has the sign of the return; 0 is a sign of its own."""
        return int((outputs_NC.squeeze(1).sign() == y_N.sign()).sum().item())


def loss_of(config: Training, y_train: npt.NDArray[Any], n_outputs: int) -> Loss:
    """Return the loss that trains and evaluates, on the CPU; class weights come from the labels `y_train` alone."""
    match config.loss_in_use:
        case "cross_entropy":
            return ClassLoss(class_weights_of(y_train, n_outputs, config.class_weights))
        case "focal":
            return ClassLoss(class_weights_of(y_train, n_outputs, config.class_weights), config.focal_gamma)
        case "huber":
            return ReturnLoss(config.huber_delta)
        case "mse":
            return ReturnLoss()


def class_weights_of(y_train: npt.NDArray[np.int64], n_classes: int, mode: str) -> Tensor | None:
    """Return the loss's weight for each class, or None for none.

    `balanced` is n / (classes present x count of the class), 0 for a class that does not occur.
    """
    if mode == "none":
        return None
    counts = np.bincount(y_train, minlength=n_classes)
    n_present = int((counts > 0).sum())
    weights = np.where(counts > 0, len(y_train) / (n_present * np.maximum(counts, 1)), 0.0)
    return torch.tensor(weights, dtype=torch.float32)


def _focused(losses_B: Tensor, gamma: float) -> Tensor:
    # 1 - p where p = exp(-loss). At p = 1 and gamma < 1 the power has no derivative: the clamp makes it 0, its limit
    # once multiplied by the loss.
    doubts_B = (-torch.expm1(-losses_B)).clamp(min=torch.finfo(losses_B.dtype).tiny)
    return doubts_B**gamma * losses_B


def _mean(losses_B: Tensor, weights_B: Tensor | None) -> Tensor:
    if weights_B is None:
        return losses_B.mean()
    return (weights_B * losses_B).sum() / weights_B.sum()
