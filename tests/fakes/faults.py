"""A disk that fails and a process that dies, at a chosen call of the file layer."""

import errno
import os
from enum import StrEnum
from pathlib import Path

from ktrdr.storage.writing import FileLayer
from tests.fakes.files import QuickFiles

CALLS = frozenset(name for name in vars(FileLayer) if not name.startswith("_"))
HAS_A_MIDDLE = CALLS - {"make_folder", "link", "rename", "sync_folder"}
"""What takes more than a moment: writing, and removing a folder."""


class Fault(StrEnum):
    """What happens at the chosen call."""

    FAILS = "fails once"
    FAILS_FOR_GOOD = "fails, and every call after it"
    DIES_BEFORE = "the process dies before it"
    DIES_IN_IT = "the process dies in the middle of it"
    DIES_AFTER = "the process dies after it"


class Died(BaseException):
    """The process is gone: nothing of the store's catches this, and no cleaning up reaches the disk."""


class FaultyFiles(QuickFiles):
    """Notes the calls of every public method, also those that one makes of another; `at` counts them from 1."""

    def __init__(self, at=0, fault=Fault.FAILS, code=errno.EIO):
        self.calls, self._at, self._fault, self._code, self._is_dead = [], at, fault, code, False

    def __getattribute__(self, name):
        method = super().__getattribute__(name)
        if name not in CALLS:
            return method
        return lambda *args: self._call(method, args)

    def _call(self, method, args):
        if self._is_dead:
            raise Died
        self.calls.append(method.__name__)
        is_it = len(self.calls) == self._at
        if not is_it and not (self._fault is Fault.FAILS_FOR_GOOD and 0 < self._at < len(self.calls)):
            return method(*args)
        if self._fault in (Fault.FAILS, Fault.FAILS_FOR_GOOD):
            halfway(method, args)
            raise OSError(self._code, os.strerror(self._code), str(args[0]))
        if self._fault is Fault.DIES_AFTER:
            method(*args)
        elif self._fault is Fault.DIES_IN_IT:
            halfway(method, args)
        self._is_dead = True
        raise Died


def halfway(method, args):
    """Do half of what a call would: half of a file is written, half of a folder removed; a name changes or does not."""
    path, is_new = args[0], not os.path.lexists(args[0])
    if method.__name__ == "remove" and path.is_dir() and not path.is_symlink():
        for entry in sorted(path.iterdir())[::2]:
            Path.unlink(entry)
    elif method.__name__ in HAS_A_MIDDLE - {"remove"}:
        method(*args)
        assert is_new, f"{path} is written over"
        os.truncate(path, path.stat().st_size // 2)
