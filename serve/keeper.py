"""What keeps a node in its cluster: starts it, starts it again when it is lost, and ends it in order."""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.member import EXIT_REFUSED, MODULE, Joined, Membership
from cluster.ray_environment import member_environment
from cluster.session_folder import ray_folder
from ktrdr.errors import RequestError
from ktrdr.wire.node_record import FOLDER, NodeRecord, NodeState, path_of
from ktrdr.wire.service_record import ServiceRecord
from serve.cli.background import BackgroundError, end, fresh_log, is_running, last_words, until
from serve.cli.embedded import MODULE as SERVICE
from serve.cli.machine import Child, Machine

log = logging.getLogger("ktrdr.node")

FIRST_START_S = 120.0
"""The first start is tried again for so long: on a busy machine Ray gives its own processes up after 15 s."""
JOIN_TIMEOUT_S = 180.0
"""Ray itself gives up after 30 s; before that its modules are loaded and torch is asked."""
SUSPEND_WAIT_S = 10.0
FAREWELL_TIMEOUT_S = 45.0
MEMBER_TIMEOUT_S = 15.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STEADY_S = 60.0
"""The pause before the next start grows; after a node has stood for so long it begins anew."""
LOOK_S = 0.5
_FAREWELL = "actors.farewell"


@dataclass(frozen=True)
class Cluster:
    """The head to join, and what a process must have in its environment to reach it."""

    address: str
    variables: dict[str, str]
    token_path: str


class NodeKeeper:
    """Keeps one node.

    Parameters
    ----------
    record
        The node as it was asked for; written under `home` from the first start on, with what becomes of it.
    home
        Whose node it is: where no address was given it follows the home's service, down and up again.
    machine
        Processes and time.
    """

    def __init__(self, record: NodeRecord, home: Path, machine: Machine) -> None:
        self._record, self._home, self._machine = record, home, machine
        self._member: Child | None = None
        self._cluster: Cluster | None = None
        self._is_stopping = False
        self._words: tuple[str, ...] = ()
        self._pause_s, self._next_start_s, self._joined_s = FIRST_PAUSE_S, 0.0, 0.0

    def stop(self) -> None:
        """Let `keep` end in order; may be called by a signal's handler."""
        self._is_stopping = True

    def keep(self) -> None:
        """Keep the node until `stop`.

        Raises
        ------
        RequestError, BackgroundError
            If it cannot be started the first time. Later it is tried again for ever.
        """
        try:
            self._start_first()
            while not self._is_stopping:
                self._look()
                self._machine.sleep(LOOK_S)
        finally:
            self._leave()
            NodeRecord.remove(self._home, self._record.name)

    def _start_first(self) -> None:
        cluster = self._find_cluster()
        if cluster is None:
            advice = "Start it with `ktrdr up`, or give the address of another head with --address."
            raise RequestError("address", f"No service runs for {self._home}.", advice)
        self._note("starting")
        deadline_s = self._machine.now_s() + FIRST_START_S
        while not self._is_stopping:
            status = self._start(cluster)
            if self._member is not None:
                return
            if not self._is_stopping and (status == EXIT_REFUSED or self._machine.now_s() >= deadline_s):
                raise BackgroundError(self._words, f"The whole log of the node is {self._log}.")
            self._machine.sleep(self._pause())

    def _look(self) -> None:
        """Start the node where it is to be and is not; end it where its cluster is gone."""
        cluster, now_s = self._find_cluster(), self._machine.now_s()
        if self._member is not None and self._member.poll() is not None:
            self._lost(f"Ray's processes of the node ended; see {self._log}.")
        if self._member is not None and cluster != self._cluster:
            log.info("The cluster of the node is another, or gone")
            self._end_member()
            self._pause_s, self._next_start_s = FIRST_PAUSE_S, 0.0
        if self._member is None and cluster is None:
            self._note("waiting", "The service is down. The node joins it when it is up again.")
        elif self._member is None and cluster is not None and now_s >= self._next_start_s:
            self._start(cluster)
            if self._member is None and not self._is_stopping:
                self._note("restarting", " ".join(self._words))
                self._next_start_s = self._machine.now_s() + self._pause()

    def _start(self, cluster: Cluster) -> int | None:
        """Try to join; return how the process ended where it did."""
        membership = Membership(
            cluster.address,
            self._record.name,
            self._record.environment,
            self._record.slots,
            ray_folder(path_of(self._home, self._record.name)),
            self._home / FOLDER / f".{self._record.name}.joined",
        )
        membership.ready.unlink(missing_ok=True)
        child = self._machine.spawn(membership.command, fresh_log(self._log), cluster.variables)
        self._note(self._record.state, session=child.pid)
        until(
            lambda: self._is_stopping or child.poll() is not None or membership.ready.exists(),
            JOIN_TIMEOUT_S,
            self._machine,
        )
        joined = Joined.read_from(membership.ready)
        if joined is None:
            status = child.poll()
            in_vain = (f"The node had not joined {cluster.address} after {JOIN_TIMEOUT_S:.0f} s.",)
            self._words = in_vain if status is None else last_words(self._log)
            end(child.pid, MODULE, MEMBER_TIMEOUT_S, self._machine)
            self._note(self._record.state, session=None)
            return status
        membership.ready.unlink()
        self._member, self._cluster, self._joined_s = child, cluster, self._machine.now_s()
        log.info("Node %s of %s has joined %s", joined.node_id[:8], self._record.environment, cluster.address)
        self._note(
            "running",
            node_id=joined.node_id,
            device=joined.device,
            ray_address=cluster.address,
            token_path=cluster.token_path,
            n_starts=self._record.n_starts + 1,
        )
        return None

    def _lost(self, reason: str) -> None:
        log.warning(reason)
        if self._machine.now_s() - self._joined_s >= STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        self._next_start_s = self._machine.now_s() + self._pause()
        self._end_member()
        self._note("restarting", reason)

    def _leave(self) -> None:
        """Take leave of the cluster, so that trainings go on elsewhere or later, and end the node."""
        if self._member is not None and self._cluster is not None and self._find_cluster() == self._cluster:
            self._note("stopping", "Its trainings keep their last epoch and go back into the queue.")
            command = [sys.executable, "-m", _FAREWELL, "--address", self._cluster.address]
            command += ["--node-id", str(self._record.node_id), "--wait-s", str(SUSPEND_WAIT_S)]
            farewell = self._machine.spawn(command, self._log, self._cluster.variables)
            if not until(lambda: farewell.poll() is not None, FAREWELL_TIMEOUT_S, self._machine):
                self._machine.send(farewell.pid, signal.SIGKILL)
        self._end_member()

    def _end_member(self) -> None:
        if self._member is not None:
            end(self._member.pid, MODULE, MEMBER_TIMEOUT_S, self._machine)
            self._member = self._cluster = None
            self._note(self._record.state, node_id=None, session=None)

    def _find_cluster(self) -> Cluster | None:
        record = self._record
        if record.address is not None:
            token = Path(str(record.token_path))
            return Cluster(record.address, member_environment(record.address, token), str(token))
        service = ServiceRecord.read(self._home)
        if service is None or not is_running(service.pid, SERVICE, self._machine):
            return None
        return Cluster(service.ray_address, service.ray_variables, service.token_path)

    def _pause(self) -> float:
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, LONGEST_PAUSE_S)
        return pause_s

    def _note(self, state: NodeState, reason: str = "", **changes: Any) -> None:
        changed = self._record.model_copy(update={"state": state, "reason": reason, **changes})
        if changed != self._record or changed.n_starts == 0:
            self._record = changed
            changed.write(self._home)

    @property
    def _log(self) -> Path:
        return ray_log(self._home, self._record.name)


def ray_log(home: Path, name: str) -> Path:
    """Return the file that the process which holds Ray's processes of the node writes to."""
    return home / "logs" / FOLDER / f"{name}.ray.log"
