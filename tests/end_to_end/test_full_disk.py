"""The head's disks run full under trainings: small file systems in memory, filled by a file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ktrdr.errors import ServiceRefused
from ktrdr.settings import Settings
from ktrdr.storage import unpack
from tests.end_to_end.conftest import Service, all_of, held, pid_of_training, running_service, wait_until
from tests.fakes.disks import Disk, mounted

N_EPOCHS = 160
FULL_S = 4.0


@pytest.fixture(scope="module")
def models_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with mounted(tmp_path_factory.mktemp("disks") / "models", "4m") as disk:
        yield disk


@pytest.fixture(scope="module")
def home_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with mounted(tmp_path_factory.mktemp("disks") / ".ktrdr", "32m") as disk:
        yield disk


@pytest.fixture(scope="module")
def service(models_disk: Disk, home_disk: Disk) -> Iterator[Service]:
    settings = Settings(home=home_disk.folder, models_dir=models_disk.folder)
    with running_service(settings, has_dashboard=False) as running:
        yield running


def test_a_model_for_which_there_is_no_room_waits_on_its_node_and_is_stored_once_there_is_without_training(
    service: Service, models_disk: Disk, home_disk: Disk, tmp_path: Path
) -> None:
    before, spool, copy = models_disk.files(), home_disk.folder / "spool", tmp_path / "model.artifact"
    models_disk.fill(leaving=16 * 1024)
    with service.client() as client:
        started = client.train("minimal", checkpoint_every_epochs=1, overrides={"training.epochs": 2})
        operation_id = started["operation_id"]
        failed = client.wait(operation_id)
        lines = [line["event"] for line in client.logs(operation_id)]
        assert (failed["status"], failed["error"]["kind"], failed["attempt"]) == ("failed", "result_transfer", 1)
        assert re.search(r"is full; [\d,]+ bytes are needed", failed["error"]["message"])
        assert f"ktrdr operations retry-transfer {operation_id}" in failed["status_reason"]
        assert sum(line.startswith("Handing over the model, try") for line in lines) == 3  # and the fourth is the end
        assert client.models()["items"] == []
        kept = failed["artifact"]
        [node] = client.nodes()["items"]
        assert (kept["node"], kept["address"]) == (node["node_id"], node["address"])
        assert [str(path) for path in spool.iterdir()] == [kept["path"]]
        assert client.download_artifact(operation_id, copy) == kept["sha256"]
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == kept["sha256"]
        weights = unpack(copy.read_bytes(), kept["sha256"], tmp_path).weights.path.read_bytes()

        models_disk.make_room()
        assert models_disk.files() == before
        assert client.retry_transfer(operation_id)["status"] == "running"
        ended = client.wait(operation_id)
        assert (ended["status"], ended["attempt"], ended["artifact"]) == ("completed", 1, None)
        assert ended["metrics"] == failed["metrics"]
        [model] = client.models()["items"]
        assert (model["operation_id"], model["model_id"]) == (operation_id, ended["result"]["model_id"])
        metadata = json.loads((models_disk.folder / model["model_id"] / "metadata.json").read_text())
        assert metadata["artifact_sha256"] == kept["sha256"]
        assert (models_disk.folder / model["model_id"] / "model.pt").read_bytes() == weights
        lines = [line["event"] for line in client.logs(operation_id)]
        assert sum(line.startswith("Step 7: ") for line in lines) >= 1
        assert sum(line.startswith("Attempt 1 runs on node") for line in lines) == 1
        assert sum(line.startswith("Handing over what was trained before") for line in lines) == 1
        assert list(spool.iterdir()) == []
        with pytest.raises(ServiceRefused, match="No artifact") as refused:
            client.download_artifact(operation_id, copy)
        assert refused.value.status == 404


def test_a_process_killed_while_it_hands_over_leaves_its_model_to_the_next_attempt(
    service: Service, models_disk: Disk, home_disk: Disk
) -> None:
    models_disk.fill(leaving=16 * 1024)
    with service.client() as client:
        operation_id = client.train("minimal", overrides={"training.epochs": 2})["operation_id"]
        wait_until(lambda: client.operation(operation_id)["artifact"] is not None)
        kept = client.operation(operation_id)["artifact"]
        os.kill(pid_of_training(operation_id), signal.SIGKILL)
        models_disk.make_room()
        ended = client.wait(operation_id)
        assert (ended["status"], ended["attempt"], ended["artifact"]) == ("completed", 2, None)
        metadata = json.loads((models_disk.folder / ended["result"]["model_id"] / "metadata.json").read_text())
        assert metadata["artifact_sha256"] == kept["sha256"]
        lines = [line["event"] for line in client.logs(operation_id) if line["attempt"] == 2]
        assert any(line.startswith("Handing over what was trained before") for line in lines)
        assert not any(line.startswith("Step ") for line in lines)
        assert list((home_disk.folder / "spool").iterdir()) == []


def test_while_the_home_is_full_nothing_is_taken_and_what_trains_goes_on(service: Service, home_disk: Disk) -> None:
    with service.client() as client:
        started = client.train("sp500_daily", checkpoint_every_epochs=5, overrides=all_of(N_EPOCHS))
        operation_id = started["operation_id"]
        wait_until(lambda: len(client.metrics(operation_id)["epochs"]) > 3)
        with held(operation_id):
            empty_journal(home_disk.folder / "operations.db")
            home_disk.fill()
        n_before = client.operations()["total_count"]
        with pytest.raises(ServiceRefused) as refused:
            client.train("minimal")
        assert refused.value.status == 503
        assert "full" in str(refused.value)
        assert "Traceback" not in str(refused.value)
        time.sleep(FULL_S)
        assert client.operation(operation_id)["status"] == "running"
        assert client.operations()["total_count"] == n_before
        n_epochs = len(client.metrics(operation_id)["epochs"])
        home_disk.make_room()
        wait_until(lambda: len(client.metrics(operation_id)["epochs"]) > n_epochs)
        ended = client.wait(operation_id)
        lines = [line["event"] for line in client.logs(operation_id)]
        assert (ended["status"], ended["attempt"]) == ("completed", 1)
        assert [epoch["epoch"] for epoch in ended["metrics"]["epochs"]] == list(range(1, N_EPOCHS + 1))
        for number in range(1, 13):
            assert sum(line.startswith(f"Step {number}: ") for line in lines) >= 1, number
        assert client.train("minimal", overrides={"training.epochs": 1})["status"] == "pending"


def empty_journal(database: Path) -> None:
    """Let SQLite's journal begin anew: in one that is long already there is room for more."""
    with closing(sqlite3.connect(database)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy == 0
