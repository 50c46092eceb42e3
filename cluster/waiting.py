"""Why a pending operation is pending, in a sentence."""

from __future__ import annotations

from cluster.view import ClusterView


def pending_reason(environment: str, require_gpu: bool, ahead: int, view: ClusterView) -> str:
    """Return the reason; `ahead`: operations of the same environment before this one."""
    nodes = view.of(environment, require_gpu=require_gpu)
    gpu = " with a GPU" if require_gpu else ""
    if not nodes:
        n_alive = len(view.nodes)
        return f"Needs a node of {environment}{gpu}; 0 of {n_alive} live nodes are one. It starts when one joins."
    queue = f"{ahead} operation{'' if ahead == 1 else 's'} ahead"
    slots = sum(node.slots for node in nodes)
    n_nodes = f"{len(nodes)} {environment} node{'' if len(nodes) == 1 else 's'}{gpu}"
    return f"Waits for a free slot among the {slots} of {n_nodes}; {queue}."
