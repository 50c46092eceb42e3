from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from cluster import ClusterView, Environment, Environments, NodeView
from ktrdr.wire import EnvironmentEntry
from tests.fakes.house import House
from tests.serve.conftest import API, client_of

LAB = Environments(
    (
        Environment(name="bench", mode="lab", slots_per_node=2, cost_per_hour=1.5),
        Environment(name="desk", mode="local"),
        Environment(name="attic", mode="lab"),
    )
)
NODES = ClusterView(
    (
        NodeView("n3", "10.0.0.3", "attic", "cpu", slots=0, alive=False),
        NodeView("n2", "10.0.0.2", "desk", "cpu", slots=3),
        NodeView("n1", "10.0.0.1", "bench", "cuda", slots=2, gpus=1.0),
        NodeView("n0", "10.0.0.1", None, "cpu", slots=0),
    )
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path, environments=LAB)
    house.view = NODES
    return house


def test_every_field_of_an_environment_is_in_the_answer() -> None:
    assert list(EnvironmentEntry.model_fields)[: len(Environment.model_fields)] == list(Environment.model_fields)


def test_environments_are_listed_with_their_nodes_slots_and_operations(client: TestClient, house: House) -> None:
    for mode in ("lab", "lab", "local"):
        started = client.post(f"{API}/trainings/start", json={"strategy_name": "minimal", "execution_mode": mode})
        assert started.status_code == 202, started.text
    assert house.book.claim("bench", "me") is not None
    listed = client.get(f"{API}/system/environments").json()
    assert (listed["total_count"], listed["next_cursor"]) == (3, None)
    assert listed["modes"] == ["auto", "lab", "local"]
    bench, desk, attic = listed["items"]
    assert (bench["name"], bench["mode"], bench["slots_per_node"], bench["cost_per_hour"]) == ("bench", "lab", 2, 1.5)
    keys = ("n_nodes", "slots", "busy", "free", "pending")
    assert [bench[key] for key in keys] == [1, 1, 1, 0, 1]  # two slots, and one card to give
    assert [desk[key] for key in keys] == [1, 3, 0, 3, 1]
    assert [attic[key] for key in keys] == [0, 0, 0, 0, 0]


def test_nodes_are_listed_the_live_ones_first(client: TestClient) -> None:
    listed = client.get(f"{API}/system/nodes").json()
    assert (listed["total_count"], listed["next_cursor"]) == (4, None)
    assert [(node["node_id"], node["environment"], node["alive"]) for node in listed["items"]] == [
        ("n0", None, True),
        ("n1", "bench", True),
        ("n2", "desk", True),
        ("n3", "attic", False),
    ]
    assert listed["items"][1] == {
        "node_id": "n1",
        "address": "10.0.0.1",
        "environment": "bench",
        "device": "cuda",
        "slots": 2,
        "gpus": 1.0,
        "alive": True,
    }


def test_the_health_counts_living_nodes_by_environment(client: TestClient) -> None:
    assert client.get(f"{API}/health").json()["nodes"] == {"bench": 1, "desk": 1, "attic": 0}


@pytest.mark.parametrize("path", ["start", "plan"])
def test_a_mode_that_no_environment_has_is_a_422_with_the_nearest_and_the_list(client: TestClient, path: str) -> None:
    def refusal(mode: str) -> dict[str, str]:
        body = {"strategy_name": "nowhere_to_be_found", "execution_mode": mode}
        answer = client.post(f"{API}/trainings/{path}", json=body)
        assert answer.status_code == 422
        [entry] = answer.json()["errors"]
        return dict(entry)

    assert refusal("labb") == {
        "path": "execution_mode",
        "message": "Unknown execution mode 'labb'.",
        "suggestion": "Did you mean 'lab'?",
    }
    assert refusal("host")["suggestion"] == "One of: auto, lab, local."


def test_a_configured_mode_can_be_the_default(client: TestClient) -> None:
    changed = client.put(f"{API}/trainings/config", json={"default_execution_mode": "lab"})
    assert changed.json()["current"] == {"default_execution_mode": "lab", "source": "api"}
    started = client.post(f"{API}/trainings/start", json={"strategy_name": "minimal"}).json()
    assert (started["execution_mode"], started["environment"]) == ("lab", "bench")


def test_openapi_says_what_a_mode_is(house: House, tmp_path: Path) -> None:
    with client_of(house, tmp_path) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for schema, field in (("TrainingRequest", "execution_mode"), ("NewDefaultMode", "default_execution_mode")):
        assert "/system/environments" in str(schemas[schema]["properties"][field])
