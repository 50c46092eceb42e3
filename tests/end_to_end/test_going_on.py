"""Trainings that are cut and go on from their checkpoints, on a real cluster: same weights, same history."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ktrdr
from ktrdr.data import BarStore, DataManager
from ktrdr.errors import ServiceRefused
from ktrdr.storage import ModelStorage
from tests.end_to_end.conftest import Service, all_of, caught, check_equal, wait_until, weights_of

N_EPOCHS = 150
LONG = all_of(N_EPOCHS)


class Uninterrupted:
    """The same training in this process, never cut."""

    def __init__(self, strategies: Path, bars: Path, folder: Path) -> None:
        storage = ModelStorage(folder)
        strategy = ktrdr.load_strategy(strategies / "sp500_daily.yaml", LONG)
        executor = ktrdr.TrainingExecutor(strategy, data=DataManager(BarStore([bars])), model_storage=storage)
        self.result = executor.execute(None, None, None, None)
        self.weights = weights_of(folder, self.result["model_id"])

    def check_equals(self, service: Service, operation: dict[str, Any]) -> None:
        """Compare weights bit for bit, and the history in the result and in the book."""
        check_equal(self.weights, weights_of(service.settings.models_dir, operation["result"]["model_id"]))
        here = self.result["training_metrics"]
        assert operation["result"]["training_metrics"]["val_loss"] == here["val_loss"]
        epochs = operation["metrics"]["epochs"]
        assert [epoch["epoch"] for epoch in epochs] == here["epochs"]
        assert [epoch["val_loss"] for epoch in epochs] == here["val_loss"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    root = Path(__file__).parents[2]
    return Uninterrupted(root / "strategies", root / "data", tmp_path_factory.mktemp("models"))


def start(client: ktrdr.Client, **fields: Any) -> str:
    started = client.train("sp500_daily", overrides=LONG, **{"checkpoint_every_epochs": 5, **fields})
    return str(started["operation_id"])


def lines_of(service: Service, operation_id: str) -> list[str]:
    with service.client() as client:
        return [record["event"] for record in client.logs(operation_id)]


def test_a_killed_worker_costs_no_more_than_the_epochs_since_its_last_checkpoint(
    service: Service, uninterrupted: Uninterrupted
) -> None:
    with service.client() as client:
        with caught(client, lambda: start(client), 12) as (operation_id, pid):
            os.kill(pid, signal.SIGKILL)
        percentages, ended = [], {}
        for event in client.events(operation_id):
            if event.event == "progress":
                percentages.append(event.payload["percentage"])
            ended = event.payload
    assert (ended["status"], ended["attempt"]) == ("completed", 2)
    [resumed] = [line for line in lines_of(service, operation_id) if line.startswith("Resumed after epoch")]
    assert int(resumed.split()[3].strip(";")) >= 10
    assert percentages == sorted(percentages)
    uninterrupted.check_equals(service, ended)
    wait_until(lambda: not (service.settings.home / "checkpoints" / operation_id).exists())
    assert ended["resumable"] is False


def test_what_was_cancelled_goes_on_where_it_was_stopped(service: Service, uninterrupted: Uninterrupted) -> None:
    with service.client() as client:
        rarely = {"checkpoint_every_epochs": N_EPOCHS}  # so that the cancel alone keeps a state
        with caught(client, lambda: start(client, **rarely), 7) as (operation_id, _):
            client.cancel(operation_id)
        cancelled = client.wait(operation_id)
        assert (cancelled["status"], cancelled["resumable"]) == ("cancelled", True)
        assert client.resume(operation_id)["operation_id"] == operation_id
        with pytest.raises(ServiceRefused) as refused:
            client.resume(operation_id)
        assert refused.value.status == 409
        ended = client.wait(operation_id)
    assert (ended["status"], ended["attempt"], ended["resumable"]) == ("completed", 2, False)
    [resumed] = [line for line in lines_of(service, operation_id) if line.startswith("Resumed after epoch")]
    assert int(resumed.split()[3].strip(";")) >= len(cancelled["metrics"]["epochs"])
    uninterrupted.check_equals(service, ended)


def test_when_its_node_loses_power_a_training_goes_on_from_its_checkpoint_on_another_node(
    service: Service, uninterrupted: Uninterrupted, record_property: Callable[[str, float], None]
) -> None:
    service.join("mps-mac")
    with service.client() as client:
        with caught(client, lambda: start(client, execution_mode="host"), 12) as (operation_id, _):
            first = client.operation(operation_id)["execution"]["node"]
            service.kill_node("mps-mac")
        record_property("noticed_s", wait_until(lambda: client.operation(operation_id)["status"] == "pending"))
        waiting = client.operation(operation_id)
        service.join("mps-mac")
        record_property("taken_s", wait_until(lambda: client.operation(operation_id)["status"] != "pending"))
        ended = client.wait(operation_id)
    assert waiting["execution"]["node"] is None
    assert (ended["status"], ended["attempt"]) == ("completed", 2)
    assert ended["execution"]["node"] not in (None, first)
    [resumed] = [line for line in lines_of(service, operation_id) if line.startswith("Resumed after epoch")]
    assert int(resumed.split()[3].strip(";")) >= 10
    uninterrupted.check_equals(service, ended)
    service.leave("mps-mac")
