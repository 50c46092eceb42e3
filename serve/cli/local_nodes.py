"""The nodes that were started under one home: found, started and stopped, with the processes that keep them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cluster.environments import Environments
from cluster.member import MODULE as MEMBER
from ktrdr.errors import RequestError, did_you_mean
from ktrdr.settings import Settings
from ktrdr.wire.node_record import FOLDER, NodeRecord
from serve.cli.background import (
    POLL_S,
    BackgroundError,
    end,
    fresh_log,
    is_running,
    last_words,
    locked,
)
from serve.cli.machine import Child, Machine

MODULE = "serve.node"
START_TIMEOUT_S = 330.0
STOP_TIMEOUT_S = 90.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class NodeOrder:
    """The node that is asked for. Without an address: one of the home's own service."""

    environment: str
    slots: int
    name: str
    address: str | None = None
    token_path: Path | None = None

    @property
    def command(self) -> list[str]:
        """The command line of the process that keeps it."""
        given = {"--name": self.name, "--environment": self.environment, "--slots": str(self.slots)}
        if self.address is not None:
            given |= {"--address": self.address, "--token-path": str(self.token_path)}
        return [sys.executable, "-m", MODULE, *(part for pair in given.items() for part in pair)]


@dataclass(frozen=True)
class StoppedNode:
    """A node that has ended; `was_killed` if it did not end by itself."""

    record: NodeRecord
    was_killed: bool


def check_environment(name: str, environments: Environments) -> None:
    """Refuse an environment that there is not."""
    known = [environment.name for environment in environments]
    if name not in known:
        advice = did_you_mean(name, known) or f"One of: {', '.join(known)}."
        raise RequestError("environment", f"Unknown environment '{name}'.", advice)


def check_token(path: Path) -> None:
    """Refuse a token file that cannot be read."""
    if not path.is_file():
        advice = "Copy the token file of the head's machine here, readable by you alone."
        raise RequestError("token-path", f"There is no file {path}.", advice)


def name_for(environment: str, settings: Settings, machine: Machine) -> str:
    """Return a name that no node of this home has: the environment's, with a number from the second on."""
    taken = {record.name for record in find_nodes(settings, machine)}
    numbered = (environment if number == 1 else f"{environment}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def check_name(name: str, settings: Settings, machine: Machine) -> None:
    """Refuse a name that is none, or that a node of this home has."""
    if not _NAME.fullmatch(name):
        advice = "Use letters, digits, dot, dash and underscore, 64 at most."
        raise RequestError("name", f"'{name}' cannot be the name of a node.", advice)
    known = NodeRecord.read(settings.home, name)
    if known is not None and is_running(known.pid, MODULE, machine):
        advice = f"Choose another with --name, or stop that one with `ktrdr nodes stop {name}`."
        raise RequestError("name", f"A node '{name}' runs already (process {known.pid}).", advice)


def find_nodes(settings: Settings, machine: Machine) -> list[NodeRecord]:
    """Return the nodes of this home of which a process is left, by name."""
    return [record for record in NodeRecord.read_all(settings.home) if _lives(record, machine)]


def is_kept(record: NodeRecord, machine: Machine) -> bool:
    """Whether the process that keeps the node lives; a node without it is not started again."""
    return is_running(record.pid, MODULE, machine)


def start_node(settings: Settings, order: NodeOrder, machine: Machine) -> NodeRecord:
    """Return the node's record once it is in its cluster. It outlives the caller; `stop_nodes` ends it.

    Raises
    ------
    RequestError
        If its name is taken.
    BackgroundError
        If it does not come to be, with what it said. A failed start leaves nothing running.
    """
    with locked(settings.home, FOLDER):
        check_name(order.name, settings, machine)
        _end_left(NodeRecord.read(settings.home, order.name), machine)
        NodeRecord.remove(settings.home, order.name)
        log = fresh_log(log_path(settings.home, order.name))
        child = machine.spawn(order.command, log, _variables(settings))
        record = None
        try:
            record = _await_node(settings.home, order.name, child, log, machine)
        finally:
            if record is None:  # Ctrl-C, too
                _end_node(settings.home, order.name, child.pid, machine)
        return record


def become_keeper(settings: Settings, order: NodeOrder, machine: Machine) -> NoReturn:
    """Go on as the process that keeps the node in this very process; a signal ends it."""
    check_name(order.name, settings, machine)
    _end_left(NodeRecord.read(settings.home, order.name), machine)
    machine.become(order.command, _variables(settings))


def stop_nodes(settings: Settings, names: Iterable[str], machine: Machine) -> list[StoppedNode]:
    """End nodes of this home: their trainings keep their last epoch and go back into the queue first."""
    stopped = []
    with locked(settings.home, FOLDER):
        for name in names:
            record = NodeRecord.read(settings.home, name)
            if record is not None:
                was_killed = _end_node(settings.home, name, record.pid, machine)
                stopped.append(StoppedNode(record, was_killed))
    return stopped


def log_path(home: Path, name: str) -> Path:
    """Return the file that the process which keeps the node writes to."""
    return home / "logs" / FOLDER / f"{name}.log"


def _lives(record: NodeRecord, machine: Machine) -> bool:
    return is_kept(record, machine) or _is_left(record, machine)


def _is_left(record: NodeRecord, machine: Machine) -> bool:
    """Whether Ray's processes of the node are there; its session's number may be another process's by now."""
    if record.session is None:
        return False
    leader = machine.command_of(record.session)
    is_ours = not leader or (MEMBER in leader.split() and record.name in leader.split())
    return is_ours and bool(machine.members(record.session))


def _end_node(home: Path, name: str, pid: int, machine: Machine) -> bool:
    was_killed = end(pid, MODULE, STOP_TIMEOUT_S, machine)
    _end_left(NodeRecord.read(home, name), machine)
    NodeRecord.remove(home, name)
    return was_killed


def _end_left(record: NodeRecord | None, machine: Machine) -> None:
    """End Ray's processes of a node whose keeper was killed."""
    if record is not None and record.session is not None and _is_left(record, machine):
        end(record.session, MEMBER, STOP_TIMEOUT_S, machine)


def _variables(settings: Settings) -> dict[str, str]:
    return {"KTRDR_HOME": str(settings.home)}


def _await_node(home: Path, name: str, child: Child, log: Path, machine: Machine) -> NodeRecord:
    deadline_s = machine.now_s() + START_TIMEOUT_S
    advice = f"Its whole log is {log}."
    while machine.now_s() < deadline_s:
        if child.poll() is not None:
            raise BackgroundError(("The node did not start.", *last_words(log)), advice)
        record = NodeRecord.read(home, name)
        if record is not None and record.pid == child.pid and record.state == "running":
            return record
        machine.sleep(POLL_S)
    raise BackgroundError((f"The node did not start within {START_TIMEOUT_S:.0f} s and was stopped.",), advice)
