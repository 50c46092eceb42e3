"""The embedded service of one home: found, started and stopped. One of them runs, however many ask for it at once."""

from __future__ import annotations

import fcntl
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ktrdr.errors import Problem, ServiceError
from ktrdr.settings import Settings
from ktrdr.wire.service_record import ServiceRecord
from serve.cli.machine import Child, Machine

MODULE = "serve.service"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0
LEFTOVER_TIMEOUT_S = 15.0
_POLL_S = 0.2
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\(|\[\d{4}-|INFO |WARNING ")
"""How lines of a log begin: ours, and those of Ray's processes. The rest is what the process itself had to say."""
_N_LINES_SHOWN = 5


class EmbeddedServiceError(ServiceError):
    """The service's process did not come up, or is there and does not answer."""

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


@dataclass(frozen=True)
class Listening:
    """Where a service listens and as which kind of node; `none` trains nothing, None is the first local one."""

    host: str = "127.0.0.1"
    port: int = 8000
    environment: str | None = None

    @property
    def url(self) -> str:
        """The address clients use."""
        return f"http://{self.host}:{self.port}"

    @property
    def command(self) -> list[str]:
        """The command line of the service's process."""
        given = {"--host": self.host, "--port": str(self.port)}
        if self.environment is not None:
            given["--environment"] = self.environment
        return [sys.executable, "-m", MODULE, *(part for pair in given.items() for part in pair)]


@dataclass(frozen=True)
class Started:
    """A service that answers; `is_new` if it was started for this call."""

    record: ServiceRecord
    is_new: bool


@dataclass(frozen=True)
class Stopped:
    """A service that has ended; `was_killed` if it did not end by itself."""

    record: ServiceRecord
    was_killed: bool


def find(settings: Settings, machine: Machine | None = None) -> ServiceRecord | None:
    """Return the record of this home's running service; one of a process that is gone, or another, does not count."""
    record = ServiceRecord.read(settings.home)
    return record if record is not None and _is_service(record.pid, machine or Machine()) else None


def up(settings: Settings, listening: Listening | None = None, machine: Machine | None = None) -> Started:
    """Return the running service of this home, started if there is none, once it answers.

    It outlives the caller; `down` ends it. What it writes goes to `logs/service.log` under the home.

    Raises
    ------
    EmbeddedServiceError
        If it does not come up, with what it said, or runs and does not answer. A failed start leaves nothing running.
    """
    machine, listening = machine or Machine(), listening or Listening()
    with _locked(settings.home):
        found = find(settings, machine)
        if found is not None:
            if not machine.answers(found.url):
                complaint = f"The service runs (process {found.pid}) and does not answer at {found.url}."
                raise EmbeddedServiceError(
                    (complaint,), "Stop it with `ktrdr down`, then start it again with `ktrdr up`."
                )
            return Started(found, is_new=False)
        ServiceRecord.remove(settings.home)
        log = _fresh_log(settings.home)
        child = machine.spawn(listening.command, log, _variables(settings))
        record = None
        try:
            record = _await_answer(settings.home, child, log, machine)
        finally:
            if record is None:  # Ctrl-C, too: nobody would know of a half-started service
                _end(child.pid, machine)
                ServiceRecord.remove(settings.home)
        return Started(record, is_new=True)


def become_service(settings: Settings, listening: Listening, machine: Machine | None = None) -> NoReturn:
    """Go on as the service in this very process; a signal ends it."""
    (machine or Machine()).become(listening.command, _variables(settings))


def down(settings: Settings, machine: Machine | None = None) -> Stopped | None:
    """End the service of this home and all its processes; None if there was none."""
    machine = machine or Machine()
    if not settings.home.is_dir():
        return None
    with _locked(settings.home):
        record = ServiceRecord.read(settings.home)
        if record is None:
            return None
        is_running = _is_service(record.pid, machine)
        was_killed = is_running and _end(record.pid, machine)
        if not is_running and not machine.command_of(record.pid):
            _end_leftovers(record.pid, machine)  # its leader died without ending them
        ServiceRecord.remove(settings.home)
        return Stopped(record, was_killed) if is_running else None


def log_path(home: Path) -> Path:
    """Return the file that the service of `home` writes to."""
    return home / "logs" / "service.log"


def _is_service(pid: int, machine: Machine) -> bool:
    return MODULE in machine.command_of(pid).split()


def _variables(settings: Settings) -> dict[str, str]:
    # Said outright, so that the process means the home that was found upwards from here.
    return {"KTRDR_HOME": str(settings.home)}


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Let one start or stop at a time through; the others wait here and then find what it left."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "service.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fresh_log(home: Path) -> Path:
    path = log_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        path.replace(path.with_name("service.previous.log"))
    return path


def _await_answer(home: Path, child: Child, log: Path, machine: Machine) -> ServiceRecord:
    deadline_s = machine.now_s() + START_TIMEOUT_S
    advice = f"Its whole log is {log}."
    while machine.now_s() < deadline_s:
        if child.poll() is not None:
            raise EmbeddedServiceError(("The service did not start.", *_last_words(log)), advice)
        record = ServiceRecord.read(home)
        if record is not None and record.pid == child.pid and machine.answers(record.url):
            return record
        machine.sleep(_POLL_S)
    raise EmbeddedServiceError((f"The service did not answer within {START_TIMEOUT_S:.0f} s and was stopped.",), advice)


def _last_words(log: Path) -> tuple[str, ...]:
    """Return the lines by which the process said what is wrong: neither log lines nor a traceback's inside."""
    lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines()] if log.exists() else []
    said = [line for line in lines if line and not line[0].isspace() and not _LOG_LINE.match(line)]
    said = [line for line in said if not line.startswith("Traceback ")]
    return tuple((said or [line for line in lines if line])[-_N_LINES_SHOWN:])


def _end(pid: int, machine: Machine) -> bool:
    """End the service's process and what it started; True if it had to be killed."""
    if _is_service(pid, machine):
        machine.send(pid, signal.SIGTERM)
    was_killed = not _until(lambda: not _is_service(pid, machine), STOP_TIMEOUT_S, machine)
    if was_killed:
        machine.send(pid, signal.SIGKILL)
    _end_leftovers(pid, machine)
    return was_killed


def _end_leftovers(session: int, machine: Machine) -> None:
    """Wait until Ray's processes are gone, and kill those that stay: they are of the session that `up` began."""
    if not _until(lambda: not machine.members(session), LEFTOVER_TIMEOUT_S, machine):
        for pid in machine.members(session):
            machine.send(pid, signal.SIGKILL)


def _until(condition: Callable[[], bool], timeout_s: float, machine: Machine) -> bool:
    deadline_s = machine.now_s() + timeout_s
    while not condition():
        if machine.now_s() >= deadline_s:
            return False
        machine.sleep(_POLL_S)
    return True
