"""Bundles on their way in: written to a file as they come, which is gone once they were looked at."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ktrdr.errors import BundleTooLarge
from ktrdr.exchange.archive import MAX_BUNDLE_SIZE
from ktrdr.storage.writing import storage_errors

ABANDONED_S = 3600.0
"""A file that nobody has written to for so long was left by a process that was killed."""


class Upload:
    """One bundle as it comes."""

    def __init__(self, path: Path, file: BinaryIO, max_size: int) -> None:
        self.path = path
        self._file, self._left, self._max_size = file, max_size, max_size

    def write(self, piece: bytes) -> None:
        """Take the next piece; what was taken can be read from `path`.

        Raises
        ------
        BundleTooLarge
            If that is more than is accepted.
        StorageError
            If it cannot be written.
        """
        self._left -= len(piece)
        if self._left < 0:
            raise BundleTooLarge(self._max_size)
        with storage_errors("Could not take the bundle", self.path.parent):
            self._file.write(piece)
            self._file.flush()


class Uploads:
    """A folder for them, which need not exist yet.

    Parameters
    ----------
    folder
        Where they lie until they were looked at.
    max_size
        Bytes that one may have.
    now_s
        What time it is, in seconds as file times are.
    """

    def __init__(self, folder: Path, max_size: int = MAX_BUNDLE_SIZE, now_s: Callable[[], float] = time.time) -> None:
        self._folder, self._max_size, self._now_s = folder, max_size, now_s

    @contextmanager
    def receiving(self, announced: int = 0) -> Iterator[Upload]:
        """Yield a place for one of which `announced` bytes are said to come; at the end it is gone.

        Raises
        ------
        BundleTooLarge
            If that is more than is accepted.
        StorageError
            If there is no room for it.
        """
        if announced > self._max_size:
            raise BundleTooLarge(self._max_size)
        path = self._folder / f"{uuid.uuid4().hex}.zip"
        with storage_errors("Could not take the bundle", self._folder, announced):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            file = path.open("xb")
        try:
            yield Upload(path, file, self._max_size)
        finally:
            file.close()
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for path in self._folder.glob("*.zip"):
            try:
                is_abandoned = self._now_s() - path.stat().st_mtime > ABANDONED_S
            except FileNotFoundError:  # its own process was faster
                continue
            if is_abandoned:
                path.unlink(missing_ok=True)
