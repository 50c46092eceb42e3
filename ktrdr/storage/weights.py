"""Weights as bytes and back. Reading never executes what it reads: only tensors and plain values are accepted."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ktrdr.errors import StorageError, StrategyError
from ktrdr.model.network import network_from
from ktrdr.storage.contents import FORMAT_VERSION, FeatureContract

BUNDLE_KEYS = (
    "format_version",
    "model_id",
    "strategy",
    "architecture",
    "features",
    "fuzzy_sets",
    "scalers",
    "classes",
    "state_dict",
)

# What torch.load raises for bytes that nobody meant to be weights.
_UNREADABLE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    AssertionError,
)


def weights_of(state_dict: Mapping[str, torch.Tensor]) -> bytes:
    """Return a state dict as `torch.save` writes it, on the CPU and without anything its tensors were views of."""
    return write_plain({name: tensor.detach().cpu().clone() for name, tensor in state_dict.items()})


def read_weights(content: bytes) -> dict[str, torch.Tensor]:
    """Return the state dict in `content`, on the CPU.

    Raises
    ------
    StorageError
        If it holds anything but named tensors.
    """
    state = read_plain(content)
    if not isinstance(state, dict) or not all(
        isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in state.items()
    ):
        raise StorageError("it holds something other than named tensors")
    return dict(state)


def description_of(model_id: str, contract: FeatureContract) -> dict[str, Any]:
    """Return what a bundle repeats of the other files, as JSON values: all of it but the weights."""
    described = contract.model_dump(
        mode="json", include={"architecture", "features", "fuzzy_sets", "scalers", "classes"}
    )
    strategy = model_id.partition("/")[0]
    return {"format_version": FORMAT_VERSION, "model_id": model_id, "strategy": strategy, **described}


def bundle_of(model_id: str, contract: FeatureContract, state: Mapping[str, torch.Tensor]) -> bytes:
    """Return `model_full.pt`: all that is needed to rebuild the network, in plain types and tensors."""
    bundle = {**description_of(model_id, contract), "state_dict": dict(state)}
    return write_plain({key: bundle[key] for key in BUNDLE_KEYS})


def read_bundle(content: bytes) -> dict[str, Any]:
    """Return the contents of `model_full.pt`.

    Raises
    ------
    StorageError
        If it is not a bundle of this format.
    """
    bundle = read_plain(content)
    if not isinstance(bundle, dict) or tuple(bundle) != BUNDLE_KEYS or bundle["format_version"] != FORMAT_VERSION:
        raise StorageError(f"it is not a bundle of format {FORMAT_VERSION}")
    return bundle


def network_with(contract: FeatureContract, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """Build the network that `contract` describes, load `state` into it, and return it in evaluation mode.

    Raises
    ------
    StorageError
        If the two do not fit.
    """
    try:
        # on meta no initial weights are drawn: a training in another thread keeps its random numbers
        with torch.device("meta"):
            network = network_from(contract.architecture)
        network.to_empty(device="cpu")
        network.load_state_dict(state, strict=True)
    except (StrategyError, RuntimeError) as error:
        raise StorageError(f"the weights do not fit the network: {' '.join(str(error).split())[:300]}") from error
    return network.requires_grad_(False).eval()


def write_plain(value: dict[str, Any]) -> bytes:
    """Return tensors and plain values as `torch.save` writes them."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def read_plain(content: bytes) -> Any:
    """Return the tensors, on the CPU, and plain values that `torch.save` wrote; nothing in them is executed.

    Raises
    ------
    StorageError
        If there is anything else in it, or it is compressed.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
        # torch.save never compresses, and a compressed entry, or one counted twice, could unpack to any size
        is_stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not is_stored or sum(entry.file_size for entry in entries) > len(content):
            raise StorageError("it is compressed inside, which torch.save never does")
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0][:200]
        raise StorageError(f"it cannot be read as weights: {reason}") from error
