"""Ray's node table as a `ClusterView`: the only file that asks what is alive."""

from __future__ import annotations

from typing import Any

import ray

from cluster.environments import DEVICE_LABEL, ENVIRONMENT_LABEL, SLOT_RESOURCE
from cluster.view import ClusterView, NodeView


def read_cluster_view() -> ClusterView:
    """Return the live nodes, by the table of the connected cluster."""
    return ClusterView(tuple(node for node in read_nodes() if node.alive))


def read_nodes() -> tuple[NodeView, ...]:
    """Return all nodes that the table of the connected cluster remembers, the dead ones, too."""
    return tuple(_node_view(row) for row in ray.nodes())


def _node_view(row: dict[str, Any]) -> NodeView:
    labels, resources = row.get("Labels") or {}, row.get("Resources") or {}
    return NodeView(
        node_id=row["NodeID"],
        address=row["NodeManagerAddress"],
        environment=labels.get(ENVIRONMENT_LABEL),
        device=labels.get(DEVICE_LABEL, "cpu"),
        slots=int(resources.get(SLOT_RESOURCE, 0)),
        gpus=float(resources.get("GPU", 0)),
        alive=bool(row["Alive"]),
    )
