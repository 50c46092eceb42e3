"""The store's: what could not be written, read or believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ktrdr.errors.root import ErrorKind, Stated


class StorageError(Stated):
    """The store's: what could not be written, read or believed."""

    kind: ClassVar[ErrorKind] = "result_transfer"


class DamagedModel(StorageError):
    """A stored model whose files do not match its manifest."""

    def __init__(self, model_id: str, file: str, reason: str) -> None:
        advice = "Restore the file from a backup or train again."
        super().__init__(f"Model {model_id} is damaged: {file} {reason}.", advice)
        self.args = (model_id, file, reason)
        self.model_id, self.file = model_id, file


class DamagedArtifact(StorageError):
    """What a node handed over is not what it packed, or nothing that can be unpacked."""


class DamagedAliases(StorageError):
    """The record of a model's aliases that is not what was written; the model's versions are whole."""

    def __init__(self, model: str, file: str, reason: str) -> None:
        advice = f"Restore {file} from a backup, or move it away and set the aliases again."
        super().__init__(f"What the aliases of {model} name is not known: {file} {reason}.", advice)
        self.args = (model, file, reason)
        self.model, self.file = model, file


class BadBundle(StorageError):
    """A file that is not a bundle as it was exported, or in which a file is not what was saved."""

    def __init__(self, file: str, reason: str) -> None:
        advice = "Copy the bundle again, or export the model again. Nothing was taken from it."
        super().__init__(f"The bundle cannot be used: {file} {reason}.", advice)
        self.args = (file, reason)
        self.file = file


class BadCheckpoint(StorageError):
    """A checkpoint that came whole out of its store and is no state of a training."""

    kind = "training"

    def __init__(self, reason: str) -> None:
        advice = "Go on with the version of ktrdr that wrote it, or start a new training. It was left as it is."
        super().__init__(f"The checkpoint kept here cannot be used: {reason}.", advice)
        self.args = (reason,)
        self.reason = reason


class ResultTransferError(StorageError):
    """A trained model that could not be handed to the store, and where it lies.

    `artifact`: what of it is kept on its node, as an operation records it; None where that could not be written.
    """

    def __init__(self, message: str, advice: str | None = None, artifact: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, advice)
        self.args = (message, advice, artifact)
        self.artifact = artifact


class ArtifactAway(StorageError):
    """What a failed hand-over left lies on a node that is not there now."""

    def __init__(self, operation_id: str, node: str, address: str, path: str) -> None:
        advice = f"Start that node again and ask again, or train again: see `ktrdr operations show {operation_id}`."
        where = f"node {node[:8]} at {address}"
        super().__init__(f"The artifact of {operation_id} lies on {where} ({path}), which is not there now.", advice)
        self.args = (operation_id, node, address, path)


class UnusableStore(StorageError):
    """A database that holds no operations store, or one that this version cannot read."""

    kind = "infrastructure"
