"""What a training hands to the store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ktrdr.errors import StorageError
from ktrdr.storage.contents import FileEntry
from ktrdr.storage.encodings import CHUNK, Sink
from ktrdr.storage.names import check_strategy_name, model_name

STORE_KEYS = frozenset(
    {
        "model_id",
        "version",
        "created_at",
        "operation_id",
        "artifact_sha256",
        "artifact_encoding",
        "artifact_raw_size",
        "artifact_packed_size",
        "imported",
    }
)
"""What the store adds to `metadata.json`; encoding and sizes in bytes where the artifact travelled."""

_NAMING_KEYS = frozenset({"strategy", "symbols", "timeframe"})


class Weights(Protocol):
    """A state dict as `torch.save` writes it, wherever it lies until it is written."""

    @property
    def size(self) -> int:
        """Bytes that `write_to` writes."""

    def write_to(self, sink: Sink) -> None:
        """Write it, piece by piece; as often as is asked, the same."""


@dataclass(frozen=True)
class ModelArtifact:
    """A trained model on its way into the store. The dicts are plain JSON values.

    Parameters
    ----------
    weights
        The state dict: of `weights_of`, where it is in memory.
    config
        `{"strategy": {...}, "request": {...}}`, both as they were used.
    metrics
        How the training went, and `test_metrics`.
    features
        `features` (ordered names), `classes`, `architecture` (of `network.architecture_of`), `fuzzy_sets`, `scalers`,
        `importance`, and `probe`: held-out `rows` and the trainer's `outputs` for them.
    metadata
        Where, when and with what it was trained. Names, ids and times of saving are the artifact's and the store's.

    Raises
    ------
    RequestError
        If the strategy, a symbol or the timeframe cannot be part of a name.
    StorageError
        If `metadata` has a key that the artifact or the store fills in.
    """

    strategy: str
    symbols: tuple[str, ...]
    timeframe: str
    weights: Weights
    config: dict[str, Any]
    metrics: dict[str, Any]
    features: dict[str, Any]
    metadata: dict[str, Any]

    def __post_init__(self) -> None:
        check_strategy_name(self.strategy)
        model_name(self.symbols, self.timeframe)
        taken = sorted(self.metadata.keys() & (STORE_KEYS | _NAMING_KEYS))
        if taken:
            raise StorageError(f"metadata may not carry {', '.join(taken)}.", "The store fills these in.")

    @property
    def base_name(self) -> str:
        """The name its versions share, `{symbols}_{timeframe}`."""
        return model_name(self.symbols, self.timeframe)

    @property
    def named_metadata(self) -> dict[str, Any]:
        """The metadata with strategy, symbols and timeframe."""
        naming = {"strategy": self.strategy, "symbols": list(self.symbols), "timeframe": self.timeframe}
        return {**naming, **self.metadata}


@dataclass(frozen=True)
class WeightsFile:
    """Weights that were unpacked into a file, and what was written to it."""

    path: Path
    entry: FileEntry

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.entry.size

    def write_to(self, sink: Sink) -> None:
        """Write what is in the file."""
        with self.path.open("rb") as file:
            while piece := file.read(CHUNK):
                sink.write(piece)
