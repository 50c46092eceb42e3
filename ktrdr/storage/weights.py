"""Weights as `torch.save` writes them, and back.

Reading never executes what it reads: only tensors and plain values are accepted.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from ktrdr.errors import StorageError, StrategyError
from ktrdr.model.network import network_from
from ktrdr.storage.contents import FORMAT_VERSION, FeatureContract
from ktrdr.storage.encodings import Sink, pieces
from ktrdr.storage.pickles import MAX_RECORD, check_pickle

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

_PICKLE = "data.pkl"

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


class SavedByTorch:
    """Tensors and plain values as `torch.save` writes them. They are read when they are written, not copied before."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SavedByTorch) and bytes(self) == bytes(other)

    __hash__ = None  # type: ignore[assignment]  # what can change has none

    def __bytes__(self) -> bytes:
        return write_plain(self._value)

    @cached_property
    def size(self) -> int:
        """Bytes that `write_to` writes; known once it was written to nowhere."""
        nowhere = _Stream(None)
        torch.save(self._value, nowhere)  # type: ignore[arg-type]
        return nowhere.n_bytes

    def write_to(self, sink: Sink) -> None:
        """Write it, piece by piece.

        Raises
        ------
        OSError
            What the sink raises: torch closes its archive all the same, and would say that this went wrong.
        """
        stream = _Stream(sink)
        try:
            torch.save(self._value, stream)  # type: ignore[arg-type]
        except RuntimeError:
            if stream.trouble is not None:
                raise stream.trouble from None
            raise


def weights_of(state_dict: Mapping[str, torch.Tensor]) -> SavedByTorch:
    """Return a state dict to be saved: on the CPU and without anything its tensors were views of.

    A tensor that is on the CPU and a view of nothing is not copied: until it is written, it must not be changed.
    """
    return SavedByTorch({name: _by_itself(tensor.detach()) for name, tensor in state_dict.items()})


def read_weights(path: Path, *, is_mapped: bool = False) -> dict[str, torch.Tensor]:
    """Return the state dict in a file, on the CPU; mapped, it is read as it is used, and the file must stay as it is.

    Raises
    ------
    StorageError
        If it holds anything but named tensors.
    """
    state = _load(path, is_mapped)
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


def bundle_of(model_id: str, contract: FeatureContract, state: Mapping[str, torch.Tensor]) -> SavedByTorch:
    """Return `model_full.pt`: all that is needed to rebuild the network, in plain types and tensors."""
    bundle = {**description_of(model_id, contract), "state_dict": dict(state)}
    return SavedByTorch({key: bundle[key] for key in BUNDLE_KEYS})


def read_bundle(path: Path) -> dict[str, Any]:
    """Return the contents of `model_full.pt`, mapped: its tensors are read as they are used.

    Raises
    ------
    StorageError
        If it is not a bundle of this format.
    """
    bundle = _load(path, is_mapped=True)
    if not isinstance(bundle, dict) or tuple(bundle) != BUNDLE_KEYS or bundle["format_version"] != FORMAT_VERSION:
        raise StorageError(f"it is not a bundle of format {FORMAT_VERSION}")
    return bundle


def network_with(contract: FeatureContract, state: Mapping[str, torch.Tensor]) -> nn.Module:
    """Build the network that `contract` describes around the tensors in `state`, in evaluation mode.

    Raises
    ------
    StorageError
        If the two do not fit.
    """
    try:
        # on meta no initial weights are drawn: a training in another thread keeps its random numbers
        with torch.device("meta"):
            network = network_from(contract.architecture)
        for name, wanted in network.state_dict().items():  # names and shapes are looked at when they are loaded
            if name in state and (state[name].dtype, state[name].layout) != (wanted.dtype, wanted.layout):
                raise StorageError(f"the weights do not fit the network: {name} is {state[name].dtype}")
        network.load_state_dict(state, strict=True, assign=True)
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
        _check_archive(io.BytesIO(content), len(content))
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise _cannot_be_read(error) from error


def _load(path: Path, is_mapped: bool) -> Any:
    """Do as `read_plain` with a file that anybody may have made: what it says beside its tensors is small."""
    try:
        with path.open("rb") as file:
            _check_archive(file, path.stat().st_size)
            _check_plain(file)
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=is_mapped)
    except _UNREADABLE as error:
        raise _cannot_be_read(error) from error


def _check_archive(file: BinaryIO, size: int) -> None:
    """Refuse what `torch.save`, which never compresses, did not write.

    A compressed entry, or one counted twice, could unpack to any size.
    """
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    is_stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
    if not is_stored or sum(entry.file_size for entry in entries) > size:
        raise StorageError("it is compressed inside, which torch.save never does")


def _check_plain(file: BinaryIO) -> None:
    """Refuse an archive that could take much more memory, or time, than its tensors."""
    with zipfile.ZipFile(file) as archive:
        # as torch sees names: it takes neither case nor a second name in an entry's extra fields into account
        names = [(entry.orig_filename.lower(), entry) for entry in archive.infolist()]
        for name, entry in names:
            is_tensor = "/data/" in name and not name.endswith(_PICKLE)
            if not is_tensor and entry.file_size > MAX_RECORD:
                raise StorageError(f"its {entry.filename} is larger than {MAX_RECORD // 1024**2} MiB")
        pickles = [entry for name, entry in names if name.endswith(_PICKLE)]
        if len(pickles) != 1:
            raise StorageError(f"it cannot be read as weights: it has {len(pickles)} pickles in it")
        content = archive.read(pickles[0])
    try:
        check_pickle(content)
    except StorageError as error:
        raise _cannot_be_read(error) from error


def _cannot_be_read(error: Exception) -> StorageError:
    reason = str(error).partition("\n")[0][:200]
    return StorageError(f"it cannot be read as weights: {reason}")


def _by_itself(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that is on the CPU and all of its storage; itself where it is."""
    on_cpu = tensor.cpu()
    is_whole = on_cpu.is_contiguous() and on_cpu.untyped_storage().nbytes() == on_cpu.nbytes
    return on_cpu if is_whole else on_cpu.clone(memory_format=torch.contiguous_format)


class _Stream:
    """A sink as `torch.save` wants it: it hands over a whole tensor at once."""

    def __init__(self, sink: Sink | None) -> None:
        self._sink, self.n_bytes = sink, 0
        self.trouble: OSError | None = None

    def write(self, content: bytes | memoryview, /) -> int:
        size = memoryview(content).nbytes
        self.n_bytes += size
        if self._sink is not None:
            try:
                for piece in pieces(content):
                    self._sink.write(piece)
            except OSError as error:
                self.trouble = error
                raise
        return size

    def flush(self) -> None:
        """Nothing is held back."""
