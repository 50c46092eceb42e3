"""Nodes as a user has them: `ktrdr nodes start`, a training there, `nodes stop`, kill -9, `down` and `up`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from ktrdr.wire.node_record import NodeRecord
from tests.end_to_end.conftest import free_port, wait_until
from tests.end_to_end.test_embedded import LONG, Home

pytestmark = pytest.mark.timeout(600)
NAME = "mps-mac"
PATIENCE_S = 150.0
"""A node is there in about 6 s; on a busy machine Ray's own processes may need several starts."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"), free_port())
    variables = {"KTRDR_CHECKPOINT_EVERY_EPOCHS": "20"}
    ran = made.ktrdr("up", "--port", str(made.port), **variables)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    yield made
    assert made.ktrdr("nodes", "stop", "--all").returncode == 0
    assert made.ktrdr("down").returncode == 0


def node_of(home: Home) -> NodeRecord | None:
    return NodeRecord.read(home.folder / ".ktrdr", NAME)


def is_there(home: Home) -> bool:
    record = node_of(home)
    return record is not None and record.state == "running"


def ensure_node(home: Home) -> NodeRecord:
    if not is_there(home):
        ran = home.ktrdr("nodes", "start", "--environment", "mps-mac", "--slots", "1", timeout_s=300)
        assert ran.returncode == 0, ran.stderr + ran.stdout
    record = node_of(home)
    assert record is not None
    return record


def start_training(home: Home) -> str:
    """Return an endless training on the node that has kept a state."""
    ran = home.ktrdr("models", "train", "sp500_daily", "--mode", "host", "--detach", "--json", *LONG)
    assert ran.returncode == 0, ran.stderr
    operation_id = str(json.loads(ran.stdout)["operation_id"])
    with home.client() as client:
        wait_until(
            lambda: len((client.operation(operation_id)["metrics"] or {"epochs": []})["epochs"]) > 40, PATIENCE_S
        )
    return operation_id


def n_counted(operation: dict[str, Any]) -> int:
    """Return how many attempts count: what was suspended or could not start has been given back."""
    return int(operation["attempt"]) - (int(operation["max_attempts"]) - 3)


def goes_on(home: Home, operation_id: str, after_attempt: int) -> None:
    """Wait until a later attempt has gone on from the checkpoint, look at its epochs, and cancel it."""
    with home.client() as client:
        wait_until(lambda: client.operation(operation_id)["attempt"] > after_attempt, PATIENCE_S)
        wait_until(
            lambda: any(line["event"].startswith("Resumed after epoch") for line in client.logs(operation_id)),
            PATIENCE_S,
        )
        epochs = [epoch["epoch"] for epoch in client.metrics(operation_id)["epochs"]]
        assert epochs == list(range(1, len(epochs) + 1))
        assert len(epochs) >= 20
        client.cancel(operation_id)
        assert client.wait(operation_id)["status"] == "cancelled"


def test_a_node_is_started_listed_with_its_labels_and_trains(home: Home) -> None:
    record = ensure_node(home)
    assert home.client().health()["nodes"]["mps-mac"] == 1
    ran = home.ktrdr("models", "train", "sp500_daily", "--mode", "host", "--json", "--override", "training.epochs=2")
    assert ran.returncode == 0, ran.stderr
    execution = json.loads(ran.stdout)["execution"]
    assert (execution["environment"], execution["node"], execution["fallback"]) == ("mps-mac", record.node_id, False)
    listed = json.loads(home.ktrdr("nodes", "list", "--json").stdout)
    [node] = [node for node in listed["items"] if node["node_id"] == record.node_id]
    assert (node["environment"], node["device"], node["slots"]) == ("mps-mac", record.device, 1)
    assert [(each["name"], each["state"], each["is_kept"]) for each in listed["started_here"]] == [
        (NAME, "running", True)
    ]


def test_a_name_that_is_taken_is_said(home: Home) -> None:
    record = ensure_node(home)
    ran = home.ktrdr("nodes", "start", "--environment", "mps-mac", "--name", NAME)
    assert (ran.returncode, f"runs already (process {record.pid})" in ran.stderr) == (1, True)


@pytest.mark.parametrize("how", ["nodes stop", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_a_node_that_is_stopped_gives_its_training_back_and_a_node_started_again_goes_on(home: Home, how: str) -> None:
    record = ensure_node(home)
    operation_id = start_training(home)
    if how == "SIGTERM":
        os.kill(record.pid, signal.SIGTERM)
        wait_until(lambda: node_of(home) is None, PATIENCE_S)
    else:
        ran = home.ktrdr("nodes", "stop", NAME)
        assert ran.returncode == 0, ran.stderr
    operation = home.client().operation(operation_id)
    assert (operation["status"], operation["attempt"], n_counted(operation)) == ("pending", 1, 0)
    assert f"Its node, {str(record.node_id)[:8]}, was stopped." in operation["status_reason"]
    assert "Needs environment mps-mac; 0 of" in operation["status_reason"]
    left = subprocess.run(["ps", "-s", str(record.session), "-o", "stat="], capture_output=True, text=True, check=False)
    assert [state for state in left.stdout.split() if not state.startswith("Z")] == []
    ensure_node(home)
    goes_on(home, operation_id, after_attempt=1)


def test_a_raylet_that_is_killed_is_replaced_and_its_training_goes_on_as_the_next_attempt(home: Home) -> None:
    record = ensure_node(home)
    operation_id = start_training(home)
    asked = ["pgrep", "-s", str(record.session), "-f", "raylet/raylet"]
    [raylet] = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    os.kill(int(raylet), signal.SIGKILL)
    wait_until(lambda: is_there(home) and node_of(home).node_id != record.node_id, PATIENCE_S)  # type: ignore[union-attr]
    goes_on(home, operation_id, after_attempt=1)
    assert n_counted(home.client().operation(operation_id)) == 2


@pytest.mark.slow
def test_after_down_and_up_the_node_is_back_by_itself_and_its_training_goes_on(home: Home) -> None:
    record = ensure_node(home)
    operation_id = start_training(home)
    down = home.ktrdr("down")
    assert (down.returncode, NAME in down.stdout) == (0, True)
    wait_until(lambda: node_of(home) is not None and node_of(home).state == "waiting")  # type: ignore[union-attr]
    listed = json.loads(home.ktrdr("nodes", "list", "--json").stdout)
    assert [each["state"] for each in listed["started_here"]] == ["waiting"]
    assert home.ktrdr("up", "--port", str(home.port)).returncode == 0
    wait_until(lambda: is_there(home), PATIENCE_S)
    assert node_of(home).pid == record.pid  # type: ignore[union-attr]
    goes_on(home, operation_id, after_attempt=1)


def test_another_token_and_a_head_that_is_not_there_are_said_and_nothing_is_left(home: Home) -> None:
    assert home.record is not None
    (home.folder / "token").write_text("ab" * 32)
    for address, says in [
        (home.record.ray_address, "refuses the token"),
        (f"127.0.0.1:{free_port()}", "No head answers"),
    ]:
        given = ["--name", "other", "--address", address, "--token-path", "token"]
        ran = home.ktrdr("nodes", "start", "--environment", "mps-mac", *given)
        assert (ran.returncode, says in ran.stderr, "Traceback" in ran.stderr) == (1, True, False), ran.stderr
        assert NodeRecord.read(home.folder / ".ktrdr", "other") is None
