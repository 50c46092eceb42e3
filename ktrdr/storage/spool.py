"""Packed artifacts that wait on the node that trained them: a model is in here before it is handed over.

```
{folder}/{operation_id}.{sha256}.artifact    what was packed, mode 0600
{folder}/.tmp-{hex}                          what is being written
```
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ktrdr.errors import StorageError, UnknownArtifact
from ktrdr.storage.encodings import Blob, view_of
from ktrdr.storage.writing import FileLayer, storage_errors

KEPT_S = 30 * 24 * 3600.0
"""What is older is swept when another artifact comes."""
N_KEPT = 200
"""Of more than so many the oldest are swept."""
KEPT_BYTES = 20 * 1000**3
"""Of more the oldest are swept until the rest is no more; the newest stays, however large."""
LEFTOVER_S = 3600.0
"""What is still being written after so long is no longer being written."""

_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(rf"({_OWNER.pattern})\.({_SHA256.pattern})\.artifact")
_LEFTOVER = re.compile(r"\.tmp-[0-9a-f]{32}")

logger = logging.getLogger("ktrdr.spool")


class Spool:
    """A node's folder of artifacts, found by the operation and the SHA-256 alone. Several processes may use one.

    Parameters
    ----------
    folder
        Made with the first artifact; nothing else writes to it.
    files
        How files are changed.
    clock
        Seconds since 1970.
    kept_bytes
        How much of it stays.
    """

    def __init__(
        self,
        folder: Path,
        files: FileLayer | None = None,
        clock: Callable[[], float] = time.time,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._folder, self._files, self._clock, self._kept_bytes = folder, files or FileLayer(), clock, kept_bytes

    def keep(self, operation_id: str, sha256: str, blob: Blob) -> Path:
        """Write an operation's artifact and return its path; it is on disk then, and takes the place of earlier ones.

        Raises
        ------
        StorageError
            If it could not be written.
        """
        target = self._path(operation_id, sha256)
        with storage_errors("Could not keep the artifact on its node", self._folder, len(view_of(blob))):
            self._files.make_folder(self._folder)
            self._folder.chmod(0o700)
            with suppress(OSError):
                self._sweep(len(view_of(blob)))
            temporary = self._folder / f".tmp-{uuid.uuid4().hex}"
            try:
                self._files.write(temporary, view_of(blob))
                temporary.chmod(0o600)  # the folder lets nobody else in, also before this
                self._files.rename(temporary, target)
                self._files.sync_folder(self._folder)
            finally:
                with suppress(OSError):  # the sweep takes what cannot be removed now
                    self._files.remove(temporary)
        with suppress(OSError):
            for path in self._of(operation_id):
                if path != target:
                    self._files.remove(path)
        return target

    def read(self, operation_id: str, sha256: str) -> npt.NDArray[np.uint8]:
        """Return an artifact, its checksum verified, as its read-only bytes on the disk: no memory holds it whole.

        Raises
        ------
        UnknownArtifact
            If it is not here.
        StorageError
            If it cannot be read, or is not what was kept.
        """
        path = self._existing(operation_id, sha256)
        with storage_errors("Could not read the artifact", self._folder):
            got, blob = _mapped(path)
        if got != sha256:
            advice = "It cannot be used. Train again, or go on from the operation's checkpoint where there is one."
            raise StorageError(f"The artifact {path} is damaged: its SHA-256 is not the one it was kept with.", advice)
        return blob

    def part(self, operation_id: str, sha256: str, offset: int, n_bytes: int) -> bytes:
        """Return up to `n_bytes` of an artifact from `offset` on, not verified; empty behind its end.

        Raises
        ------
        UnknownArtifact
            If it is not here.
        StorageError
            If it cannot be read.
        """
        path = self._existing(operation_id, sha256)
        with storage_errors("Could not read the artifact", self._folder), path.open("rb") as file:
            file.seek(offset)
            return file.read(n_bytes)

    def forget(self, operation_id: str) -> None:
        """Remove what is kept of an operation; what cannot be removed now is swept later."""
        with suppress(OSError):
            for path in self._of(operation_id):
                self._files.remove(path)

    def _sweep(self, n_bytes: int) -> None:
        """Remove what is too old, the oldest of too many and of too much, and what unfinished writes left.

        `n_bytes` come now, in one more artifact.
        """
        now_s = self._clock()
        aged = sorted((_age_s(path, now_s), path) for path in self._folder.iterdir())
        artifacts = [(age_s, path) for age_s, path in aged if _NAME.fullmatch(path.name)]
        for number, (age_s, path) in enumerate(artifacts, start=1):
            n_bytes += _size(path)
            if age_s > KEPT_S or number >= N_KEPT or n_bytes > self._kept_bytes:
                logger.warning(
                    "The artifact %s, %.0f days old, is too old, or the oldest of too many or too much: it is removed",
                    path,
                    age_s / 86400,
                )
                self._files.remove(path)
        for age_s, path in aged:
            if age_s > LEFTOVER_S and _LEFTOVER.fullmatch(path.name):
                self._files.remove(path)

    def _of(self, operation_id: str) -> list[Path]:
        if not self._folder.is_dir():
            return []
        named = ((_NAME.fullmatch(path.name), path) for path in self._folder.iterdir())
        return [path for name, path in named if name and name[1] == operation_id]

    def _existing(self, operation_id: str, sha256: str) -> Path:
        path = self._path(operation_id, sha256)
        if not path.is_file():
            raise UnknownArtifact(operation_id)
        return path

    def _path(self, operation_id: str, sha256: str) -> Path:
        if not (_OWNER.fullmatch(operation_id) and _SHA256.fullmatch(sha256)):
            raise UnknownArtifact(operation_id)
        return self._folder / f"{operation_id}.{sha256}.artifact"


def _mapped(path: Path) -> tuple[str, npt.NDArray[np.uint8]]:
    """Return the SHA-256 of a file, read piece by piece, and its bytes, which stay there also if it is removed."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if file.tell() == 0:  # nothing cannot be mapped
            return sha256, np.frombuffer(b"", np.uint8)
        return sha256, np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


def _age_s(path: Path, now_s: float) -> float:
    try:
        return now_s - path.stat().st_mtime
    except FileNotFoundError:  # another process has just removed it
        return 0.0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # as above
        return 0
