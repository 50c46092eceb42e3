"""A store of checkpoints in memory, one that fails, and tokens that cut a training at a chosen look."""

from __future__ import annotations

from ktrdr.async_infrastructure import ThreadCancellationToken
from ktrdr.errors import StorageError


class MemoryCheckpoints:
    """Keeps every state that it was ever given, oldest first."""

    def __init__(self, states=()):
        self.states = list(states)

    def save(self, content):
        self.states.append(content)

    def latest(self):
        return self.states[-1] if self.states else None

    def clear(self):
        self.states.clear()


class FullDisk(MemoryCheckpoints):
    """Keeps nothing, and says so."""

    def save(self, content):
        raise StorageError("The disk is full.")

    def clear(self):
        raise StorageError("The disk is full.")


class PowerCut(Exception):
    """A process that ends without a word: no error of ours."""


class CutAt(ThreadCancellationToken):
    """Stops a training when it looks for the nth time: by a cancel, or by an error out of nowhere."""

    def __init__(self, look, *, cancels=True):
        super().__init__()
        self._left, self._cancels = look, cancels

    def is_cancelled(self):
        self._left -= 1
        if self._left == 0 and not self._cancels:
            raise PowerCut
        if self._left == 0:
            self.cancel("Cut")
        return super().is_cancelled()
