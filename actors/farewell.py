"""What is done before a node's processes end: no new training for it, and those on it go back into the queue.

Run as `python -m actors.farewell --address HOST:PORT --node-id ID --wait-s S` on the node, with the cluster's
variables; a process of its own, because Ray ends the process that has lost its cluster.
"""

from __future__ import annotations

import argparse
import logging
import sys

import ray

from actors.names import NAMESPACE, OPERATIONS
from cluster.joining import check_reachable
from cluster.node_table import drain
from ktrdr.errors import KtrdrError

log = logging.getLogger("ktrdr.farewell")

_WHY = "The node is being stopped."


def take_leave(address: str, node_id: str, wait_s: float) -> int:
    """Drain the node and return how many trainings ran on it; they are waited for at most `wait_s`."""
    check_reachable(address)
    # Before the drain: Ray ends a drained node where nothing runs, and a driver needs one on its machine.
    ray.init(address=address, namespace=NAMESPACE, log_to_driver=False)
    try:
        operations = ray.get_actor(OPERATIONS, namespace=NAMESPACE)
        drain(address, node_id, _WHY)
        suspended: int = ray.get(operations.suspend_node.remote(node_id, wait_s), timeout=wait_s + 5)
        return suspended
    finally:
        ray.shutdown()


def main(arguments: list[str] | None = None) -> int:
    """Take leave; 1 where the head did not hear of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--node-id", required=True)
    parser.add_argument("--wait-s", type=float, required=True)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    try:
        n_suspended = take_leave(given.address, given.node_id, given.wait_s)
    except (KtrdrError, ValueError, ConnectionError, ray.exceptions.RayError) as error:
        log.warning("The head did not hear that the node stops: %s", error)
        return 1
    log.info("Node %s is drained; %d trainings on it were put back", given.node_id[:8], n_suspended)
    return 0


if __name__ == "__main__":
    sys.exit(main())
