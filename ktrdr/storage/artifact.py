"""What a training hands to the store, and the one compressed blob it travels in.

A blob comes from another machine and is not believed: its checksum is compared first, it is never decompressed beyond
a limit, and of the archive in it only plain files with the five expected names are read, from memory.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from dataclasses import dataclass
from typing import Any

from ktrdr.errors import RequestError, StorageError
from ktrdr.storage.contents import CONFIG, FEATURES, METADATA, METRICS, WEIGHTS, from_json, sha256_of, to_json
from ktrdr.storage.names import check_strategy_name, model_name

MAX_RAW_SIZE = 2 * 1024**3  # bytes
MAX_PACKED_SIZE = MAX_RAW_SIZE  # trained weights hardly shrink: the raw figure bounds both

STORE_KEYS = frozenset({"model_id", "version", "created_at", "operation_id", "artifact_sha256"})
"""What the store adds to `metadata.json`."""

_NAMING_KEYS = frozenset({"strategy", "symbols", "timeframe"})
_MEMBERS = (WEIGHTS, CONFIG, METRICS, FEATURES, METADATA)
_BLOCK = tarfile.BLOCKSIZE
_AGAIN = "Have the node send it again."


@dataclass(frozen=True)
class ModelArtifact:
    """A trained model on its way into the store. The dicts are plain JSON values.

    Parameters
    ----------
    weights
        The state dict as `weights_of` writes it.
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
    weights: bytes
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
class PackedArtifact:
    """A gzipped tar, the SHA-256 of the blob, and its size before and after compression in bytes."""

    blob: bytes
    sha256: str
    raw_size: int
    packed_size: int


def pack(artifact: ModelArtifact) -> PackedArtifact:
    """Pack an artifact; the same one gives the same bytes.

    Raises
    ------
    StorageError
        If it is larger than `MAX_RAW_SIZE`, or not plain JSON.
    """
    contents = {
        WEIGHTS: artifact.weights,
        CONFIG: to_json(artifact.config, CONFIG),
        METRICS: to_json(artifact.metrics, METRICS),
        FEATURES: to_json(artifact.features, FEATURES),
        METADATA: to_json(artifact.named_metadata, METADATA),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    raw = buffer.getvalue()
    if len(raw) > MAX_RAW_SIZE:
        raise StorageError(
            f"The model is {len(raw):,} bytes; at most {MAX_RAW_SIZE:,} can be stored.", "Train a smaller network."
        )
    blob = gzip.compress(raw, compresslevel=1, mtime=0)
    return PackedArtifact(blob, sha256_of(blob), len(raw), len(blob))


def unpack(blob: bytes, sha256: str, max_raw_size: int = MAX_RAW_SIZE) -> ModelArtifact:
    """Return the artifact in a blob whose SHA-256 must be `sha256`.

    Raises
    ------
    StorageError
        If the checksum differs, the blob is too large, cut short or not what `pack` makes.
    """
    if len(blob) > MAX_PACKED_SIZE:
        raise StorageError(f"The artifact is {len(blob):,} bytes; at most {MAX_PACKED_SIZE:,} are accepted.", _AGAIN)
    got = sha256_of(blob)
    if got != sha256:
        raise StorageError(
            f"The artifact's SHA-256 is {got} and should be {sha256!s:.80}: it was changed on its way.", _AGAIN
        )
    members = _read_members(_decompress(blob, max_raw_size))
    missing = [name for name in _MEMBERS if name not in members]
    if missing:
        raise StorageError(f"The artifact lacks {', '.join(missing)}.", _AGAIN)
    metadata = from_json(members[METADATA], METADATA)
    strategy, symbols, timeframe = (metadata.pop(key, None) for key in ("strategy", "symbols", "timeframe"))
    if not isinstance(strategy, str) or not isinstance(symbols, list) or not isinstance(timeframe, str):
        raise StorageError(f"{METADATA} does not name strategy, symbols and timeframe.", _AGAIN)
    documents = {name: from_json(members[name], name) for name in (CONFIG, METRICS, FEATURES)}
    try:
        return ModelArtifact(
            strategy,
            tuple(symbols),
            timeframe,
            weights=members[WEIGHTS],
            config=documents[CONFIG],
            metrics=documents[METRICS],
            features=documents[FEATURES],
            metadata=metadata,
        )
    except RequestError as error:
        raise StorageError(f"{METADATA}: {error}", error.suggestion) from error


def raw_size_of(blob: bytes) -> int:
    """Return the size in bytes before compression of a blob that `unpack` has read: gzip's last four bytes say it."""
    return int.from_bytes(blob[-4:], "little")


def _decompress(blob: bytes, max_raw_size: int) -> bytes:
    inflater = zlib.decompressobj(wbits=31)  # 31: gzip's header and checksum, and nothing else
    try:
        raw = inflater.decompress(blob, max_raw_size + 1)  # stops there, whatever the header claims
    except zlib.error as error:
        raise StorageError(f"The artifact cannot be decompressed: {error}.", _AGAIN) from error
    if len(raw) > max_raw_size:
        raise StorageError(f"The artifact unpacks to more than {max_raw_size:,} bytes.", "Train a smaller network.")
    if not inflater.eof:
        raise StorageError("The artifact is cut short.", _AGAIN)
    if inflater.unused_data:
        raise StorageError("The artifact has bytes after its end.", _AGAIN)
    return raw


def _read_members(raw: bytes) -> dict[str, bytes]:
    """Read plain members only: `tarfile.open` would follow extension headers, sparse maps and negative sizes."""
    members: dict[str, bytes] = {}
    at = 0
    while at < len(raw):
        try:
            member = tarfile.TarInfo.frombuf(raw[at : at + _BLOCK], "utf-8", "replace")
        except tarfile.TarError as error:
            if not raw[at:].strip(b"\0"):
                break
            raise StorageError(f"The artifact is not a tar archive: {error}.", _AGAIN) from error
        if member.type != tarfile.REGTYPE or member.name not in _MEMBERS or member.name in members:
            raise StorageError(
                f"The artifact has a member {ascii(member.name)[:80]} that does not belong there.", _AGAIN
            )
        start = at + _BLOCK
        if not 0 <= member.size <= len(raw) - start:
            raise StorageError(f"{member.name} in the artifact is cut short.", _AGAIN)
        members[member.name] = raw[start : start + member.size]
        at = start + -(-member.size // _BLOCK) * _BLOCK
    return members
