"""The same training with nobody watching and with 200 watchers of its events: paired, in one run.

Start the service first (`ktrdr up`), then: `python benchmarks/watchers.py [--pairs 3] [--watchers 200] [--epochs 250]`.
Prints the ratio of `training_time_s` and how long after its publication an event reached the watchers: an event's id is
the wall clock of the OperationsActor in ms, so both have to be on one machine. All watchers are connections of this one
process, whose own work takes part where cores are few; it is printed, too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import time
from dataclasses import dataclass, field

import httpx

import ktrdr

STRATEGY = "sp500_daily"
SEED = 11


@dataclass
class Watched:
    """What the watchers saw: delays in ms, ends, and this process' own CPU seconds."""

    delays_ms: list[float] = field(default_factory=list)
    n_ends: int = 0
    cpu_s: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=250)
    given = parser.parse_args()
    ratios, seen = [], Watched()
    with ktrdr.Client() as client:
        train(client, 5, 0)  # a warm worker
        for number in range(1, given.pairs + 1):
            order = (0, given.watchers) if number % 2 else (given.watchers, 0)
            took = {n_watchers: train(client, given.epochs, n_watchers, seen) for n_watchers in order}
            ratios.append(took[given.watchers] / took[0])
            print(
                f"pair {number}: nobody {took[0]:.2f} s, {given.watchers} watchers {took[given.watchers]:.2f} s, "
                f"ratio {ratios[-1]:.3f}"
            )
    print(f"median ratio {statistics.median(ratios):.3f} over {given.pairs} pairs of {given.epochs} epochs")
    cuts = statistics.quantiles(seen.delays_ms, n=100)
    print(
        f"{len(seen.delays_ms)} events came to {seen.n_ends} watchers, after {cuts[49]:.0f} ms (p50) and "
        f"{cuts[98]:.0f} ms (p99); watching took {seen.cpu_s:.1f} s of CPU in this process"
    )


def train(client: ktrdr.Client, n_epochs: int, n_watchers: int, seen: Watched | None = None) -> float:
    """Return the seconds a training took with so many watchers from its start to its end."""
    overrides = {"training.epochs": n_epochs, "training.early_stopping": None}
    operation_id = client.train(STRATEGY, seed=SEED, overrides=overrides)["operation_id"]
    if n_watchers:
        asyncio.run(watch(client.url, operation_id, n_watchers, seen or Watched()))
    operation = client.wait(operation_id)
    assert operation["status"] == "completed", operation["status_reason"]
    return float(operation["result"]["training_metrics"]["training_time_s"])


async def watch(url: str, operation_id: str, n_watchers: int, seen: Watched) -> None:
    began_s = time.process_time()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=60.0, limits=limits, trust_env=False) as http:
        path = f"/api/v1/operations/{operation_id}/events"
        await asyncio.gather(*(watch_one(http, path, seen) for _ in range(n_watchers)))
    seen.cpu_s += time.process_time() - began_s


async def watch_one(http: httpx.AsyncClient, path: str, seen: Watched) -> None:
    is_first = True
    async with http.stream("GET", path) as answer:
        answer.raise_for_status()
        event_id = 0
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                event_id = int(line[4:])
            elif line.startswith("event: progress"):
                if not is_first:  # the first is what was newest already
                    seen.delays_ms.append(time.time() * 1000 - event_id)
                is_first = False
            elif line.startswith("event: end"):
                seen.n_ends += 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
