"""Small file systems in memory, which a test can fill."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """A folder with a file system of its own."""

    folder: Path

    def fill(self, leaving: int = 0) -> None:
        """Take all space but `leaving` bytes."""
        with self._ballast.open("wb") as file:
            while (n_bytes := self._n_free_bytes() - leaving) > 0:
                try:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, n_bytes)
                except OSError as error:
                    if error.errno != errno.ENOSPC:  # else somebody wrote meanwhile, and there is less by now
                        raise

    def make_room(self) -> None:
        self._ballast.unlink()

    def files(self) -> list[Path]:
        """Return what holds something."""
        return [path for path in self.folder.rglob("*") if path.is_file() and path.stat().st_size > 0]

    def _n_free_bytes(self) -> int:
        space = os.statvfs(self.folder)
        return space.f_bavail * space.f_frsize

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Disk]:
    """Give a file system in memory; the test is skipped where none may be mounted."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
