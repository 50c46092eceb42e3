"""Ray's node table as a `ClusterView`: the only file that asks what is alive."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray._private.state import state as ray_state
from ray._private.worker import global_worker
from ray._raylet import GcsClient  # type: ignore[attr-defined]  # compiled
from ray.core.generated.autoscaler_pb2 import DrainNodeReason

from cluster.environments import DEVICE_LABEL, ENVIRONMENT_LABEL, SLOT_RESOURCE
from cluster.view import ClusterView, NodeView

_ABOUT_TO_END = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
"""The other reason, idle termination, is refused while something runs there."""
_NO_DEADLINE = 0


@dataclass(frozen=True)
class OwnNode:
    """The node that this process is on, by the names that it has in the table."""

    node_id: str
    address: str


def own_node() -> OwnNode:
    """Return the node of this process, which Ray has started or connected."""
    return OwnNode(ray.get_runtime_context().get_node_id(), global_worker.node_ip_address)


def read_cluster_view() -> ClusterView:
    """Return the live nodes, by the table of the connected cluster; not those that are being drained."""
    return view_of(ray.nodes(), ray_state.get_draining_nodes())


def read_nodes() -> tuple[NodeView, ...]:
    """Return all nodes that the table of the connected cluster remembers, the dead ones, too."""
    return tuple(_node_view(row) for row in ray.nodes())


def view_of(rows: Iterable[Mapping[str, Any]], draining: Container[str]) -> ClusterView:
    """Return what of the table can take a training: a node that is about to stop takes none."""
    return ClusterView(tuple(_node_view(row) for row in rows if row["Alive"] and row["NodeID"] not in draining))


def drain(address: str, node_id: str, why: str) -> None:
    """Let the head at `address` give the node no more work; what runs there is left alone.

    Ray ends a drained node by itself as soon as nothing runs on it. One that is gone already is drained.
    """
    GcsClient(address=address).drain_node(node_id, _ABOUT_TO_END, why, _NO_DEADLINE)


def _node_view(row: Mapping[str, Any]) -> NodeView:
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
