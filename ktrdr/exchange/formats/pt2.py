"""The network as a program of `torch.export`: its graph and its weights, without our code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ktrdr.exchange.formats import SAYS, Rows, quiet


def write(network: nn.Module, example: Rows, says: str, path: Path) -> None:
    """Write the program; `says` is a file inside, `ktrdr`."""
    with quiet():
        program = torch.export.export(
            network, (torch.from_numpy(example),), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},)
        )
        torch.export.save(program, path, extra_files={SAYS: says})


def predict(path: Path, batches: list[Rows]) -> list[Rows]:
    """Return the outputs of the program, batch by batch."""
    network = torch.export.load(path).module()
    with torch.inference_mode():
        return [np.asarray(network(torch.from_numpy(batch)).numpy(), dtype=np.float32) for batch in batches]
