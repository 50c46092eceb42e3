"""Weights as safetensors: named tensors that any language reads. What network they belong to stands beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from ktrdr.exchange.formats import SAYS, Rows
from ktrdr.model.network import network_from


def write(network: nn.Module, example: Rows, says: str, path: Path) -> None:
    """Write the state dict; `says`, in the metadata, has the `architecture` that the network is rebuilt from."""
    save_file(dict(network.state_dict()), path, metadata={SAYS: says})  # several would come in a random order


def predict(path: Path, batches: list[Rows]) -> list[Rows]:
    """Rebuild the network from what the file alone says, and return its outputs, batch by batch."""
    with safe_open(path, framework="pt") as file:
        architecture = json.loads(file.metadata()[SAYS])["architecture"]
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    network = network_from(architecture)
    network.load_state_dict(state, strict=True)
    network.eval()
    with torch.inference_mode():
        return [np.asarray(network(torch.from_numpy(batch)).numpy(), dtype=np.float32) for batch in batches]
