"""Writing to disk so that a crash leaves the old state or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ktrdr.errors import StorageError


class FileLayer:
    """Every change the store makes to its file system. What it writes is on disk when it returns."""

    def make_folder(self, path: Path) -> None:
        """Make a folder and its parents where they are missing."""
        if path.is_dir():
            return
        self.make_folder(path.parent)
        path.mkdir(exist_ok=True)
        self.sync_folder(path.parent)

    def write(self, path: Path, content: bytes | memoryview) -> None:
        """Write a file that does not exist yet."""
        self._create(path, lambda file: file.write(content))

    def write_from(self, path: Path, fill: Callable[[BinaryIO], object]) -> None:
        """Write a file that does not exist yet, piece by piece: `fill` writes into it."""
        self._create(path, fill)

    def link(self, path: Path, target: str) -> None:
        """Make a symbolic link that does not exist yet."""
        path.symlink_to(target)

    def rename(self, source: Path, target: Path) -> None:
        """Give `source` the name of `target`, in one step; a file or link of that name is replaced."""
        source.replace(target)

    def sync_folder(self, path: Path) -> None:
        """Make the names in a folder durable."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file, a link or a folder with all in it; one that is not there is left alone."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _create(self, path: Path, fill: Callable[[BinaryIO], object]) -> None:
        with path.open("xb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def lock(path: Path, *, is_shared: bool = False, waits: bool = True) -> Iterator[bool]:
    """Hold an advisory lock on a file, against threads and processes alike; yield False where it would have to wait."""
    flags = (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | (0 if waits else fcntl.LOCK_NB)
    with path.open("ab") as file:  # each opening is a holder of its own; closing releases
        try:
            fcntl.flock(file, flags)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def storage_errors(doing: str, root: Path, n_bytes: int = 0) -> Iterator[None]:
    """Turn what the operating system says while `doing` something into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needed = f"; {n_bytes:,} bytes are needed" if n_bytes else ""
            raise StorageError(
                f"{doing}: the disk under {root} is full{needed}.", "Free that space, then try again."
            ) from error
        reason = error.strerror or str(error)
        raise StorageError(
            f"{doing}: {reason} ({error.filename or root}).", f"Check that {root} can be written to, then try again."
        ) from error
