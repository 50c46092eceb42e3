"""The table of the design, row by row, and no other way out than a placement or an error that says what to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import ENVIRONMENTS, ClusterView, Environment, Environments, ExecutionModeSelector, ModeRequest, NodeView
from ktrdr.errors import ExecutionModeError, RequestError


def node(environment: str | None, device: str = "cpu", slots: int = 1) -> NodeView:
    return NodeView("id", "127.0.0.1", environment, device, slots)


LOCAL, HOST, CLOUD = node("cpu-docker"), node("mps-mac", "mps"), node("cuda-cloud", "cuda")
LOCAL_GPU, BLIND_HOST, BLIND_CLOUD = node("cpu-docker", "cuda"), node("mps-mac"), node("cuda-cloud")

PLACED = [
    ("local", False, [LOCAL], "cpu-docker", False),
    ("local", True, [LOCAL, LOCAL_GPU], "cpu-docker", False),
    ("host", False, [LOCAL, HOST], "mps-mac", False),
    ("host", False, [LOCAL, BLIND_HOST], "mps-mac", False),
    ("host", True, [LOCAL, HOST], "mps-mac", False),
    ("host", True, [BLIND_HOST, HOST], "mps-mac", False),
    ("cloud", False, [CLOUD], "cuda-cloud", False),
    ("cloud", False, [LOCAL, BLIND_CLOUD], "cuda-cloud", False),
    ("cloud", True, [BLIND_CLOUD, CLOUD], "cuda-cloud", False),
    ("host", False, [LOCAL, CLOUD], "cpu-docker", True),
    ("cloud", False, [LOCAL, HOST], "cpu-docker", True),
    ("auto", False, [LOCAL, HOST, CLOUD], "cpu-docker", False),
    ("auto", True, [LOCAL_GPU, HOST, CLOUD], "mps-mac", False),
    ("auto", True, [LOCAL_GPU, BLIND_HOST, CLOUD], "cuda-cloud", False),
    ("auto", True, [LOCAL_GPU, BLIND_HOST, BLIND_CLOUD], "cpu-docker", False),
]


@pytest.mark.parametrize("n_of_each", [1, 3])
@pytest.mark.parametrize(("mode", "require_gpu", "nodes", "environment", "fallback"), PLACED)
def test_a_request_is_placed_by_the_table(
    mode: str, require_gpu: bool, nodes: list[NodeView], environment: str, fallback: bool, n_of_each: int
) -> None:
    view = ClusterView(tuple(nodes) * n_of_each)
    placement = ExecutionModeSelector().select(ModeRequest(mode, require_gpu), view)
    assert (placement.environment, placement.fallback) == (environment, fallback)
    assert placement.mode == ENVIRONMENTS.named(environment).mode
    assert placement.requested_mode == mode
    assert environment in placement.why


REFUSED = [
    ("local", False, [HOST]),
    ("local", True, [LOCAL]),
    ("host", True, [LOCAL, BLIND_HOST]),
    ("host", True, [LOCAL_GPU]),
    ("cloud", True, [LOCAL, HOST]),
    ("cloud", True, [LOCAL_GPU, BLIND_CLOUD]),
    ("host", False, [CLOUD]),
    ("cloud", False, [HOST]),
    ("auto", False, [HOST, CLOUD]),
    ("auto", True, [LOCAL, BLIND_HOST, BLIND_CLOUD]),
    ("auto", False, []),
    ("local", False, [node("cpu-docker", slots=0)]),
    ("local", False, [node(None)]),
]


@pytest.mark.parametrize("n_of_each", [1, 3])
@pytest.mark.parametrize(("mode", "require_gpu", "nodes"), REFUSED)
def test_where_there_is_no_place_the_error_names_the_nodes_and_what_to_do(
    mode: str, require_gpu: bool, nodes: list[NodeView], n_of_each: int
) -> None:
    view = ClusterView(tuple(nodes) * n_of_each)
    with pytest.raises(ExecutionModeError) as refused:
        ExecutionModeSelector().select(ModeRequest(mode, require_gpu), view)
    assert mode in str(refused.value)
    assert view.describe() in str(refused.value)
    assert "Start a node of " in str(refused.value.suggestion)


def environments(*pairs: tuple[str, str]) -> Environments:
    return Environments(tuple(Environment(name=name, mode=mode) for name, mode in pairs))


FARM = environments(
    ("rented", "edge"), ("mine", "local"), ("a100", "cloud"), ("h100", "cloud"), ("lab", "lab"), ("yours", "local")
)


@pytest.mark.parametrize(
    ("mode", "require_gpu", "nodes", "environment", "fallback"),
    [
        ("cloud", False, [node("a100", "cuda"), node("h100", "cuda")], "a100", False),
        ("cloud", False, [node("h100", "cuda")], "h100", False),
        ("cloud", True, [node("a100"), node("h100", "cuda")], "h100", False),
        ("local", False, [node("yours")], "yours", False),
        ("lab", False, [node("yours")], "yours", True),
        ("auto", False, [node("yours"), node("h100", "cuda")], "yours", False),
        ("auto", True, [node("rented", "cuda"), node("h100", "cuda")], "h100", False),
        ("auto", True, [node("lab", "cuda"), node("rented", "cuda"), node("mine", "cuda")], "rented", False),
        ("auto", True, [node("lab", "mps"), node("rented"), node("mine", "cuda")], "lab", False),
        ("auto", True, [node("lab"), node("yours", "cuda")], "yours", False),
    ],
)
def test_of_the_environments_of_a_mode_the_first_able_one_is_taken_and_local_is_the_last_to_give_a_gpu(
    mode: str, require_gpu: bool, nodes: list[NodeView], environment: str, fallback: bool
) -> None:
    placement = ExecutionModeSelector(FARM).select(ModeRequest(mode, require_gpu), ClusterView(tuple(nodes)))
    assert (placement.environment, placement.fallback) == (environment, fallback)
    assert placement.mode == FARM.named(environment).mode


def test_without_a_local_environment_auto_says_so_and_which_modes_there_are() -> None:
    selector = ExecutionModeSelector(environments(("a100", "cloud"), ("lab", "lab")))
    view = ClusterView((node("a100", "cuda"),))
    with pytest.raises(ExecutionModeError, match="there is no local environment") as refused:
        selector.select(ModeRequest(), view)
    assert refused.value.suggestion == "Ask for one of the modes there are: cloud, lab."
    with pytest.raises(ExecutionModeError, match="no local environment to fall back to"):
        selector.select(ModeRequest("lab"), view)
    assert selector.select(ModeRequest("auto", require_gpu=True), view).environment == "a100"


def test_the_request_wins_over_the_default_mode() -> None:
    view = ClusterView((LOCAL, HOST, CLOUD))
    select = ExecutionModeSelector().select
    assert select(ModeRequest(None, default_mode="cloud"), view).environment == "cuda-cloud"
    assert select(ModeRequest("local", default_mode="cloud"), view).environment == "cpu-docker"


def test_an_unknown_mode_is_refused_with_the_nearest() -> None:
    with pytest.raises(RequestError) as refused:
        ExecutionModeSelector().select(ModeRequest("clowd"), ClusterView((LOCAL,)))
    assert (refused.value.path, refused.value.suggestion) == ("execution_mode", "Did you mean 'cloud'?")
    with pytest.raises(RequestError) as refused:
        ExecutionModeSelector(FARM).select(ModeRequest("host"), ClusterView((LOCAL,)))
    assert refused.value.suggestion == "One of: auto, edge, local, cloud, lab."


names = ["e1", "e2", "e3", "e4"]
nodes = st.builds(node, st.sampled_from([None, *names]), st.sampled_from(["cpu", "mps", "cuda"]), st.integers(0, 2))
configured = st.lists(st.sampled_from(["local", "host", "cloud", "lab"]), min_size=1, max_size=4).map(
    lambda modes: environments(*zip(names, modes, strict=False))
)


@given(st.data(), configured, st.booleans(), st.lists(nodes, max_size=5).map(tuple))
def test_a_placement_always_has_a_node_that_can_take_it_and_falls_back_only_as_the_table_says(
    data: st.DataObject, there: Environments, require_gpu: bool, alive: tuple[NodeView, ...]
) -> None:
    view, mode = ClusterView(alive), data.draw(st.sampled_from(there.modes))
    asked_for = [environment.name for environment in there.of_mode(mode)]
    try:
        placement = ExecutionModeSelector(there).select(ModeRequest(mode, require_gpu), view)
    except ExecutionModeError as error:
        able = [name for name in asked_for if view.of(name, require_gpu=require_gpu)]
        assert not able
        assert error.suggestion
        return
    assert view.of(placement.environment, require_gpu=require_gpu)
    assert not require_gpu or any(
        found.device != "cpu" for found in alive if found.environment == placement.environment
    )
    assert placement.mode == there.named(placement.environment).mode
    if placement.fallback:
        assert not require_gpu
        assert mode not in ("auto", "local")
        assert placement.mode == "local"
        assert not any(view.of(name) for name in asked_for)
    elif mode != "auto":
        assert placement.environment in asked_for
