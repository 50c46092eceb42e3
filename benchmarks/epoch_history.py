"""Reading a long training: `GET /operations/{id}/metrics` at 10,000 epochs, a page of 10,000 operations.

`python benchmarks/epoch_history.py [--epochs 10000] [--operations 10000] [--rounds 20]`. Routes, actor and SQLite store
are the service's, called in this process; what Ray and the network add is not in it. Absolute times: state the machine.
The CPU time beside them is what is left of them where the machine does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

import ktrdr
from cluster.environments import ENVIRONMENTS
from ktrdr.operations import Execution, Operation
from ktrdr.settings import Settings
from serve.application import build_app
from tests.fakes.gateway import DirectGateway
from tests.fakes.house import House

API = "/api/v1/operations"
STRATEGY = ktrdr.load_strategy("strategies/sp500_daily.yaml").document()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10_000)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        fill(house, given.operations, given.epochs)
        settings = Settings(home=Path(folder) / ".ktrdr")
        app = build_app(settings, ENVIRONMENTS)
        app.state.gateway = DirectGateway(settings, house)
        with TestClient(app) as client:
            whole = client.get(f"{API}/train-long/metrics").json()
            assert len(whole["epochs"]) == given.epochs, len(whole["epochs"])
            assert client.get(API).json()["total_count"] == given.operations + 1
            report(f"metrics of {given.epochs} epochs", lambda: client.get(f"{API}/train-long/metrics"), given.rounds)
            report(f"a page of {given.operations} operations", lambda: client.get(API), given.rounds)


def fill(house: House, n_operations: int, n_epochs: int) -> None:
    """Keep finished operations with results of 100 epochs, and behind them one that has run for `n_epochs`."""
    history = {"train_loss": [0.6931471805599453] * 700}
    with house.book._store.writing() as rows:
        for number in range(n_operations):
            rows.insert(operation(f"train-{number:05d}", status="completed", result={"training_metrics": history}))
    house.book.submit(operation("train-long"))
    house.book.claim("cpu-docker", "benchmark")
    epochs = [
        {
            "progress_type": "epoch",
            "epoch": number,
            "total_epochs": n_epochs,
            "train_loss": 1.0883217463784 / number,
            "train_accuracy": 0.3630132147,
            "val_loss": 1.0627198723981,
            "val_accuracy": 0.4177298374,
            "learning_rate": 0.001,
        }
        for number in range(1, n_epochs + 1)
    ]
    house.book.record_epochs("train-long", 1, epochs)


def operation(operation_id: str, **changes: Any) -> Operation:
    place = Execution(requested_mode="auto", mode="local", environment="cpu-docker", reason="benchmark")
    return Operation(
        operation_id=operation_id,
        status_reason="Benchmark.",
        created_at="2025-01-31T09:30:00.000Z",
        strategy_name="sp500_daily",
        request={"strategy": STRATEGY, "symbols": ["SP500"], "require_gpu": False},
        execution=place,
        **changes,
    )


def report(what: str, call: Callable[[], Any], n_rounds: int) -> None:
    walls_ms, cpus_ms = [], []
    for _ in range(n_rounds):
        began_s, cpu_s = time.perf_counter(), time.process_time()
        call()
        walls_ms.append((time.perf_counter() - began_s) * 1000)
        cpus_ms.append((time.process_time() - cpu_s) * 1000)
    print(
        f"{what}: median {statistics.median(walls_ms):.1f} ms, best {min(walls_ms):.1f} ms; "
        f"CPU median {statistics.median(cpus_ms):.1f} ms, over {n_rounds} rounds"
    )


if __name__ == "__main__":
    main()
