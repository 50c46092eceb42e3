"""A PostgreSQL server of the test session's own: real, cheap, and gone with it."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, text

from ktrdr.operations import OperationStore
from ktrdr.operations.tables import METADATA

USER = "ktrdr"
UNPRIVILEGED = "postgres"
"""Who runs it where the tests are root: initdb refuses root. Debian's package brings this user."""
# nothing of a test's must outlive a crash of the machine
_CHEAP = "-c fsync=off -c full_page_writes=off -c shared_buffers=16MB -c max_connections=50 -c autovacuum=off"


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL installed; None without one, or without anybody to run it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        on_path = shutil.which("initdb")
        found = [Path(on_path).resolve()] if on_path else []
    if os.geteuid() == 0 and not _has_user(UNPRIVILEGED):
        return None
    return found[-1].parent if found else None


class PostgresServer:
    """Listens on 127.0.0.1, on a free port, and asks for a password."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="kt-pg-"))
        self.password = secrets.token_hex(8)
        self.port = _free_port()
        as_root = os.geteuid() == 0
        self._as: dict[str, Any] = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if as_root else {}
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        if as_root:
            for path in (self._folder, password_file):
                shutil.chown(path, UNPRIVILEGED, UNPRIVILEGED)
        self._data = self._folder / "data"
        self._call("initdb", "--no-sync", "-E", "UTF8", "-A", "scram-sha-256", "-U", USER, f"--pwfile={password_file}")
        self._start()
        self._cleared: Engine | None = None
        self._admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")

    def url(self, database: str, **changes: Any) -> str:
        """Return the URL of a database; `password` and `port` may be others."""
        password, port = changes.get("password", self.password), changes.get("port", self.port)
        return f"postgresql+pg8000://{USER}:{password}@127.0.0.1:{port}/{database}"

    def empty_database(self, name: str) -> str:
        """Make a database, in place of one of that name, and return its URL."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def cleared_store(self) -> str:
        """Return the URL of an operations store without rows; its tables are made once."""
        if self._cleared is None:
            OperationStore(self.empty_database("cleared")).close()
            self._cleared = create_engine(self.url("cleared"), poolclass=NullPool)  # tests may cut connections
        with self._cleared.begin() as connection:
            names = ", ".join(table.name for table in METADATA.sorted_tables)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
        return self.url("cleared")

    def execute(self, statement: str) -> None:
        """Do something to the server as its owner."""
        with self._admin.connect() as connection:
            connection.execute(text(statement))

    def stop(self) -> None:
        """End the server and remove what it kept."""
        for engine in filter(None, (self._admin, self._cleared)):
            engine.dispose()
        self._watch.communicate(timeout=60)
        shutil.rmtree(self._folder)

    def _start(self) -> None:
        options = f"{_CHEAP} -c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories="
        self._call("pg_ctl", "start", "-w", "-l", str(self._folder / "log"), "-o", options)
        # stops it when the pipe closes, as it does also where the session's process is killed
        stop = shlex.join([str(self._binaries / "pg_ctl"), "-D", str(self._data), "stop", "-m", "immediate"])
        watch = ["sh", "-c", f"read -r _; exec {stop} >/dev/null"]
        self._watch = subprocess.Popen(watch, cwd="/", stdin=subprocess.PIPE, start_new_session=True, **self._as)

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-D", str(self._data), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=60, check=False, **self._as)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _has_user(name: str) -> bool:
    return any(line.startswith(f"{name}:") for line in Path("/etc/passwd").read_text().splitlines())
