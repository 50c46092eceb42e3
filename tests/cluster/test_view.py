from __future__ import annotations

from cluster import ClusterView, NodeView

HEAD = NodeView("a", "10.0.0.1", "cpu-docker", "cpu", slots=2)
MAC = NodeView("b", "10.0.0.1", "mps-mac", "mps", slots=1)


def test_a_node_is_found_by_its_id_or_where_it_was_started_again() -> None:
    view = ClusterView((HEAD, MAC))
    assert view.again("b", "elsewhere", "cpu-docker") is MAC
    assert view.again("gone", "10.0.0.1", "mps-mac") is MAC
    assert view.again("gone", "10.0.0.1", "cuda-cloud") is None
    assert view.again("gone", "10.0.0.2", "cpu-docker") is None
