"""The process that keeps this machine a node of a cluster, until a signal ends it in order.

Run as `python -m serve.node --name X --environment E --slots N [--address HOST:PORT --token-path P]`; `ktrdr nodes
start` does. It imports no Ray: Ray ends the process that has lost its cluster.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import signal
import sys

from ktrdr.errors import KtrdrError
from ktrdr.settings import Settings
from ktrdr.wire.node_record import NodeRecord
from serve.cli.machine import Machine
from serve.keeper import NodeKeeper


def main(arguments: list[str] | None = None) -> int:
    """Keep the node; 1 when it could not be started."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--address", help="HOST:PORT of a head; absent: that of the home's service")
    parser.add_argument("--token-path")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    started_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    try:
        record = NodeRecord(pid=os.getpid(), started_at=started_at, **vars(given))
        keeper = NodeKeeper(record, Settings.read().home, Machine())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: keeper.stop())
        keeper.keep()
    except KtrdrError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
