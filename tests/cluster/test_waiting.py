from __future__ import annotations

from cluster import ClusterView, NodeView
from cluster.waiting import pending_reason

MAC = NodeView("id", "127.0.0.1", "mps-mac", "mps", slots=1)


def test_a_pending_operation_says_that_no_node_carries_its_environment() -> None:
    reason = pending_reason("cuda-cloud", require_gpu=False, ahead=0, view=ClusterView((MAC,)))
    assert reason == "Needs a node of cuda-cloud; 0 of 1 live nodes are one. It starts when one joins."


def test_a_pending_operation_says_how_many_are_ahead() -> None:
    reason = pending_reason("mps-mac", require_gpu=True, ahead=2, view=ClusterView((MAC,)))
    assert reason == "Waits for a free slot among the 1 of 1 mps-mac node with a GPU; 2 operations ahead."
