"""The network as ONNX: a graph with its weights that runs without Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import nn

from ktrdr.errors import StorageError
from ktrdr.exchange.formats import SAYS, Rows, quiet
from ktrdr.exchange.record import INPUT, OUTPUT


def write(network: nn.Module, example: Rows, says: str, path: Path) -> None:
    """Write the graph with input `rows` and output `outputs`; `says` is its metadata."""
    with quiet():
        program = torch.onnx.export(
            network,
            (torch.from_numpy(example),),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            external_data=False,
        )
    if program is None:
        raise StorageError("PyTorch made no ONNX program of the network.", "Export it as pt2 or safetensors.")
    program.model.metadata_props[SAYS] = says
    program.save(path, external_data=False)


def predict(path: Path, batches: list[Rows]) -> list[Rows]:
    """Return the outputs of the graph in ONNX Runtime on the CPU, batch by batch."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return [np.asarray(session.run([OUTPUT], {INPUT: batch})[0], dtype=np.float32) for batch in batches]
