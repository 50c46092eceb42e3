"""From a blob back to an artifact, whose weights become a file; of them only a piece is held at a time.

A blob comes from another machine and is not believed: its checksum is compared before anything is decompressed, it is
never decompressed beyond a limit, and of the archive in it only plain files with the five expected names are read.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ktrdr.errors import DamagedArtifact, RequestError, StorageError
from ktrdr.storage.artifact import ModelArtifact, WeightsFile
from ktrdr.storage.contents import CONFIG, FEATURES, METADATA, METRICS, WEIGHTS, from_json, sha256_of
from ktrdr.storage.encodings import CHUNK, SEND_AGAIN, Blob, Encoding, Sink, decoded, view_of
from ktrdr.storage.measuring import write_measured
from ktrdr.storage.packing import (
    BLOCK,
    DOCUMENTS,
    MAX_PACKED_SIZE,
    MAX_RAW_SIZE,
    check_document_size,
    check_documents,
    padding,
)
from ktrdr.storage.writing import FileLayer

_MEMBERS = (WEIGHTS, *DOCUMENTS)


@dataclass(frozen=True)
class ReceivedArtifact:
    """An artifact that was unpacked, and the blob it came in: its SHA-256, encoding, and sizes in bytes."""

    artifact: ModelArtifact
    sha256: str
    encoding: Encoding
    raw_size: int
    packed_size: int

    @property
    def origin(self) -> dict[str, str | int]:
        """What is kept of the blob with the model's metadata."""
        return {
            "artifact_sha256": self.sha256,
            "artifact_encoding": self.encoding,
            "artifact_raw_size": self.raw_size,
            "artifact_packed_size": self.packed_size,
        }


def unpack(
    blob: Blob, sha256: str, folder: Path, files: FileLayer | None = None, max_raw_size: int = MAX_RAW_SIZE
) -> ModelArtifact:
    """Return the artifact in a blob whose SHA-256 must be `sha256`; its weights are a file in `folder`, which exists.

    Raises
    ------
    DamagedArtifact
        If the checksum differs, the blob is too large, cut short or not what `pack` makes.
    OSError
        If the weights cannot be written. After any error `folder` may hold a part of them.
    """
    try:
        _check_blob(view_of(blob), sha256)
        return _Unpacking(_Raw(decoded(blob), max_raw_size), folder, files or FileLayer()).artifact()
    except StorageError as error:
        raise DamagedArtifact(error.message, error.suggestion) from error


class _Raw:
    """The decompressed archive, read in order and never beyond a limit."""

    def __init__(self, chunks: Iterator[bytes], limit: int) -> None:
        self._chunks, self._left, self._limit = chunks, limit, limit
        self._chunk = memoryview(b"")

    def pieces(self, n_bytes: int) -> Iterator[memoryview]:
        """Yield the next `n_bytes`, or as many as there are."""
        while n_bytes > 0 and (self._chunk or self._fetch()):
            piece, self._chunk = self._chunk[:n_bytes], self._chunk[n_bytes:]
            n_bytes -= len(piece)
            yield piece

    def read(self, n_bytes: int) -> bytes:
        """Return the next `n_bytes`, or as many as there are."""
        return b"".join(self.pieces(n_bytes))

    def _fetch(self) -> bool:
        self._chunk = memoryview(next(self._chunks, b""))
        self._left -= len(self._chunk)
        if self._left < 0:
            raise StorageError(f"The artifact unpacks to more than {self._limit:,} bytes.", "Train a smaller network.")
        return len(self._chunk) > 0


class _Unpacking:
    """Reads plain members only: `tarfile.open` would follow extension headers, sparse maps and negative sizes."""

    def __init__(self, raw: _Raw, folder: Path, files: FileLayer) -> None:
        self._raw, self._folder, self._files = raw, folder, files
        self._weights: WeightsFile | None = None
        self._documents: dict[str, bytes] = {}

    def artifact(self) -> ModelArtifact:
        while (member := self._next_member()) is not None:
            if member.name == WEIGHTS:
                path = self._folder / WEIGHTS
                self._weights = WeightsFile(path, write_measured(self._files, path, partial(self._pass_on, member)))
            else:
                self._documents[member.name] = self._document(member)
            self._raw.read(padding(member.size))
        missing = [name for name in _MEMBERS if not self._has(name)]
        if missing or self._weights is None:
            raise StorageError(f"The artifact lacks {', '.join(missing)}.", SEND_AGAIN)
        return _artifact_of(self._weights, self._documents)

    def _has(self, name: str) -> bool:
        return name in self._documents or (name == WEIGHTS and self._weights is not None)

    def _next_member(self) -> tarfile.TarInfo | None:
        if not (header := self._raw.read(BLOCK)):
            return None
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "replace")
        except tarfile.TarError as error:
            if not header.strip(b"\0") and self._ends_in_zeros():
                return None
            raise StorageError(f"The artifact is not a tar archive: {error}.", SEND_AGAIN) from error
        if member.type != tarfile.REGTYPE or member.name not in _MEMBERS or self._has(member.name):
            raise StorageError(
                f"The artifact has a member {ascii(member.name)[:80]} that does not belong there.", SEND_AGAIN
            )
        return member

    def _ends_in_zeros(self) -> bool:
        """Read to the end, where the blob's own is found out, and say whether there was nothing else."""
        is_zero = True
        while piece := self._raw.read(CHUNK):
            is_zero = is_zero and not piece.strip(b"\0")
        return is_zero

    def _pass_on(self, member: tarfile.TarInfo, sink: Sink) -> None:
        left = member.size
        for piece in self._raw.pieces(member.size):
            sink.write(piece)
            left -= len(piece)
        if left:
            raise StorageError(f"{member.name} in the artifact is cut short.", SEND_AGAIN)

    def _document(self, member: tarfile.TarInfo) -> bytes:
        check_document_size(member.name, member.size)
        content = self._raw.read(member.size)
        if len(content) != member.size:
            raise StorageError(f"{member.name} in the artifact is cut short.", SEND_AGAIN)
        return content


def _check_blob(blob: memoryview, sha256: str) -> None:
    if blob.nbytes > MAX_PACKED_SIZE:
        raise StorageError(
            f"The artifact is {blob.nbytes:,} bytes; at most {MAX_PACKED_SIZE:,} are accepted.", SEND_AGAIN
        )
    got = sha256_of(blob)
    if got != sha256:
        raise StorageError(
            f"The artifact's SHA-256 is {got} and should be {sha256!s:.80}: it was changed on its way.", SEND_AGAIN
        )


def _artifact_of(weights: WeightsFile, contents: dict[str, bytes]) -> ModelArtifact:
    check_documents(contents)
    documents = {name: from_json(content, name) for name, content in contents.items()}
    metadata = documents[METADATA]
    strategy, symbols, timeframe = (metadata.pop(key, None) for key in ("strategy", "symbols", "timeframe"))
    if not isinstance(strategy, str) or not isinstance(symbols, list) or not isinstance(timeframe, str):
        raise StorageError(f"{METADATA} does not name strategy, symbols and timeframe.", SEND_AGAIN)
    try:
        return ModelArtifact(
            strategy,
            tuple(symbols),
            timeframe,
            weights=weights,
            config=documents[CONFIG],
            metrics=documents[METRICS],
            features=documents[FEATURES],
            metadata=metadata,
        )
    except RequestError as error:
        raise StorageError(f"{METADATA}: {error}", error.suggestion) from error
