"""The embedded service of one home: found, started and stopped. One of them runs, however many ask for it at once."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ktrdr.settings import Settings
from ktrdr.wire.service_record import ServiceRecord
from serve.cli.background import (
    POLL_S,
    BackgroundError,
    end,
    end_leftovers,
    fresh_log,
    is_running,
    last_words,
    locked,
)
from serve.cli.machine import Child, Machine

MODULE = "serve.service"
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0


class EmbeddedServiceError(BackgroundError):
    """The service's process did not come up, or is there and does not answer."""


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
    return record if record is not None and is_running(record.pid, MODULE, machine or Machine()) else None


def up(settings: Settings, listening: Listening | None = None, machine: Machine | None = None) -> Started:
    """Return the running service of this home, started if there is none, once it answers.

    It outlives the caller; `down` ends it. What it writes goes to `logs/service.log` under the home.

    Raises
    ------
    EmbeddedServiceError
        If it does not come up, with what it said, or runs and does not answer. A failed start leaves nothing running.
    """
    machine, listening = machine or Machine(), listening or Listening()
    with locked(settings.home, "service"):
        found = find(settings, machine)
        if found is not None:
            if not machine.answers(found.url):
                complaint = f"The service runs (process {found.pid}) and does not answer at {found.url}."
                raise EmbeddedServiceError(
                    (complaint,), "Stop it with `ktrdr down`, then start it again with `ktrdr up`."
                )
            return Started(found, is_new=False)
        ServiceRecord.remove(settings.home)
        log = fresh_log(log_path(settings.home))
        child = machine.spawn(listening.command, log, _variables(settings))
        record = None
        try:
            record = _await_answer(settings.home, child, log, machine)
        finally:
            if record is None:  # Ctrl-C, too: nobody would know of a half-started service
                end(child.pid, MODULE, STOP_TIMEOUT_S, machine)
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
    with locked(settings.home, "service"):
        record = ServiceRecord.read(settings.home)
        if record is None:
            return None
        was_there = is_running(record.pid, MODULE, machine)
        was_killed = was_there and end(record.pid, MODULE, STOP_TIMEOUT_S, machine)
        if not was_there and not machine.command_of(record.pid):
            end_leftovers(record.pid, machine)  # its leader died without ending them
        ServiceRecord.remove(settings.home)
        return Stopped(record, was_killed) if was_there else None


def log_path(home: Path) -> Path:
    """Return the file that the service of `home` writes to."""
    return home / "logs" / "service.log"


def _variables(settings: Settings) -> dict[str, str]:
    # Said outright, so that the process means the home that was found upwards from here.
    return {"KTRDR_HOME": str(settings.home)}


def _await_answer(home: Path, child: Child, log: Path, machine: Machine) -> ServiceRecord:
    deadline_s = machine.now_s() + START_TIMEOUT_S
    advice = f"Its whole log is {log}."
    while machine.now_s() < deadline_s:
        if child.poll() is not None:
            raise EmbeddedServiceError(("The service did not start.", *last_words(log)), advice)
        record = ServiceRecord.read(home)
        if record is not None and record.pid == child.pid and machine.answers(record.url):
            return record
        machine.sleep(POLL_S)
    raise EmbeddedServiceError((f"The service did not answer within {START_TIMEOUT_S:.0f} s and was stopped.",), advice)
