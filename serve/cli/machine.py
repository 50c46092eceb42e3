"""The operating system, as far as starting and stopping the service's process needs it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, Protocol

_PROC = Path("/proc")
_N_PORTS_TRIED = 20


class Child(Protocol):
    """A process that was started here."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Return its exit status once it has ended."""


class Machine:
    """Processes, ports and time of this machine; tests hand in another."""

    def spawn(self, command: Sequence[str], log: Path, variables: Mapping[str, str]) -> Child:
        """Start a process that outlives this one and its terminal; what it writes goes to `log`."""
        with log.open("ab") as file:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **variables},
                start_new_session=True,
            )

    def become(self, command: Sequence[str], variables: Mapping[str, str]) -> NoReturn:
        """Go on as another program in this process."""
        sys.stdout.flush()
        os.execve(command[0], list(command), {**os.environ, **variables})

    def command_of(self, pid: int) -> str:
        """Return the command line of a living process, empty where there is none."""
        if _PROC.is_dir():
            try:
                return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                return ""
        asked = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout

    def members(self, session: int) -> list[int]:
        """Return the living processes of a session: all that its leader started, and what they started."""
        return [pid for pid in self._pids() if _session_of(pid) == session]

    def send(self, pid: int, number: signal.Signals) -> None:
        """Send a signal; a process that is gone needs none."""
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return

    def answers(self, url: str) -> bool:
        """Whether the service at `url` says how it is."""
        from ktrdr.client import Client
        from ktrdr.errors import ServiceError

        try:
            with Client(url, timeout_s=10.0) as client:
                client.health()
        except ServiceError:
            return False
        return True

    def free_port(self, host: str, port: int) -> int:
        """Return the first port from `port` on that nobody listens on; `port` itself if all near it are taken."""
        for candidate in range(port, port + _N_PORTS_TRIED):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, candidate))
                except OSError:
                    continue
                return candidate
        return port

    def now_s(self) -> float:
        """Return seconds, monotonic."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def _pids(self) -> list[int]:
        if _PROC.is_dir():
            return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
        listed = subprocess.run(["ps", "-axo", "pid="], capture_output=True, text=True, check=False).stdout
        return [int(pid) for pid in listed.split()]


def _session_of(pid: int) -> int | None:
    """Return the session of a process, None if it is gone or only waits to be reaped."""
    try:
        if _PROC.is_dir():
            # After the name, which stands in brackets and may hold some: state, parent, group, session.
            state, _parent, _group, session = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:4]
            return None if state in "ZX" else int(session)
        return os.getsid(pid)
    except OSError:
        return None
