"""The checkpoints of operations, kept on the head: a folder for each, fenced by the operation's present attempt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from ktrdr.errors import StorageError, UnknownOperation
from ktrdr.operations import is_operation_id
from ktrdr.storage import FileCheckpointStore


class CheckpointKeeper:
    """Keeps the newest states of every operation's training, for whichever attempt comes next.

    Its methods may be called from several threads.

    Parameters
    ----------
    folder
        Of all operations; each has one of its own in it, by its id.
    may_keep
        Says of (operation_id, attempt) whether it is the present attempt and has not ended.
    was_kept
        Told (operation_id, attempt) once a state of it is on disk: from then on the operation can be resumed.
    """

    def __init__(
        self, folder: Path, may_keep: Callable[[str, int], bool], was_kept: Callable[[str, int], object]
    ) -> None:
        self._folder, self._may_keep, self._was_kept = folder, may_keep, was_kept
        self._files = threading.Lock()

    def save(self, operation_id: str, attempt: int, content: bytes) -> None:
        """Keep `content` as the operation's newest state; it is on disk when this returns.

        Raises
        ------
        StorageError
            If another attempt has begun or this one has ended, or if it could not be written.
        """
        if not self._may_keep(operation_id, attempt):
            raise StorageError(f"Attempt {attempt} of {operation_id} has ended: its states are no longer kept.")
        with self._files:
            self._of(operation_id).save(content)
        self._was_kept(operation_id, attempt)

    def latest(self, operation_id: str) -> bytes | None:
        """Return the operation's newest whole state; None where there is none."""
        with self._files:
            return self._of(operation_id).latest()

    def clear(self, operation_id: str) -> None:
        """Forget the operation's states; fine where there are none."""
        with self._files:
            self._of(operation_id).clear()

    def _of(self, operation_id: str) -> FileCheckpointStore:
        if not is_operation_id(operation_id):  # it becomes a folder's name
            raise UnknownOperation(operation_id)
        return FileCheckpointStore(self._folder / operation_id)
