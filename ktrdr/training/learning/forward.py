"""A network applied to many rows: the same code while training and after it.

Shapes: N rows, C outputs; X has a row's features (N, F), or its window's (N, S, F).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ktrdr.training.device import float32_kept, memory_said, threads_for

CHUNK_BARS = 16_384
"""Bars in one forward pass: bounds memory, and the same cut gives the same rounding each time."""


BLOCK_ROWS = 256
"""Rows in one forward pass where each row's outputs must not depend on the others: a compromise between one row asked
for and very many."""


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


def outputs_of(
    network: nn.Module, X_N: npt.NDArray[np.float32], device: torch.device, n_threads: int | None = None
) -> npt.NDArray[np.float32]:
    """Return the raw outputs (N, C) of every row as an array: logits, or one return.

    On the CPU a row's outputs are the same bit for bit whatever rows it comes with, so that what is predicted later is
    what was evaluated. `n_threads` are those of the evaluation; None: as suits the network's size.
    """
    with threads_for(network, n_threads), float32_kept(), memory_said(device, "the network is applied"):
        rows_N = torch.from_numpy(X_N).to(device)
        outputs_NC = _in_blocks(network, rows_N) if device.type == "cpu" else forward_rows(network, rows_N)
        return outputs_NC.cpu().numpy()


def _in_blocks(network: nn.Module, X_N: Tensor) -> Tensor:
    """Return the outputs of every row, computed in blocks of one shape; the last is filled up with zeros.

    Products of matrices round by their shape: of a few rows they are computed in another order than of many.
    """
    n_bars_a_row = X_N.shape[1] if X_N.ndim == 3 else 1
    n_block = max(1, min(BLOCK_ROWS, CHUNK_BARS // n_bars_a_row))
    *blocks, last = torch.split(X_N, n_block)
    filled = torch.cat([last, last.new_zeros((n_block - len(last), *last.shape[1:]))])
    return torch.cat([forward_rows(network, block) for block in (*blocks, filled)])[: len(X_N)]
