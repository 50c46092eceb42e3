"""File layers for tests: one that does not wait for the disk, one whose disk gives up at a chosen step."""

import errno
import os

from ktrdr.storage.writing import FileLayer


class QuickFiles(FileLayer):
    """Makes the same changes in the same order without waiting for the disk."""

    def _create(self, path, fill):
        with path.open("xb") as file:
            fill(file)

    def sync_folder(self, path):
        assert path.is_dir()


class FailingFiles(QuickFiles):
    """Counts changes from 1; those from `first` to `last` fail, a write after half of its bytes."""

    def __init__(self, first, last, code=errno.EIO):
        self.n_steps, self._first, self._last, self._code = 0, first, last, code

    def _step(self, path):
        self.n_steps += 1
        if self._first <= self.n_steps <= self._last:
            raise OSError(self._code, os.strerror(self._code), str(path))

    def make_folder(self, path):
        if not path.is_dir():
            self._step(path)
        super().make_folder(path)

    def write(self, path, content):
        try:
            self._step(path)
        except OSError:
            path.write_bytes(content[: len(content) // 2])
            raise
        super().write(path, content)

    def write_from(self, path, fill):
        try:
            self._step(path)
        except OSError:
            super().write_from(path, fill)
            os.truncate(path, path.stat().st_size // 2)
            raise
        super().write_from(path, fill)

    def link(self, path, target):
        self._step(path)
        super().link(path, target)

    def rename(self, source, target):
        self._step(target)
        super().rename(source, target)

    def sync_folder(self, path):
        self._step(path)
        super().sync_folder(path)

    def remove(self, path):
        self._step(path)
        super().remove(path)
