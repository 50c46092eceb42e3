"""A stored version as one file, written to a disk or read part by part, so that nobody holds it whole."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ktrdr.errors import DamagedModel
from ktrdr.exchange.archive import Entry, Layout
from ktrdr.exchange.offers import BundleOffer
from ktrdr.exchange.record import MODEL_FILES
from ktrdr.storage import ModelStorage
from ktrdr.storage.encodings import CHUNK
from ktrdr.storage.verification import read_files


def offer_of(storage: ModelStorage, strategy: str, name: str) -> BundleOffer:
    """Return a version, verified against its manifest, as it can be read part by part with `part_of`.

    Raises
    ------
    RequestError, UnknownModel, DamagedModel
        As the store's `load`.
    """
    folder = storage.folder_of(strategy, name)
    model_id = f"{strategy}/{folder.name}"
    try:
        read_files(folder, model_id)
        layout = layout_of(folder, MODEL_FILES)
        return BundleOffer(model_id, layout, _sha256_of(layout, folder))
    except (DamagedModel, FileNotFoundError):
        storage.folder_of(strategy, folder.name)  # raises where it was deleted while it was read
        raise


def part_of(storage: ModelStorage, offer: BundleOffer, offset: int, n_bytes: int) -> bytes:
    """Return `n_bytes` of an offered bundle from an offset on, or as many as there are.

    Raises
    ------
    UnknownModel
        If the version was deleted since.
    DamagedModel
        If a file of it has become shorter.
    """
    strategy, _, name = offer.model_id.partition("/")
    folder = storage.folder_of(strategy, name)
    return offer.layout.read(offset, n_bytes, partial(_read_from, folder, offer.model_id))


def layout_of(folder: Path, names: tuple[str, ...]) -> Layout:
    """Return the layout of a bundle of files in a folder."""
    return Layout(tuple(_entry(folder / name) for name in names))


def write_bundle(layout: Layout, folder: Path, model_id: str, file: BinaryIO) -> None:
    """Write the bundle of files in a folder."""
    for piece in _chunks(layout, folder, model_id):
        file.write(piece)


def _entry(path: Path) -> Entry:
    size, crc32 = 0, 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            size, crc32 = size + len(piece), zlib.crc32(piece, crc32)
    return Entry(path.name, size, crc32)


def _sha256_of(layout: Layout, folder: Path) -> str:
    digest = hashlib.sha256()
    for piece in _chunks(layout, folder, folder.name):
        digest.update(piece)
    return digest.hexdigest()


def _chunks(layout: Layout, folder: Path, model_id: str) -> Iterator[bytes]:
    for offset in range(0, layout.size, CHUNK):
        yield layout.read(offset, CHUNK, partial(_read_from, folder, model_id))


def _read_from(folder: Path, model_id: str, name: str, offset: int, n_bytes: int) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            file.seek(offset)
            content = file.read(n_bytes)
    except OSError as error:
        raise DamagedModel(model_id, name, f"cannot be read: {error.strerror}") from error
    if len(content) != n_bytes:
        raise DamagedModel(model_id, name, "is shorter than it was a moment ago")
    return content
