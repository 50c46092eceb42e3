from __future__ import annotations

from cluster.node_table import view_of

LABELS = {"ktrdr.io/environment": "mps-mac", "ktrdr.io/device": "mps"}


def row(node_id, **fields):
    """Return a row of Ray's node table."""
    resources = {"ktrdr_slot": 2.0, "GPU": 1.0}
    known = {"NodeID": node_id, "NodeManagerAddress": "10.0.0.2", "Alive": True, "Labels": LABELS}
    return {**known, "Resources": resources, **fields}


def test_live_nodes_are_read_with_labels_and_resources():
    [node] = view_of([row("a"), row("b", Alive=False)], {}).nodes
    assert (node.node_id, node.environment, node.device, node.slots, node.gpus) == ("a", "mps-mac", "mps", 2, 1.0)


def test_a_node_that_is_being_drained_takes_no_training():
    view = view_of([row("a"), row("b")], {"a": 0})
    assert [node.node_id for node in view.nodes] == ["b"]
    assert view.slots("mps-mac") == 1  # as many as it has cards
