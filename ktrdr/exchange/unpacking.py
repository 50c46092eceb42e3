"""From a bundle back to a folder of files, of which each is what the bundle's manifest says.

A bundle may come from anybody. Nothing in its files is executed, and no name in it is joined to a path.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ktrdr.errors import BadBundle, RequestError, StorageError
from ktrdr.exchange.archive import WHOLE, Entry, Layout, read_layout
from ktrdr.exchange.record import KNOWN_FILES, MODEL_FILES, RECORD, ExportRecord, read_record
from ktrdr.storage import check_strategy_name, parse_version
from ktrdr.storage.contents import (
    BUNDLE,
    CONFIG,
    FEATURES,
    MANIFEST,
    METADATA,
    METRICS,
    WEIGHTS,
    FileEntry,
    from_json,
    read_manifest,
)
from ktrdr.storage.encodings import CHUNK, Sink
from ktrdr.storage.measuring import Measuring, write_measured
from ktrdr.storage.packing import MAX_DOCUMENT_SIZE, check_documents
from ktrdr.storage.writing import FileLayer


@dataclass(frozen=True)
class UnpackedBundle:
    """A bundle whose files lie in `folder`, each of them what the bundle's manifest says."""

    model_id: str
    folder: Path
    weights: FileEntry
    manifest_sha256: str
    sha256: str
    record: ExportRecord | None


def unpack_bundle(path: Path, folder: Path, files: FileLayer | None = None) -> UnpackedBundle:
    """Write a bundle's files, but for what an export added, to a folder that exists; compare all with its manifest.

    Raises
    ------
    BadBundle
        Naming the file that is missing, does not belong there or is not what was saved. What is in the files is only
        read as far as that needs.
    OSError
        If it cannot be read or written.
    """
    with path.open("rb") as file:
        layout = read_layout(file, KNOWN_FILES)
        _check_names([entry.name for entry in layout.entries])
        unpacking = _Unpacking(file, layout, folder, files or FileLayer())
        found, record = unpacking.files(), unpacking.record()
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    _check_documents({name: (folder / name).read_bytes() for name in (CONFIG, METRICS, FEATURES, METADATA)})
    _check_manifest(folder, found)
    model_id = _model_id_in(folder)
    if record is not None and record.model_id != model_id:
        raise BadBundle(RECORD, f"is of {record.model_id[:200]}, and the model is {model_id}")
    return UnpackedBundle(model_id, folder, found[WEIGHTS], found[MANIFEST].sha256, sha256, record)


class _Unpacking:
    """Takes the entries out of an archive of which the layout is known."""

    def __init__(self, file: BinaryIO, layout: Layout, folder: Path, files: FileLayer) -> None:
        self._file, self._folder, self._files = file, folder, files
        self._starts = {piece.name: (start, piece) for start, piece in layout.pieces if isinstance(piece, Entry)}

    def files(self) -> dict[str, FileEntry]:
        """Write a version's own files and return what each is."""
        for name in MODEL_FILES:
            if name not in (WEIGHTS, BUNDLE):
                self._check_document(name)
        return {
            name: write_measured(self._files, self._folder / name, partial(self._pass_on, name)) for name in MODEL_FILES
        }

    def record(self) -> ExportRecord | None:
        """Return what is said of the file that an export added, which is compared with it and read no further."""
        if RECORD not in self._starts:
            return None
        self._check_document(RECORD)
        content = b"".join(self._content(RECORD))
        _check_documents({RECORD: content})
        record = read_record(content)
        if record.file not in self._starts or record.file != f"model.{record.format}":
            raise BadBundle(RECORD, "is of another file than the one that is there")
        added = Measuring(_Nowhere())
        self._pass_on(record.file, added)
        if added.entry != FileEntry(sha256=record.sha256, size=record.size):
            raise BadBundle(record.file, f"has another SHA-256 or size than {RECORD} says")
        return record

    def _check_document(self, name: str) -> None:
        size = self._starts[name][1].size
        if size > MAX_DOCUMENT_SIZE:
            raise BadBundle(name, f"has {size:,} bytes; at most {MAX_DOCUMENT_SIZE:,} are accepted")

    def _pass_on(self, name: str, sink: Sink) -> None:
        for piece in self._content(name):
            sink.write(piece)

    def _content(self, name: str) -> Iterator[bytes]:
        start, entry = self._starts[name]
        self._file.seek(start)
        left, crc32 = entry.size, 0
        while left and (piece := self._file.read(min(left, CHUNK))):
            left, crc32 = left - len(piece), zlib.crc32(piece, crc32)
            yield piece
        if left or crc32 != entry.crc32:
            raise BadBundle(name, "is not what was put into the bundle: its checksum is another")


class _Nowhere:
    def write(self, content: bytes | memoryview, /) -> None:
        """Take a piece and forget it."""


def _check_names(names: list[str]) -> None:
    if missing := [name for name in MODEL_FILES if name not in names]:
        raise BadBundle(", ".join(missing), "is missing")
    added = names[len(MODEL_FILES) :]
    if added and (added[0] != RECORD or len(added) != 2):
        raise BadBundle(WHOLE, f"has to have one exported file and {RECORD}, or neither; it has {', '.join(added)}")


def _check_documents(documents: dict[str, bytes]) -> None:
    """Refuse files that would take much memory once they are parsed."""
    try:
        check_documents(documents)
    except StorageError as error:
        raise BadBundle(", ".join(documents), f"cannot be accepted: {error.message.rstrip('.')}") from error


def _check_manifest(folder: Path, found: dict[str, FileEntry]) -> None:
    content = (folder / MANIFEST).read_bytes()
    _check_documents({MANIFEST: content})
    try:
        manifest = read_manifest(content)
    except StorageError as error:
        raise BadBundle(MANIFEST, f"cannot be read: {error.message.rstrip('.')}") from error
    for name, entry in manifest.files.items():
        if found[name] != entry:
            raise BadBundle(name, f"has another SHA-256 or size than {MANIFEST} says")


def _model_id_in(folder: Path) -> str:
    try:
        model_id = from_json((folder / METADATA).read_bytes(), METADATA).get("model_id")
        strategy, _, name = str(model_id).partition("/")
        check_strategy_name(strategy)
        _, number = parse_version(name)
    except RequestError as error:
        raise BadBundle(METADATA, "does not name a model") from error
    except StorageError as error:
        raise BadBundle(METADATA, f"cannot be read: {error.message.rstrip('.')}") from error
    if not isinstance(number, int):
        raise BadBundle(METADATA, "names a model without its version")
    return f"{strategy}/{name}"
