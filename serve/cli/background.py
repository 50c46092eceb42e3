"""A process of ours in the background, the service or what keeps a node: its lock, its log, its end."""

from __future__ import annotations

import fcntl
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ktrdr.errors import Problem, ServiceError
from serve.cli.machine import Machine

LEFTOVER_TIMEOUT_S = 15.0
POLL_S = 0.2
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\(|\[\d{4}-|INFO |WARNING ")
"""How lines of a log begin: ours, and those of Ray's processes. The rest is what the process itself had to say."""
_N_LINES_SHOWN = 5


class BackgroundError(ServiceError):
    """A process of ours did not come up, or is there and does not answer."""

    kind = "infrastructure"

    def __init__(self, complaints: tuple[str, ...], advice: str) -> None:
        super().__init__(complaints, advice)
        self.complaints, self.advice = complaints, advice

    def __str__(self) -> str:
        return "\n".join(self.complaints)

    @property
    def suggestion(self) -> str | None:
        """What the reader can do about it."""
        return self.advice

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the process said, a line each."""
        return (*(Problem("", line) for line in self.complaints[:-1]), Problem("", self.complaints[-1], self.advice))


@contextmanager
def locked(home: Path, name: str) -> Iterator[None]:
    """Let one start or stop at a time through; the others wait here and then find what it left."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fresh_log(path: Path) -> Path:
    """Return `path` for a process that starts: its folder is there, what an earlier one wrote is `*.previous.log`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.replace(path.with_suffix(f".previous{path.suffix}"))
    return path


def last_words(log: Path) -> tuple[str, ...]:
    """Return the lines by which the process said what is wrong: neither log lines nor a traceback's inside."""
    lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines()] if log.exists() else []
    said = [line for line in lines if line and not line[0].isspace() and not _LOG_LINE.match(line)]
    said = [line for line in said if not line.startswith("Traceback ")]
    return tuple((said or [line for line in lines if line])[-_N_LINES_SHOWN:])


def is_running(pid: int, module: str, machine: Machine) -> bool:
    """Whether `pid` is a living process of ours that runs `module`; another that has its number is not."""
    return module in machine.command_of(pid).split()


def end(pid: int, module: str, timeout_s: float, machine: Machine) -> bool:
    """End a process of ours and what it started; True if it had to be killed."""
    if is_running(pid, module, machine):
        machine.send(pid, signal.SIGTERM)
    was_killed = not until(lambda: not is_running(pid, module, machine), timeout_s, machine)
    if was_killed:
        machine.send(pid, signal.SIGKILL)
    end_leftovers(pid, machine)
    return was_killed


def end_leftovers(session: int, machine: Machine) -> None:
    """Wait until the processes of a session are gone, and kill those that stay."""
    if not until(lambda: not machine.members(session), LEFTOVER_TIMEOUT_S, machine):
        for pid in machine.members(session):
            machine.send(pid, signal.SIGKILL)


def until(condition: Callable[[], bool], timeout_s: float, machine: Machine) -> bool:
    """Wait for `condition`; False if it is not so after `timeout_s`."""
    deadline_s = machine.now_s() + timeout_s
    while not condition():
        if machine.now_s() >= deadline_s:
            return False
        machine.sleep(POLL_S)
    return True
