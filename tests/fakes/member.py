"""A machine on which nodes are kept: members that join or do not, a farewell, and what happens at which second."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from cluster.member import Joined
from tests.fakes.machine import FakeChild, FakeMachine


class NodeMachine(FakeMachine):
    """`failures` are the next starts that fail, each with its exit status and last words; all others join,
    unless it `hangs`.

    `events` are called once when that second is reached.
    """

    def __init__(self) -> None:
        super().__init__(on_spawn=self._begin)
        self.hangs = False
        self.failures: list[tuple[int, str]] = []
        self.events: list[tuple[float, Callable[[], None]]] = []
        self.members_started: list[FakeChild] = []
        self.started_at_s: list[float] = []

    @property
    def farewells(self) -> list[list[str]]:
        return [command for command in self.spawned if "actors.farewell" in command]

    def kill_member(self) -> None:
        """Let Ray's processes of the newest node end."""
        child = self.members_started[-1]
        child.exit_status = 2
        self._gone(child.pid)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        due = [event for at_s, event in self.events if at_s <= self.time_s]
        self.events = [(at_s, event) for at_s, event in self.events if at_s > self.time_s]
        for event in due:
            event()

    def _begin(self, child: FakeChild, log: Path) -> None:
        command = self.spawned[-1]
        if "actors.farewell" in command:
            child.exit_status = 0
            return
        self.members_started.append(child)
        self.started_at_s.append(self.time_s)
        if self.failures:
            child.exit_status, words = self.failures.pop(0)
            log.write_text(words)
            return
        if self.hangs:
            return
        ready = Path(command[command.index("--ready") + 1])
        number = len(self.members_started)
        Joined(node_id=f"node-{number}", device="cpu").write_to(ready)


def option_of(command: list[str], name: str) -> str | None:
    """Return what a command line says after `--name`."""
    found = re.search(rf"--{name} (\S+)", " ".join(command))
    return found.group(1) if found else None
