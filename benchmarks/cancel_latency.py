"""How long after the request a cancelled training has stopped, and the operation says so: by HTTP, one after another.

Start the service first (`ktrdr up`), then: `python benchmarks/cancel_latency.py [--cancels 200] [--beside 1]`, where
as many endless trainings run beside.
Both clocks are this machine's. The training has stopped when its log says so; after that it keeps its last epoch and
the dispatcher acknowledges. Batches of the example take about a millisecond.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import time

import ktrdr

OVERRIDES = {"training.epochs": 100_000, "training.early_stopping": None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cancels", type=int, default=200)
    parser.add_argument("--beside", type=int, default=0)
    given = parser.parse_args()
    stopped_ms, acknowledged_ms = [], []
    with ktrdr.Client() as client:
        beside = [client.train("sp500_daily", overrides=OVERRIDES)["operation_id"] for _ in range(given.beside)]
        for _ in range(given.cancels):
            operation_id = client.train("sp500_daily", overrides=OVERRIDES)["operation_id"]
            for event in client.events(operation_id):
                if event.event == "progress" and event.payload["context"]["epoch"]:
                    break
            time.sleep(0.2)  # somewhere in an epoch
            asked_s = time.time()
            client.cancel(operation_id)
            assert client.wait(operation_id)["status"] == "cancelled"
            acknowledged_ms.append((time.time() - asked_s) * 1000)
            stopped_ms.append((_stopped_s(client, operation_id) - asked_s) * 1000)
        for operation_id in beside:
            client.cancel(operation_id)
    print(f"{given.cancels} cancels, request to training stopped: {_shown(stopped_ms)}")
    print(f"{given.cancels} cancels, request to the operation's end seen by the client: {_shown(acknowledged_ms)}")


def _stopped_s(client: ktrdr.Client, operation_id: str) -> float:
    lines = [line for line in client.logs(operation_id) if line["event"].startswith("Training stopped after")]
    return dt.datetime.fromisoformat(lines[-1]["time"]).timestamp()


def _shown(values_ms: list[float]) -> str:
    p99_ms = statistics.quantiles(values_ms, n=100)[98]
    return f"p50 {statistics.median(values_ms):.0f} ms, p99 {p99_ms:.0f} ms, longest {max(values_ms):.0f} ms"


if __name__ == "__main__":
    main()
