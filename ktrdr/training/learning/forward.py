"""A network applied to many rows: the same code while training and after it.

Shapes: N rows, C outputs; X has a row's features (N, F), or its window's (N, S, F).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ktrdr.training.device import float32_kept, threads_for

CHUNK_BARS = 16_384
"""Bars in one forward pass: bounds memory, and the same cut gives the same rounding each time."""


@torch.no_grad()
def forward_rows(network: nn.Module, X_N: Tensor) -> Tensor:
    """Return the outputs (N, C) of every row, without dropout; a row of a window of S bars counts as S bars."""
    was_training = network.training
    network.eval()
    n_bars_a_row = X_N.shape[1] if X_N.ndim == 3 else 1
    chunks = torch.split(X_N, max(1, CHUNK_BARS // n_bars_a_row))
    outputs_NC = torch.cat([network(chunk) for chunk in chunks])
    network.train(was_training)
    return outputs_NC


def outputs_of(network: nn.Module, X_N: npt.NDArray[np.float32], device: torch.device) -> npt.NDArray[np.float32]:
    """Return the raw outputs (N, C) of every row as an array: logits, or one return."""
    with threads_for(network), float32_kept():
        return forward_rows(network, torch.from_numpy(X_N).to(device)).cpu().numpy()
