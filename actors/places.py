"""What the service says of its environments and nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from cluster.environments import Environment, Environments
from cluster.view import ClusterView, NodeView
from ktrdr.operations import OperationStatus
from ktrdr.wire import EnvironmentEntry, EnvironmentList, NodeEntry, Page

Counts = Mapping[str, Counter[OperationStatus]]
"""How many operations that have not ended each environment has, by their status."""


def environment_list(
    environments: Environments, view: ClusterView, counts: Counts, busy: Counter[str]
) -> EnvironmentList:
    """Return the configured environments with the nodes, slots and operations that each has; `busy`: slots taken."""
    items = [_entry(one, view, counts.get(one.name, Counter()), busy[one.name]) for one in environments]
    return EnvironmentList(items=items, total_count=len(items), modes=list(environments.modes))


def node_page(nodes: Iterable[NodeView]) -> Page[NodeEntry]:
    """Return every node, the live ones first."""
    ordered = sorted(nodes, key=lambda node: (not node.alive, node.environment or "", node.address, node.node_id))
    items = [
        NodeEntry(
            node_id=node.node_id,
            address=node.address,
            environment=node.environment,
            device=node.device,
            slots=node.slots,
            gpus=node.gpus,
            alive=node.alive,
        )
        for node in ordered
    ]
    return Page(items=items, total_count=len(items))


def _entry(
    environment: Environment, view: ClusterView, counts: Counter[OperationStatus], n_busy: int
) -> EnvironmentEntry:
    n_slots = view.slots(environment.name)
    return EnvironmentEntry(
        **environment.model_dump(),
        n_nodes=len(view.of(environment.name)),
        slots=n_slots,
        busy=n_busy,
        free=max(0, n_slots - n_busy),
        pending=counts[OperationStatus.PENDING],
    )
