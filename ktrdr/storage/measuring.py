"""Writing what is too large to be held: its size and SHA-256 are known once it has passed by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ktrdr.storage.contents import FileEntry
from ktrdr.storage.encodings import Sink
from ktrdr.storage.writing import FileLayer


class Measuring:
    """Passes on what is written to it, and knows how much it was and its SHA-256."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._digest, self._size = sink, hashlib.sha256(), 0

    def write(self, content: bytes | memoryview, /) -> None:
        """Take a piece."""
        self._sink.write(content)
        self._digest.update(content)
        self._size += memoryview(content).nbytes

    @property
    def entry(self) -> FileEntry:
        """What a file of all that was written must be."""
        return FileEntry(sha256=self._digest.hexdigest(), size=self._size)


def write_measured(files: FileLayer, path: Path, write_to: Callable[[Sink], None]) -> FileEntry:
    """Write a file and return its entry: of what was given, whatever the disk made of it."""
    entries: list[FileEntry] = []

    def fill(file: BinaryIO) -> None:
        measuring = Measuring(file)
        write_to(measuring)
        entries.append(measuring.entry)

    files.write_from(path, fill)
    return entries[-1]
