"""The table of the design, row by row, and no other way out than a placement or an error that says what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import ClusterView, ExecutionModeSelector, ModeRequest, NodeView
from ktrdr.errors import ExecutionModeError, RequestError


def node(environment: str | None, device: str = "cpu", slots: int = 1) -> NodeView:
    return NodeView("id", "127.0.0.1", environment, device, slots)


LOCAL, HOST, CLOUD = node("cpu-docker"), node("mps-mac", "mps"), node("cuda-cloud", "cuda")
LOCAL_GPU, BLIND_HOST = node("cpu-docker", "cuda"), node("mps-mac", "cpu")

PLACED = [
    ("local", False, [LOCAL], "cpu-docker", False),
    ("local", True, [LOCAL, LOCAL_GPU], "cpu-docker", False),
    ("host", False, [LOCAL, HOST], "mps-mac", False),
    ("host", False, [LOCAL, BLIND_HOST], "mps-mac", False),
    ("host", True, [LOCAL, HOST], "mps-mac", False),
    ("cloud", False, [CLOUD], "cuda-cloud", False),
    ("host", False, [LOCAL, CLOUD], "cpu-docker", True),
    ("cloud", False, [LOCAL, HOST], "cpu-docker", True),
    ("auto", False, [LOCAL, HOST, CLOUD], "cpu-docker", False),
    ("auto", True, [LOCAL_GPU, HOST, CLOUD], "mps-mac", False),
    ("auto", True, [LOCAL_GPU, BLIND_HOST, CLOUD], "cuda-cloud", False),
    ("auto", True, [LOCAL_GPU, BLIND_HOST], "cpu-docker", False),
]


@pytest.mark.parametrize(("mode", "require_gpu", "nodes", "environment", "fallback"), PLACED)
def test_a_request_is_placed_by_the_table(
    mode: str, require_gpu: bool, nodes: list[NodeView], environment: str, fallback: bool
) -> None:
    placement = ExecutionModeSelector().select(ModeRequest(mode, require_gpu), ClusterView(tuple(nodes)))
    assert (placement.environment, placement.fallback) == (environment, fallback)
    assert placement.requested_mode == mode
    assert placement.why


REFUSED = [
    ("local", False, [HOST]),
    ("local", True, [LOCAL]),
    ("host", True, [LOCAL, BLIND_HOST]),
    ("host", True, [LOCAL_GPU]),
    ("cloud", True, [LOCAL, HOST]),
    ("cloud", False, [HOST]),
    ("auto", False, [HOST, CLOUD]),
    ("auto", True, [LOCAL, BLIND_HOST]),
    ("auto", False, []),
    ("local", False, [node("cpu-docker", slots=0)]),
    ("local", False, [node(None)]),
]


@pytest.mark.parametrize(("mode", "require_gpu", "nodes"), REFUSED)
def test_where_there_is_no_place_the_error_names_the_nodes_and_what_to_do(
    mode: str, require_gpu: bool, nodes: list[NodeView]
) -> None:
    view = ClusterView(tuple(nodes))
    with pytest.raises(ExecutionModeError) as refused:
        ExecutionModeSelector().select(ModeRequest(mode, require_gpu), view)
    assert mode in str(refused.value)
    assert view.describe() in str(refused.value)
    assert refused.value.suggestion


def test_the_request_wins_over_the_default_mode() -> None:
    view = ClusterView((LOCAL, HOST, CLOUD))
    select = ExecutionModeSelector().select
    assert select(ModeRequest(None, default_mode="cloud"), view).environment == "cuda-cloud"
    assert select(ModeRequest("local", default_mode="cloud"), view).environment == "cpu-docker"


def test_an_unknown_mode_is_refused_with_the_nearest() -> None:
    with pytest.raises(RequestError) as refused:
        ExecutionModeSelector().select(ModeRequest("clowd"), ClusterView((LOCAL,)))
    assert refused.value.suggestion == "Did you mean 'cloud'?"


nodes = st.builds(
    node,
    st.sampled_from([None, "cpu-docker", "mps-mac", "cuda-cloud"]),
    st.sampled_from(["cpu", "mps", "cuda"]),
    st.integers(0, 2),
)


@given(st.sampled_from(["auto", "local", "host", "cloud"]), st.booleans(), st.lists(nodes, max_size=5).map(tuple))
def test_a_placement_always_has_a_node_that_can_take_it(
    mode: str, require_gpu: bool, there: tuple[NodeView, ...]
) -> None:
    view = ClusterView(there)
    try:
        placement = ExecutionModeSelector().select(ModeRequest(mode, require_gpu), view)
    except ExecutionModeError:
        return
    assert view.of(placement.environment, require_gpu=require_gpu)
    assert not (placement.fallback and require_gpu)
