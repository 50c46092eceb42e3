"""What is alive, as a value: decisions are made on it and tests write it by hand."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True)
class NodeView:
    """One node. `slots` trainings can run on it at once; `gpus` as Ray counts them."""

    node_id: str
    address: str
    environment: str | None
    device: str
    slots: int
    gpus: float = 0.0
    alive: bool = True


@dataclass(frozen=True)
class ClusterView:
    """The live nodes at one moment."""

    nodes: tuple[NodeView, ...]

    def of(self, environment: str, *, require_gpu: bool = False) -> tuple[NodeView, ...]:
        """Return the nodes that can take a training in `environment`."""
        return tuple(
            node
            for node in self.nodes
            if node.environment == environment and node.slots > 0 and (not require_gpu or node.device != "cpu")
        )

    def again(self, node_id: str, address: str, environment: str) -> NodeView | None:
        """Return the node of that id, or what it is since it was started again: one of its address and environment."""
        of_id = next((node for node in self.nodes if node.node_id == node_id), None)
        there = (node for node in self.nodes if (node.address, node.environment) == (address, environment))
        return of_id or next(there, None)

    def without(self, node_ids: Container[str]) -> ClusterView:
        """Return the view without some nodes."""
        return ClusterView(tuple(node for node in self.nodes if node.node_id not in node_ids))

    def takes_gpu(self, environment: str, *, require_gpu: bool = False) -> bool:
        """Whether a training in `environment` is given a card: where every node that can take it has one to give."""
        nodes = self.of(environment, require_gpu=require_gpu)
        return bool(nodes) and all(node.device != "cpu" and node.gpus >= 1 for node in nodes)

    def slots(self, environment: str) -> int:
        """Return how many trainings `environment` runs at once: by its slots, and by its cards where each takes one."""
        limited = self.takes_gpu(environment)
        return sum(min(node.slots, int(node.gpus)) if limited else node.slots for node in self.of(environment))

    def describe(self) -> str:
        """Say in a sentence which nodes there are, with their labels."""
        training_nodes = [node for node in self.nodes if node.environment and node.slots > 0]
        if not training_nodes:
            return "There are no training nodes."
        counts: dict[tuple[str, str], int] = {}
        for node in training_nodes:
            key = (str(node.environment), node.device)
            counts[key] = counts.get(key, 0) + 1
        parts = [f"{n} {environment} ({device})" for (environment, device), n in sorted(counts.items())]
        return f"Nodes there are: {', '.join(parts)}."
