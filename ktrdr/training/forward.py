"""A network applied to many rows, and its loss on them: the same code while training and after it.

Shapes: N rows, F features, C classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from ktrdr.errors import TrainingError
from ktrdr.training.device import threads_for

CHUNK_ROWS = 16_384
"""Rows in one forward pass: bounds memory, and the same cut gives the same rounding each time."""


@torch.no_grad()
def forward_rows(network: nn.Module, X_NF: Tensor) -> Tensor:
    """Return the logits (N, C) of every row, without dropout."""
    was_training = network.training
    network.eval()
    logits_NC = torch.cat([network(chunk) for chunk in torch.split(X_NF, CHUNK_ROWS)])
    network.train(was_training)
    return logits_NC


def logits_of(network: nn.Module, X_NF: npt.NDArray[np.float32], device: torch.device) -> npt.NDArray[np.float32]:
    """Return the logits (N, C) of every row as an array."""
    with threads_for(network):
        return forward_rows(network, torch.from_numpy(X_NF).to(device)).cpu().numpy()


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


def held_out_loss(logits_NC: Tensor, y_N: Tensor, weights_C: Tensor | None, part: str) -> float:
    """Return the cross entropy over all rows, weighted as in training.

    Raises
    ------
    TrainingError
        If no row carries weight, so that there is no mean.
    """
    if weights_C is not None and not bool((weights_C[y_N] > 0).any()):
        raise TrainingError(
            f"class_weights 'balanced' gives every {part} row the weight 0: no training row has its class.",
            "Set class_weights to none, or widen the date range so that the training rows hold every class.",
        )
    return float(functional.cross_entropy(logits_NC, y_N, weight=weights_C).item())
