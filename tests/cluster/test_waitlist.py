"""What becomes of a training that waits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import ClusterView, ExecutionModeSelector, ModeRequest, NodeView, Placement
from cluster.environments import ENVIRONMENTS, Environments
from cluster.waitlist import Expired, Waiting, reconsider


def node(environment: str, device: str = "cpu") -> NodeView:
    return NodeView(f"node-{environment}-{device}", "127.0.0.1", environment, device, slots=1)


CPU, MAC, CARD = node("cpu-docker"), node("mps-mac", "mps"), node("cuda-cloud", "cuda")


def waiting(
    mode: str = "auto",
    environment: str = "mps-mac",
    waited_s: float = 5.0,
    wait_for_node_s: float | None = 60.0,
    require_gpu: bool = True,
) -> Waiting:
    return Waiting(ModeRequest(mode, require_gpu), environment, waited_s, wait_for_node_s)


def decided(one: Waiting, *nodes: NodeView, environments: Environments = ENVIRONMENTS) -> Placement | Expired | None:
    return reconsider(one, ExecutionModeSelector(environments), ClusterView(nodes))


def test_it_goes_on_waiting_while_no_node_is_there_and_time_is_left() -> None:
    assert decided(waiting(), CPU) is None


def test_it_stays_where_it_is_once_a_node_of_its_environment_is_there() -> None:
    assert decided(waiting(waited_s=1000.0), MAC) is None  # busy is not absent, however long it takes


def test_it_goes_elsewhere_when_the_table_has_a_place_for_it() -> None:
    placed = decided(waiting(), CPU, CARD)
    assert isinstance(placed, Placement)
    assert placed.environment == "cuda-cloud"


def test_its_time_over_it_expires_and_says_what_nodes_there_are() -> None:
    expired = decided(waiting(waited_s=60.0), CPU)
    assert isinstance(expired, Expired)
    assert "1 cpu-docker (cpu)" in expired.message and "60 s" in expired.message


def test_it_falls_back_to_what_was_not_asked_for_only_at_the_end_of_its_time() -> None:
    host = {"mode": "host", "require_gpu": False}
    assert decided(waiting(**host, waited_s=59.0), CPU) is None
    placed = decided(waiting(**host, waited_s=60.0), CPU)
    assert isinstance(placed, Placement)
    assert placed.fallback and placed.environment == "cpu-docker"


def test_one_that_was_not_to_wait_for_a_node_is_left_in_its_queue() -> None:
    assert decided(waiting(wait_for_node_s=None, waited_s=10_000.0), CPU) is None


def test_a_queue_may_have_a_longest_wait_even_if_its_nodes_are_there() -> None:
    local, host, cloud = ENVIRONMENTS
    short = Environments((local, host.model_copy(update={"max_queue_s": 30.0}), cloud))
    assert decided(waiting(waited_s=29.0), MAC, environments=short) is None
    expired = decided(waiting(waited_s=30.0), MAC, environments=short)
    assert isinstance(expired, Expired)
    assert "max_queue_s" in expired.message


def test_an_environment_that_is_configured_no_more_is_left_where_it_has_no_node() -> None:
    other = waiting(environment="retired", wait_for_node_s=None, require_gpu=False)
    assert decided(other, CPU, node("retired")) is None
    placed = decided(other, CPU)
    assert isinstance(placed, Placement)
    assert placed.environment == "cpu-docker"


def test_a_mode_that_is_configured_no_more_holds_up_nothing() -> None:
    local, *_ = ENVIRONMENTS
    alone = Environments((local,))
    retired = waiting(mode="cloud", environment="cuda-cloud", wait_for_node_s=None)
    assert decided(retired, CPU, environments=alone) is None
    in_time = waiting(mode="cloud", environment="cuda-cloud", waited_s=60.0)
    assert isinstance(decided(in_time, CPU, environments=alone), Expired)


@given(
    mode=st.sampled_from(["auto", "local", "host", "cloud"]),
    environment=st.sampled_from(["cpu-docker", "mps-mac", "cuda-cloud"]),
    waited_s=st.floats(0, 200),
    wait_for_node_s=st.none() | st.floats(1, 100),
    require_gpu=st.booleans(),
    nodes=st.lists(st.sampled_from([CPU, MAC, CARD, node("cpu-docker", "cuda"), node("mps-mac")]), unique=True),
)
def test_wherever_it_is_sent_a_node_that_can_take_it_is_there(
    mode: str,
    environment: str,
    waited_s: float,
    wait_for_node_s: float | None,
    require_gpu: bool,
    nodes: list[NodeView],
) -> None:
    one = waiting(mode, environment, waited_s, wait_for_node_s, require_gpu)
    view = ClusterView(tuple(nodes))
    became = decided(one, *nodes)
    if isinstance(became, Placement):
        assert view.of(became.environment, require_gpu=require_gpu)
        assert became.environment != environment
    elif isinstance(became, Expired):
        assert wait_for_node_s is not None and waited_s >= wait_for_node_s
        assert not view.of(environment, require_gpu=require_gpu)


@pytest.mark.parametrize(
    ("mode", "gpu", "first"), [("auto", True, "mps-mac"), ("cloud", True, "cuda-cloud"), ("local", False, "cpu-docker")]
)
def test_what_has_no_place_waits_in_the_environment_that_was_asked_for(mode: str, gpu: bool, first: str) -> None:
    selector, request = ExecutionModeSelector(), ModeRequest(mode, gpu)
    with pytest.raises(Exception, match="No node can run this training") as raised:
        selector.select(request, ClusterView(()))
    placement = selector.waiting_place(request, raised.value)
    assert placement.environment == first and not placement.fallback
    assert "It waits for one." in placement.why
