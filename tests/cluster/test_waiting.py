from __future__ import annotations

import pytest

from cluster import ClusterView, NodeView
from cluster.waiting import pending_reason

MAC = NodeView("id", "127.0.0.1", "mps-mac", "mps", slots=2)
BLIND_MAC = NodeView("id", "127.0.0.2", "mps-mac", "cpu", slots=1)


@pytest.mark.parametrize(
    ("environment", "require_gpu", "nodes", "reason"),
    [
        (
            "cuda-cloud",
            False,
            (MAC, BLIND_MAC),
            "Needs environment cuda-cloud; 0 of 2 nodes carry it: it starts when such a node joins.",
        ),
        (
            "cuda-cloud",
            True,
            (),
            "Needs environment cuda-cloud with a GPU; 0 of 0 nodes carry it: it starts when such a node joins.",
        ),
        (
            "mps-mac",
            True,
            (BLIND_MAC,),
            "Needs environment mps-mac with a GPU; 1 of 1 nodes carries it, none with a GPU: "
            "it starts when such a node joins.",
        ),
    ],
)
def test_a_pending_operation_says_how_many_nodes_carry_its_environment(
    environment: str, require_gpu: bool, nodes: tuple[NodeView, ...], reason: str
) -> None:
    assert pending_reason(environment, require_gpu, ahead=0, view=ClusterView(nodes), n_busy=0) == reason


def test_a_pending_operation_says_that_the_nodes_are_busy_and_how_many_are_ahead() -> None:
    reason = pending_reason("mps-mac", require_gpu=True, ahead=2, view=ClusterView((MAC,)), n_busy=2)
    assert reason == "1 of 1 mps-mac nodes busy; 2 operations ahead: it starts when a slot is free."


def test_where_a_slot_is_free_its_dispatcher_is_about_to_find_it() -> None:
    reason = pending_reason("mps-mac", require_gpu=False, ahead=1, view=ClusterView((MAC,)), n_busy=1)
    assert reason == "1 of 2 slots of mps-mac taken; 1 operation ahead: it starts once its dispatcher finds one free."


def test_where_its_environment_is_configured_no_more_it_says_what_to_do() -> None:
    reason = pending_reason("gone", require_gpu=False, ahead=0, view=ClusterView((MAC,)), n_busy=0, is_configured=False)
    assert "not configured any more" in reason
    assert "cancel" in reason
