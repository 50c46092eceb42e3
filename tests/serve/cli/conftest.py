from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.ray_environment import ray_environment
from ktrdr.settings import Settings
from ktrdr.wire.service_record import ServiceRecord
from serve.cli.main import run
from serve.cli.printing import Terminal
from serve.cli.session import Session
from tests.fakes.client import FakeClient
from tests.fakes.machine import SERVICE, FakeMachine


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / ".ktrdr")


def record_of(pid: int, home: Path) -> ServiceRecord:
    """Return the record that a service of `home` writes."""
    return ServiceRecord(
        pid=pid,
        url="http://127.0.0.1:8000",
        ray_address="127.0.0.1:6379",
        dashboard_url="http://127.0.0.1:8265",
        token_path=str(home / "ray_token"),
        ray_variables=ray_environment(home / "ray_token"),
        started_at="2025-11-25T20:00:00+00:00",
    )


def a_running_service(settings: Settings, pid: int = 50) -> FakeMachine:
    """Return a machine on which the service of the settings' home runs."""
    settings.home.mkdir(parents=True, exist_ok=True)
    record_of(pid, settings.home).write(settings.home)
    return FakeMachine(processes={pid: SERVICE}, sessions={pid: {pid}})


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def ktrdr(settings: Settings, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run one command against a fake client; the service runs unless the machine says otherwise."""

    def ran(
        line: list[str],
        client: FakeClient | None = None,
        machine: FakeMachine | None = None,
        is_terminal: bool = False,
        settings_used: Settings = settings,
    ) -> Ran:
        chosen: Any = machine or a_running_service(settings_used)
        connected: Any = client or FakeClient()
        session = Session(
            Terminal(program=".venv/bin/ktrdr", is_terminal=is_terminal),
            lambda _: connected,
            lambda: settings_used,
            chosen,
        )
        code = run(line, session)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran
