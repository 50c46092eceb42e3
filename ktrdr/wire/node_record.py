"""The files under `KTRDR_HOME` by which the nodes that were started there are found: `nodes/{name}.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ktrdr.wire.record_file import RecordFile

FOLDER = "nodes"

NodeState = Literal["starting", "running", "waiting", "restarting", "stopping"]
"""`waiting`: the service of the home is down. `restarting`: the node was lost and is being started again."""


class NodeRecord(RecordFile):
    """A node of a cluster on this machine, and the process that keeps it there."""

    name: str
    pid: int
    """Of the supervisor."""
    environment: str
    slots: int
    address: str | None = None
    """The head it was given; None: that of the home's service, wherever it is."""
    token_path: str | None = None
    state: NodeState = "starting"
    reason: str = ""
    """Why it is in that state, in a sentence."""
    ray_address: str | None = None
    """The head it is joined to."""
    node_id: str | None = None
    device: str | None = None
    session: int | None = None
    """The process that holds Ray's processes here, and the session of them all."""
    n_starts: int = 0
    started_at: str

    def write(self, home: Path) -> None:
        """Put the record into `home`, whole or not at all."""
        self.write_to(path_of(home, self.name))

    @classmethod
    def read(cls, home: Path, name: str) -> NodeRecord | None:
        """Return the record of the node `name`, or None where there is none that can be read."""
        return cls.read_from(path_of(home, name))

    @classmethod
    def read_all(cls, home: Path) -> list[NodeRecord]:
        """Return the records of all nodes that were started under `home`, by name."""
        found = [cls.read_from(path) for path in sorted((home / FOLDER).glob("*.json"))]
        return [record for record in found if record is not None]

    @staticmethod
    def remove(home: Path, name: str) -> None:
        """Forget the node `name`."""
        path_of(home, name).unlink(missing_ok=True)


def path_of(home: Path, name: str) -> Path:
    """Return the record's file."""
    return home / FOLDER / f"{name}.json"
