"""The spool of a node in a folder of a test's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from actors.node_spool import NodeSpool
from cluster.node_table import OwnNode
from ktrdr.operations import KeptArtifact
from ktrdr.storage import Spool
from ktrdr.storage.writing import FileLayer
from tests.fakes.files import QuickFiles

NODE = OwnNode("node-1", "127.0.0.1")


def node_spool(
    folder: Path,
    operation_id: str = "train-1",
    tell: Callable[[KeptArtifact], object] = lambda _: None,
    files: FileLayer | None = None,
    node: OwnNode = NODE,
) -> NodeSpool:
    return NodeSpool(Spool(folder / "spool", files or QuickFiles()), operation_id, node, tell)


def spooled(folder: Path) -> list[Path]:
    """Return the artifacts there are."""
    return sorted((folder / "spool").glob("*.artifact"))
