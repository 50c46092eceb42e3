"""The cable between the head and a node pulled under a training, and put back: two hosts, a namespace each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ktrdr
from tests.end_to_end.conftest import all_of, wait_until
from tests.end_to_end.namespaces import Host, SeparateHosts, separate_hosts, why_not

N_EPOCHS = 600


pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeparateHosts]:
    if (reason := why_not()) is not None:
        pytest.skip(f"no hosts of their own: {reason}")
    with separate_hosts(tmp_path_factory.mktemp("h")) as running:
        yield running


@pytest.fixture
def node(hosts: SeparateHosts) -> Iterator[Host]:
    yield hosts.join("mps-mac")
    hosts.leave("mps-mac")


@pytest.fixture
def client(hosts: SeparateHosts) -> Iterator[ktrdr.Client]:
    with hosts.client() as one:
        yield one


def start_on_node(client: ktrdr.Client) -> str:
    """Return the id of a training that has kept a state on the head."""
    started = client.train("sp500_daily", overrides=all_of(N_EPOCHS), execution_mode="host", checkpoint_every_epochs=5)
    wait_until(lambda: len(client.metrics(started["operation_id"])["epochs"]) > 6, 150)
    return str(started["operation_id"])


def check_is_whole(client: ktrdr.Client, ended: dict[str, Any]) -> None:
    """Check that every epoch came, once, and one model of it all."""
    assert [epoch["epoch"] for epoch in ended["metrics"]["epochs"]] == list(range(1, N_EPOCHS + 1))
    models = [model["operation_id"] for model in client.models()["items"]]
    assert models.count(ended["operation_id"]) == 1


def test_a_cut_of_a_second_and_one_of_ten_cost_nothing(
    client: ktrdr.Client, node: Host, record_property: Callable[[str, float], None]
) -> None:
    operation_id = start_on_node(client)
    for cut_s in (1.0, 10.0):
        node.cut()
        time.sleep(cut_s)
        n_epochs = len(client.metrics(operation_id)["epochs"])
        node.mend()
        again_s = wait_until(lambda seen=n_epochs: len(client.metrics(operation_id)["epochs"]) > seen)  # type: ignore[misc]
        record_property(f"news_after_a_cut_of_{cut_s:.0f}_s", again_s)
        wait_until(lambda: client.operation(operation_id)["status_reason"].startswith(("Running", "Training", "Compl")))
    ended = client.wait(operation_id)
    assert (ended["status"], ended["attempt"]) == ("completed", 1)
    check_is_whole(client, ended)


@pytest.mark.slow
@pytest.mark.parametrize("has_another", [False, True], ids=["and_no_other_node_until_then", "and_another_node"])
def test_a_cut_of_a_minute_ends_the_attempt_and_the_next_goes_on_from_its_checkpoint(
    hosts: SeparateHosts, client: ktrdr.Client, node: Host, has_another: bool, record_property: Callable[..., None]
) -> None:
    operation_id = start_on_node(client)
    first = client.operation(operation_id)["execution"]["node"]
    other = hosts.join("mps-mac") if has_another else None
    node.cut()
    cut_at = time.monotonic()
    try:
        silent_s = wait_until(lambda: client.operation(operation_id)["status_reason"].startswith("Unreachable"))
        assert state_of(client, operation_id) == ("running", 1)
        wait_until(lambda: state_of(client, operation_id) in (("pending", 1), ("running", 2)))
        given_up_s = time.monotonic() - cut_at
        record_property("unreachable_after_s", silent_s)
        record_property("given_up_after_s", given_up_s)
        assert 8 < silent_s < given_up_s
        if other is not None:
            wait_until(lambda: client.operation(operation_id)["execution"]["node"] not in (None, first))
        time.sleep(max(0.0, cut_at + 60 - time.monotonic()))
    finally:
        node.mend()
    if other is None:  # a raylet that was given up for dead ends itself once it hears of it: there may be no node left
        other = hosts.join("mps-mac")
    ended = client.wait(operation_id)
    assert ended["status"] == "completed"
    # a node that is back may take the second attempt, and end itself when it hears that it was given up for dead
    assert ended["attempt"] in ((2,) if has_another else (2, 3))
    lines = [line["event"] for line in client.logs(operation_id)]
    assert sum(line.startswith("Resumed after epoch") for line in lines) == ended["attempt"] - 1
    check_is_whole(client, ended)


def state_of(client: ktrdr.Client, operation_id: str) -> tuple[str, int]:
    operation = client.operation(operation_id)
    return operation["status"], operation["attempt"]
