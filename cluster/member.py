"""The process that holds Ray's processes of one node: it joins a head, says so, and ends with a signal or with them.

Run as `python -m cluster.member --address HOST:PORT --name X --environment E --slots N ...` by `serve.keeper`.
It is what `ray start --block` is, which refuses a cluster that stays on 127.0.0.1. Exit codes: 0 ended by a signal,
1 the cluster cannot be joined and trying again will not help, 2 Ray's processes ended or did not start.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from ktrdr.errors import RequestError
from ktrdr.wire.record_file import RecordFile

log = logging.getLogger("ktrdr.member")

MODULE = "cluster.member"
EXIT_REFUSED, EXIT_LOST = 1, 2
LOOPBACK_HOSTS = ("127.0.0.1", "localhost")
_LOOK_S = 0.5
_DETECT = "from ktrdr.training.device import detect_device; print(detect_device())"


class Joined(RecordFile):
    """What a node that has joined says of itself."""

    node_id: str
    device: str


@dataclass(frozen=True)
class Membership:
    """The node that this machine is to be."""

    address: str
    """The head's, HOST:PORT."""
    name: str
    environment: str
    slots: int
    session_folder: Path
    """Of its own: two nodes that start at once in one folder take each other's sockets (measured)."""
    ready: Path
    """Written once the node is in the head's table."""

    @property
    def command(self) -> list[str]:
        """The command line of its process."""
        given = {
            "--address": self.address,
            "--name": self.name,
            "--environment": self.environment,
            "--slots": str(self.slots),
            "--session-folder": str(self.session_folder),
            "--ready": str(self.ready),
        }
        return [sys.executable, "-m", MODULE, *(part for pair in given.items() for part in pair)]


def be_member(membership: Membership) -> int:
    """Join, and return once a signal or the end of Ray's processes has ended it."""
    from cluster.joining import check_cluster  # noqa: PLC0415 - Ray reads the environment when it is imported

    check_cluster(membership.address)
    device = _detect_device()
    node = _start_ray(membership, device)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    Joined(node_id=node.node_id, device=device).write_to(membership.ready)
    what = (node.node_id[:8], membership.environment, device, membership.address)
    log.info("Node %s of %s (%s) has joined %s", *what)
    while not stop.wait(_LOOK_S):
        if ended := node.dead_processes():
            log.warning("Ray's %s ended", ", ".join(str(name) for name, _ in ended))
            node.kill_all_processes(check_alive=False, allow_graceful=False)
            return EXIT_LOST
    node.kill_all_processes(check_alive=False, allow_graceful=True)
    return 0


def _start_ray(membership: Membership, device: str) -> Any:
    """Start Ray's processes; the node is in the head's table, with its labels, when this returns."""
    from ray._private.node import Node  # noqa: PLC0415
    from ray._private.parameter import RayParams  # noqa: PLC0415

    from cluster.environments import SLOT_RESOURCE, node_labels  # noqa: PLC0415

    host = membership.address.rpartition(":")[0]
    parameters = RayParams(
        gcs_address=membership.address,
        node_ip_address="127.0.0.1" if host in LOOPBACK_HOSTS else _own_address(membership.address),
        node_name=membership.name,
        num_cpus=max(os.cpu_count() or 1, membership.slots),  # a training takes a slot and a CPU
        labels=node_labels(membership.environment, device),
        resources={SLOT_RESOURCE: membership.slots},
        temp_dir=str(membership.session_folder),
        include_log_monitor=False,
    )
    return Node(parameters, head=False, shutdown_at_exit=True, spawn_reaper=True, connect_only=False)


def _own_address(address: str) -> str:
    """Return this machine's address on the way to the head: no packet is sent."""
    host, _, port = address.rpartition(":")
    family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(place)
        return str(probe.getsockname()[0])


def _detect_device() -> str:
    """Ask torch in a process of its own: this one lives as long as the node, and torch is large."""
    asked = subprocess.run([sys.executable, "-c", _DETECT], stdout=subprocess.PIPE, text=True, check=True)
    return asked.stdout.strip()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End before the node is up: what was started so far ends with this process, by Ray's own exit hooks."""
    sys.exit(0)


def main(arguments: list[str] | None = None) -> int:
    """Be a node until a signal; see the exit codes above."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--address", "--name", "--environment"):
        parser.add_argument(name, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--session-folder", type=Path, required=True)
    parser.add_argument("--ready", type=Path, required=True)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        return be_member(Membership(**vars(parser.parse_args(arguments))))
    except RequestError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201
        return EXIT_REFUSED
    except Exception:  # the process's top: Ray's own trouble has no class of its own, and passes on a busy machine
        log.exception("Ray's processes did not start")
        print("Ray's processes did not start here.", file=sys.stderr)  # noqa: T201
        return EXIT_LOST


if __name__ == "__main__":
    sys.exit(main())
