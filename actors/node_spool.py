"""What an attempt has trained, kept on the node it runs on until the model store has it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import ray.exceptions as ray_errors

from actors.outcome import first_line
from cluster.node_table import OwnNode
from ktrdr.errors import KtrdrError, StorageError
from ktrdr.operations import KeptArtifact
from ktrdr.settings import Settings
from ktrdr.storage import Blob, Spool, view_of

log = logging.getLogger("ktrdr.transfer")


class NodeSpool:
    """One operation's artifact in the spool of this node.

    Parameters
    ----------
    spool
        The node's.
    operation_id
        Whose artifact it is.
    node
        This node.
    tell
        Tells the OperationsActor where the artifact lies; what it raises while that is away costs nothing here.
    """

    def __init__(self, spool: Spool, operation_id: str, node: OwnNode, tell: Callable[[KeptArtifact], object]) -> None:
        self._spool, self._operation_id, self._node, self._tell = spool, operation_id, node, tell
        self.kept: KeptArtifact | None = None
        """What is kept; None where nothing is."""
        self.trouble: StorageError | None = None
        """Why it is not kept."""

    def keep(self, blob: Blob, sha256: str) -> None:
        """Write the artifact, and tell where it lies. A disk without room costs a warning, not the hand-over."""
        try:
            path = self._spool.keep(self._operation_id, sha256, blob)
        except StorageError as error:
            self.trouble = error
            log.warning("%s", error)
            return
        self.trouble = None
        self._note(KeptArtifact(**self._here(), path=str(path), sha256=sha256, size=len(view_of(blob))))

    def take(self, artifact: KeptArtifact) -> Blob:
        """Return what an earlier process of this node has kept, verified; it stays on the disk.

        Raises
        ------
        UnknownArtifact, StorageError
            As `Spool.read`.
        """
        blob = self._spool.read(self._operation_id, artifact.sha256)
        here = artifact.model_copy(update=self._here())
        if here != artifact:  # the node was started again
            self._note(here)
        self.kept = here
        return blob

    def forget(self) -> None:
        """Let go of it: the store has the model."""
        self._spool.forget(self._operation_id)
        self.kept = None

    def _here(self) -> dict[str, str]:
        return {"node": self._node.node_id, "address": self._node.address}

    def _note(self, artifact: KeptArtifact) -> None:
        self.kept = artifact
        try:
            self._tell(artifact)
        except (ray_errors.RayError, KtrdrError) as error:  # a hand-over that fails says it as well
            log.warning("Where the artifact lies could not be told: %s", first_line(error))


def spool_of_node() -> Spool:
    """Return the spool of this process's node: under the home that its environment names, or that of its folder."""
    return Spool(Settings.read().home / "spool")
