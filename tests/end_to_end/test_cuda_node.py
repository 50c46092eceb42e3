"""A cluster on a machine with a card: `ktrdr up`, a node of `cuda-cloud` beside the head, trainings on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import ktrdr
from ktrdr.data import BarStore, DataManager
from ktrdr.errors import ServiceRefused
from ktrdr.storage import ModelStorage
from tests.end_to_end.conftest import ENDLESS, all_of, caught, check_equal, free_port, wait_until, weights_of
from tests.end_to_end.test_embedded import Home

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here"),
    pytest.mark.timeout(600),
]
DEVICE = "cuda"
N_EPOCHS = 150
LONG = all_of(N_EPOCHS)
ON_THE_CARD: dict[str, Any] = {"execution_mode": "cloud", "require_gpu": True}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"), free_port())
    for command in (
        ("up", "--port", str(made.port)),
        ("nodes", "start", "--environment", "cuda-cloud", "--slots", "2"),
    ):
        ran = made.ktrdr(*command)
        assert ran.returncode == 0, ran.stderr + ran.stdout
    yield made
    assert made.ktrdr("nodes", "stop", "--all").returncode == 0
    assert made.ktrdr("down").returncode == 0


@pytest.fixture
def client(home: Home) -> Iterator[ktrdr.Client]:
    with home.client() as one:
        yield one


@pytest.fixture(scope="module")
def weights_here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """The weights of the same training on the card by this process, never cut."""
    root, folder = Path(__file__).parents[2], tmp_path_factory.mktemp("models")
    strategy = ktrdr.load_strategy(root / "strategies" / "sp500_daily.yaml", LONG)
    data = DataManager(BarStore([root / "data"]))
    executor = ktrdr.TrainingExecutor(strategy, data=data, model_storage=ModelStorage(folder), device=DEVICE)
    return weights_of(folder, executor.execute(None, None, None, None)["model_id"])


def check_is_as_here(home: Home, ended: dict[str, Any], weights_here: dict[str, torch.Tensor]) -> None:
    assert ended["status"] == "completed", ended
    check_equal(weights_here, weights_of(home.folder / "models", ended["result"]["model_id"]))


def test_a_training_on_the_node_uses_its_card_and_gives_the_same_bits_as_one_in_this_process(
    home: Home, client: ktrdr.Client, weights_here: dict[str, torch.Tensor]
) -> None:
    ended = client.wait(client.train("sp500_daily", overrides=LONG, **ON_THE_CARD)["operation_id"])
    execution = ended["execution"]
    assert (execution["environment"], execution["fallback"]) == ("cuda-cloud", False)
    assert execution["device"].startswith(DEVICE)
    check_is_as_here(home, ended, weights_here)
    assert client.health()["nodes"]["cuda-cloud"] == 1
    strategy, name = ended["result"]["model_id"].split("/")
    assert client.predict(strategy, name)["model_id"] == ended["result"]["model_id"]


def test_a_killed_worker_costs_an_attempt_and_not_a_bit(
    home: Home, client: ktrdr.Client, weights_here: dict[str, torch.Tensor]
) -> None:
    def start() -> str:
        started = client.train("sp500_daily", overrides=LONG, checkpoint_every_epochs=5, **ON_THE_CARD)
        return str(started["operation_id"])

    with caught(client, start, 12) as (operation_id, pid):
        os.kill(pid, signal.SIGKILL)
    ended = client.wait(operation_id)
    assert ended["attempt"] == 2
    assert any(line["event"].startswith("Resumed after epoch") for line in client.logs(operation_id))
    check_is_as_here(home, ended, weights_here)


def test_a_card_is_one_trainings_at_a_time_and_a_cancel_gives_it_to_the_next(client: ktrdr.Client) -> None:
    first, second = (client.train("sp500_daily", overrides=ENDLESS, **ON_THE_CARD)["operation_id"] for _ in range(2))
    wait_until(lambda: client.metrics(first)["epochs"])
    assert client.operation(second)["status"] == "pending"
    client.cancel(first)
    assert client.wait(first)["status"] == "cancelled"
    wait_until(lambda: client.metrics(second)["epochs"])
    client.cancel(second)
    assert client.wait(second)["status"] == "cancelled"


def test_the_head_without_a_word_about_devices_says_which_it_took(client: ktrdr.Client) -> None:
    started = client.train("minimal", overrides={"training.epochs": 1}, execution_mode="local")
    ended = client.wait(started["operation_id"])
    assert (ended["status"], ended["execution"]["environment"]) == ("completed", "cpu-docker")
    assert ended["execution"]["device"].startswith(DEVICE)


def test_when_the_node_is_gone_a_gpu_that_its_environment_must_have_is_refused(
    home: Home, client: ktrdr.Client
) -> None:
    assert home.ktrdr("nodes", "stop", "--all").returncode == 0
    wait_until(lambda: client.health()["nodes"]["cuda-cloud"] == 0)
    with pytest.raises(ServiceRefused, match="cloud is asked for with require_gpu") as refused:
        client.train("sp500_daily", **ON_THE_CARD)
    assert refused.value.status == 503
