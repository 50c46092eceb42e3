"""The same training through HTTP and Ray against `TrainingExecutor.execute` in this process: paired, in one run.

Start the service first (`ktrdr up`), then: `python benchmarks/http_against_in_process.py [--pairs 5] [--epochs 150]`.
Prints each pair and the median ratio; early stopping is off, so that both do the same work.
"""

from __future__ import annotations

import argparse
import statistics
import time

import ktrdr
from ktrdr.data import BarStore, DataManager
from ktrdr.settings import Settings
from ktrdr.strategy import StrategyLibrary

STRATEGY = "sp500_daily"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=150)
    given = parser.parse_args()
    settings = Settings.read()
    overrides = {"training.epochs": given.epochs, "training.early_stopping": None}
    strategy = ktrdr.load_strategy(StrategyLibrary(settings.strategy_roots).load(STRATEGY).document(), overrides)
    executor = ktrdr.TrainingExecutor(strategy, data=DataManager(BarStore(settings.data_roots)))

    with ktrdr.Client() as client:

        def through_http() -> float:
            began = time.perf_counter()
            started = client.train(STRATEGY, overrides=overrides)
            operation = client.wait(started["operation_id"])
            assert operation["status"] == "completed", operation["status_reason"]
            return time.perf_counter() - began

        def in_process() -> float:
            began = time.perf_counter()
            executor.execute(None, None, None, None)
            return time.perf_counter() - began

        in_process(), through_http()  # both warm: imports, and a worker that has torch
        ratios = []
        for number in range(1, given.pairs + 1):
            apart, there = in_process(), through_http()
            ratios.append(there / apart)
            print(
                f"pair {number}: in process {apart:.2f} s, through HTTP and Ray {there:.2f} s, ratio {ratios[-1]:.3f}"
            )
    print(f"median ratio {statistics.median(ratios):.3f} over {given.pairs} pairs of {given.epochs} epochs")


if __name__ == "__main__":
    main()
