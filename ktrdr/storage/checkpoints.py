"""The newest states of a training, as files: a crash at any instant leaves the state before or the one after.

```
{folder}/00000012.{sha256}.pt    a state; the latest two are kept, and a newer one has a higher number
{folder}/.tmp-{hex}              what is being written
```
"""

from __future__ import annotations

import errno
import hashlib
import logging
import re
import uuid
from contextlib import suppress
from pathlib import Path

from ktrdr.storage.writing import FileLayer, storage_errors

N_KEPT = 2

_NAME = re.compile(r"(\d{8,})\.([0-9a-f]{64})\.pt")
_LEFTOVER = re.compile(r"\.tmp-[0-9a-f]{32}")

logger = logging.getLogger(__name__)


class FileCheckpointStore:
    """Keeps the states of one training in a folder that nothing else writes to.

    Parameters
    ----------
    folder
        Made with the first state, removed with the last.
    files
        How files are changed.
    """

    def __init__(self, folder: Path, files: FileLayer | None = None) -> None:
        self._folder = folder
        self._files = files or FileLayer()
        self._damaged: set[Path] = set()

    def save(self, content: bytes) -> None:
        """Keep a state as the newest; it is on disk when this returns. The one before is kept as well.

        Raises
        ------
        StorageError
            If it could not be written; what was kept before still is.
        """
        with storage_errors("Could not save a checkpoint", self._folder, len(content)):
            self._files.make_folder(self._folder)
            number = max((int(path.name.partition(".")[0]) for path in self._states()), default=0) + 1
            temporary = self._folder / f".tmp-{uuid.uuid4().hex}"
            try:
                self._files.write(temporary, content)
                self._files.rename(temporary, self._folder / f"{number:08d}.{hashlib.sha256(content).hexdigest()}.pt")
                self._files.sync_folder(self._folder)
            finally:
                self._tidy()

    def latest(self) -> bytes | None:
        """Return the newest state whose SHA-256 is right; None where there is none. A damaged one is logged.

        Raises
        ------
        StorageError
            If the folder cannot be read.
        """
        with storage_errors("Could not read a checkpoint", self._folder):
            for path in self._states():
                if (content := self._whole(path)) is not None:
                    return content
                self._damaged.add(path)
                logger.warning("The checkpoint %s is damaged: the one before it is used, if there is one", path)
            return None

    def clear(self) -> None:
        """Remove all states, and the folder unless there is something else in it.

        Raises
        ------
        StorageError
            If one is left.
        """
        if not self._folder.is_dir():
            return
        with storage_errors("Could not remove the checkpoints", self._folder):
            for path in (*self._leftovers(), *reversed(self._states())):
                self._files.remove(path)
            if not any(self._folder.iterdir()):
                self._files.remove(self._folder)

    def _states(self) -> list[Path]:
        """Return the files of states, newest first."""
        if not self._folder.is_dir():
            return []
        found = [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: int(path.name.partition(".")[0]), reverse=True)

    def _leftovers(self) -> list[Path]:
        return [path for path in self._folder.iterdir() if _LEFTOVER.fullmatch(path.name)]

    def _whole(self, path: Path) -> bytes | None:
        try:
            content = path.read_bytes()
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return None
        return content if hashlib.sha256(content).hexdigest() == path.name.split(".")[1] else None

    def _tidy(self) -> None:
        """Leave the newest two that are not known to be damaged."""
        with suppress(OSError):  # the next save takes what cannot be removed now
            sound = [path for path in self._states() if path not in self._damaged]
            for path in (*self._leftovers(), *(path for path in self._states() if path not in sound[:N_KEPT])):
                self._files.remove(path)
