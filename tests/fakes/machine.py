"""A machine whose processes are numbers in a dict and whose time passes only while somebody sleeps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

SERVICE = "python -m serve.service --port 8000"


class Became(Exception):
    """This process went on as another program."""


@dataclass
class FakeChild:
    pid: int
    exit_status: int | None = None

    def poll(self) -> int | None:
        return self.exit_status


@dataclass
class FakeMachine:
    """`on_spawn(child, log)` plays what a started process does; `stubborn` processes ignore SIGTERM."""

    processes: dict[int, str] = field(default_factory=dict)
    sessions: dict[int, set[int]] = field(default_factory=dict)
    on_spawn: Callable[[FakeChild, Path], None] | None = None
    stubborn: set[int] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    """Addresses at which nobody answers."""
    spawned: list[list[str]] = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)
    signals: list[tuple[int, signal.Signals]] = field(default_factory=list)
    time_s: float = 0.0
    next_pid: int = 100

    def spawn(self, command: Sequence[str], log: Path, variables: Mapping[str, str]) -> FakeChild:
        self.spawned.append(list(command))
        self.variables = variables
        child = FakeChild(self.next_pid)
        self.next_pid += 1
        self.processes[child.pid] = " ".join(command)
        self.sessions[child.pid] = {child.pid}
        if self.on_spawn is not None:
            self.on_spawn(child, log)
        if child.exit_status is not None:
            self._gone(child.pid)
        return child

    def become(self, command: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
        self.spawned.append(list(command))
        raise Became

    def command_of(self, pid: int) -> str:
        return self.processes.get(pid, "")

    def members(self, session: int) -> list[int]:
        return sorted(self.sessions.get(session, ()))

    def send(self, pid: int, number: signal.Signals) -> None:
        self.signals.append((pid, number))
        if number is signal.SIGKILL or pid not in self.stubborn:
            self._gone(pid)

    def answers(self, url: str) -> bool:
        return url not in self.deaf

    def free_port(self, host: str, port: int) -> int:
        return port

    def now_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds

    def _gone(self, pid: int) -> None:
        self.processes.pop(pid, None)
        for members in self.sessions.values():
            members.discard(pid)
