"""An artifact as one compressed blob. It is the only thing made: the weights go into it from where they are."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ktrdr.errors import StorageError
from ktrdr.storage.artifact import ModelArtifact
from ktrdr.storage.contents import CONFIG, FEATURES, METADATA, METRICS, WEIGHTS, to_json
from ktrdr.storage.encodings import Encoding, encoder
from ktrdr.storage.measuring import Measuring

MAX_RAW_SIZE = 2 * 1024**3  # bytes
MAX_PACKED_SIZE = MAX_RAW_SIZE  # trained weights hardly shrink: the raw figure bounds both
MAX_DOCUMENT_SIZE = 16 * 1024**2
"""Bytes of each JSON file: 10,000 epochs take 1.3 million, a probe of 10 windows of 100 bars and 200 features 5."""
MAX_VALUES, MAX_CONTAINERS = 1_000_000, 100_000
"""What all JSON files together may hold: a few bytes of text may become an object of 200."""

DOCUMENTS = (CONFIG, METRICS, FEATURES, METADATA)
BLOCK = tarfile.BLOCKSIZE

_TRAIN_LESS = "Train fewer epochs, or on shorter windows."
_END = bytes(2 * BLOCK)


@dataclass(frozen=True, eq=False)
class PackedArtifact:
    """A compressed tar as a read-only array of bytes, its SHA-256, and its size before and after compression."""

    blob: npt.NDArray[np.uint8]
    sha256: str
    raw_size: int
    packed_size: int
    encoding: Encoding


def pack(artifact: ModelArtifact, encoding: Encoding = Encoding.GZIP) -> PackedArtifact:
    """Pack an artifact; the same one, in the same encoding, gives the same bytes.

    Raises
    ------
    StorageError
        If it is larger than `MAX_RAW_SIZE`, or its JSON than `check_documents` allows, or that is no plain JSON.
    """
    contents = (artifact.config, artifact.metrics, artifact.features, artifact.named_metadata)
    documents = {name: to_json(content, name) for name, content in zip(DOCUMENTS, contents, strict=True)}
    sizes = {WEIGHTS: artifact.weights.size, **{name: len(text) for name, text in documents.items()}}
    raw_size = sum(BLOCK + size + padding(size) for size in sizes.values()) + len(_END)
    _check_sizes(raw_size, documents)
    buffer = io.BytesIO()
    packed = Measuring(buffer)
    into = encoder(encoding, packed, raw_size)
    for name, size in sizes.items():
        member = tarfile.TarInfo(name)
        member.size = size
        into.write(member.tobuf(tarfile.USTAR_FORMAT))
        if name == WEIGHTS:
            artifact.weights.write_to(into)
        else:
            into.write(documents[name])
        into.write(bytes(padding(size)))
    into.write(_END)
    into.close()
    blob = np.frombuffer(buffer.getbuffer(), np.uint8)
    blob.flags.writeable = False
    return PackedArtifact(blob, packed.entry.sha256, raw_size, packed.entry.size, encoding)


def check_documents(documents: Mapping[str, bytes]) -> None:
    """Refuse JSON files, by name, that would take much memory where they are read; call it before they are parsed.

    Raises
    ------
    StorageError
        If one is larger than `MAX_DOCUMENT_SIZE`, or they hold more values or lists and objects than they may.
    """
    n_values = n_containers = 0
    for name, text in documents.items():
        check_document_size(name, len(text))
        n_containers += text.count(b"[") + text.count(b"{")
        n_values += text.count(b"[") + text.count(b"{") + text.count(b",")
        for count, limit, what in (
            (n_containers, MAX_CONTAINERS, "lists and objects"),
            (n_values, MAX_VALUES, "values"),
        ):
            if count > limit:
                raise StorageError(f"With {name} the model's JSON has more than {limit:,} {what}.", _TRAIN_LESS)


def check_document_size(name: str, n_bytes: int) -> None:
    """Refuse a JSON file that is larger than `MAX_DOCUMENT_SIZE`, before it is read.

    Raises
    ------
    StorageError
        Naming it.
    """
    if n_bytes > MAX_DOCUMENT_SIZE:
        raise StorageError(f"{name} is {n_bytes:,} bytes; at most {MAX_DOCUMENT_SIZE:,} can be stored.", _TRAIN_LESS)


def padding(size: int) -> int:
    """Return how many bytes fill up the last block of a tar's member."""
    return -size % BLOCK


def _check_sizes(raw_size: int, documents: dict[str, bytes]) -> None:
    if raw_size > MAX_RAW_SIZE:
        raise StorageError(
            f"The model is {raw_size:,} bytes; at most {MAX_RAW_SIZE:,} can be stored.", "Train a smaller network."
        )
    check_documents(documents)
