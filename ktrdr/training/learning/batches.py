"""Rows on the device that trains: how many make a batch, and how many would fit where those did not.

Shapes: B batch, N rows; X has a row's features, or its window's, after that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ktrdr.errors import TrainingError
from ktrdr.training.device import free_memory, is_out_of_memory
from ktrdr.training.learning.losses import Loss

_AUTO = ((2_000, 32, 64), (20_000, 64, 256), (100_000, 128, 1_024))
_AUTO_FROM_THERE_ON = (256, 4_096)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that train or validate: features (N, F) or windows (N, S, F), labels (N,), and weights (N,)."""

    X: Tensor
    y: Tensor
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.y)

    def select(self, chosen_B: Tensor) -> Rows:
        """Return the rows at these positions, in this order."""
        weights_B = None if self.weights is None else self.weights.index_select(0, chosen_B)
        return Rows(self.X.index_select(0, chosen_B), self.y.index_select(0, chosen_B), weights_B)


def resolve_batch_size(batch_size: int | Literal["auto"], device_type: str, n_rows: int) -> int:
    """Return the rows in a batch: the number declared, or for `auto` one by this table of training rows and device.

    ============== ==== =====================
    training rows  cpu  any other device type
    ============== ==== =====================
    < 2,000         32                     64
    < 20,000        64                    256
    < 100,000      128                  1,024
    more           256                  4,096
    ============== ==== =====================

    What `auto` gives is never more than the largest power of two up to `n_rows`.

    Examples
    --------
    >>> resolve_batch_size("auto", "cpu", 5_000), resolve_batch_size("auto", "cpu", 20)
    (64, 16)
    """
    if batch_size != "auto":
        return batch_size
    on_cpu, elsewhere = next((sizes for limit, *sizes in _AUTO if n_rows < limit), _AUTO_FROM_THERE_ON)
    return min(on_cpu if device_type == "cpu" else elsewhere, 1 << (max(n_rows, 1).bit_length() - 1))


def does_not_fit(network: nn.Module, loss: Loss, rows: Rows, chosen_B: Tensor) -> TrainingError:
    """Return the error for a batch that the device's memory cannot hold; it says how many rows it can.

    That number is found by halving, with a forward and a backward pass over the batch's first rows, beside twice the
    weights, which is what an optimizer keeps at most. The network keeps its weights.
    """
    n_rows = n_fitting = len(chosen_B)
    while n_fitting := n_fitting // 2:
        if _fits(network, loss, rows, chosen_B[:n_fitting]):
            return TrainingError(
                f"A batch of {n_rows} rows does not fit into the memory of {rows.X.device}; {n_fitting} rows do.",
                f"Set batch_size to {n_fitting} or fewer, or train on a device with more memory.",
            )
    return TrainingError(
        f"A batch of {n_rows} rows does not fit into the memory of {rows.X.device}, nor does a single row.",
        "Make the network or its window smaller, or train on a device with more memory.",
    )


def _fits(network: nn.Module, loss: Loss, rows: Rows, chosen_B: Tensor) -> bool:
    network.zero_grad(set_to_none=True)
    free_memory(rows.X.device)
    try:
        _of_optimizer = [torch.empty_like(weights) for weights in network.parameters() for _ in range(2)]
        batch = rows.select(chosen_B)
        loss(network(batch.X), batch.y, batch.weights).backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        network.zero_grad(set_to_none=True)
    return True
