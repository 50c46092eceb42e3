"""The database under the operations store: SQLite or PostgreSQL, one writer at a time, and its errors in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, InterfaceError, NoSuchModuleError

from ktrdr.errors import KtrdrError, RequestError, StoreUnavailable, UnusableStore
from ktrdr.operations.finite import finite

VARIABLE = "KTRDR_OPERATIONS_URL"
LOCK_TIMEOUT_MS = 5_000
"""A writer waits so long for the one before it."""
ANSWER_TIMEOUT_S = 30
"""A server that does not answer for so long counts as away."""
_TIMEOUTS: dict[str, dict[str, Any]] = {
    "pg8000": {"timeout": ANSWER_TIMEOUT_S},
    "psycopg": {"connect_timeout": ANSWER_TIMEOUT_S},
}
_EXAMPLES = "Give one such as sqlite:////path/operations.db or postgresql://user:password@host/database."
_MIGRATION_LOCK = 0x6B74726472  # "ktrdr": the key of PostgreSQL's advisory lock


class Database:
    """Transactions of one database, by URL. What the driver raises when it is away becomes `StoreUnavailable`.

    What a writing transaction reads stays true until it commits: writers take turns, on SQLite by the database's own
    lock, on PostgreSQL by a lock on the table of operations. Readers see one moment and wait for nobody.

    Raises
    ------
    RequestError
        If the URL is none, names another kind of database, or needs a driver that is not installed.
    """

    def __init__(self, url: str) -> None:
        parsed = _parsed(url)
        self.name = _name(parsed)
        """What it is called in messages: no user, no password."""
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        if self._is_sqlite:
            _make_folder(parsed)
        self._engine = _engine(parsed)
        (_prepare_sqlite if self._is_sqlite else _prepare_postgresql)(self._engine)
        self._writing_engine = self._engine.execution_options(is_writing=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one moment."""
        with self._spoken(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the transaction of the only writer; kept, on disk, when the block ends."""
        with self._spoken(), self._writing_engine.begin() as connection:
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Give a writing transaction that needs no table to be there, and sees what was committed before its turn."""
        if self._is_sqlite:
            with self.writing() as connection:
                yield connection
            return
        # not REPEATABLE READ: the wait for the lock would be its first look, at tables as they were before
        engine = self._engine.execution_options(isolation_level="READ COMMITTED")
        with self._spoken(), engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            yield connection

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # pg8000 does not wrap what the socket says
            raise StoreUnavailable(self.name, str(error.strerror or error)) from None
        except DBAPIError as error:
            said = self._ours(error)
            if said is None:
                raise
            # the driver's error may show what was to be written: the trace of ours ends here
            raise said from None

    def _ours(self, error: DBAPIError) -> KtrdrError | None:
        """Return the error of ours that a driver's stands for; None for a defect or a broken constraint."""
        reason = _reason(error)
        if self._is_sqlite:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            if code in _SQLITE_DAMAGED:
                advice = f"Restore it from a backup, or set {VARIABLE} to another file."
                return UnusableStore(f"{self.name} is no operations store: {reason}.", advice)
            return StoreUnavailable(self.name, reason) if code in _SQLITE_AWAY else None
        is_away = error.connection_invalidated or isinstance(error, InterfaceError)
        return StoreUnavailable(self.name, reason) if is_away or _sqlstate(error)[:2] in _POSTGRESQL_AWAY else None


_SQLITE_AWAY = frozenset({5, 6, 8, 10, 13, 14})  # busy, locked, read-only, I/O error, full, cannot open
_SQLITE_DAMAGED = frozenset({11, 26})  # corrupt, not a database
_POSTGRESQL_AWAY = frozenset({"08", "25", "28", "3D", "53", "55", "57", "58"})
"""Classes of SQLSTATE: connection, read-only, who may enter, no such database, resources, locks, shut down, disk."""


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        # nothing of it is shown: a password may stand in it
        raise RequestError(VARIABLE, f"{VARIABLE} is not a database URL.", _EXAMPLES) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+pg8000")
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        message = f"{VARIABLE} names a {backend} database; SQLite and PostgreSQL can be used."
        raise RequestError(VARIABLE, message, _EXAMPLES)
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        advice = "Give the path of a file, such as sqlite:////path/operations.db."
        raise RequestError(VARIABLE, f"{VARIABLE} names a database in memory, which keeps nothing.", advice)
    return parsed


def _name(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or 'localhost'}{port}/{url.database or ''}"


def _make_folder(url: URL) -> None:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(str(url.database), f"its folder cannot be made ({error.strerror})") from None


def _engine(url: URL) -> Engine:
    driver = url.drivername.partition("+")[2]
    settings: dict[str, Any] = {}
    if url.get_backend_name() == "postgresql":
        settings = {"isolation_level": "REPEATABLE READ"}
    try:
        return create_engine(url, json_serializer=_json, connect_args=_TIMEOUTS.get(driver, {}), **settings)
    except ModuleNotFoundError as error:
        advice = "Install it with `pip install 'ktrdr[postgres]'`, and begin the URL with postgresql://"
        if driver != "pg8000":
            advice = f"Install {error.name}, or: {advice[0].lower()}{advice[1:]}"
        message = f"{VARIABLE} needs the driver {error.name}, which is not installed."
        raise RequestError(VARIABLE, message, f"{advice}.") from None
    except NoSuchModuleError:
        advice = "Begin the URL with sqlite:/// or postgresql://."
        raise RequestError(VARIABLE, f"{VARIABLE}: there is no driver '{url.drivername}'.", advice) from None


def _json(document: Any) -> str:
    """Return a document as JSON that every database takes: a number that is not finite is null."""
    try:
        return json.dumps(document, allow_nan=False)
    except ValueError:
        return json.dumps(finite(document), allow_nan=False)


def _prepare_sqlite(engine: Engine) -> None:
    """Let SQLAlchemy alone begin transactions, and let each commit reach the disk."""

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin before a write only, after the read it rests on
        # the timeout first: turning to write-ahead waits for those who do so at the same time
        for pragma in (f"busy_timeout={LOCK_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a writer takes its lock at once: what it reads stays true until it commits
        is_writing = connection.get_execution_options().get("is_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _prepare_postgresql(engine: Engine) -> None:
    """Let writers take turns, each waiting for the one before for a while only."""

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET SESSION lock_timeout = {LOCK_TIMEOUT_MS}")
        cursor.close()
        connection.commit()

    @event.listens_for(engine, "checkout")
    def _ping(connection: Any, _record: Any, _proxy: Any) -> None:
        # a server that was restarted gets a new connection; SQLAlchemy's own ping misses what pg8000 lets through
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            cursor.close()
            connection.rollback()
        except (OSError, engine.dialect.loaded_dbapi.Error) as error:
            raise DisconnectionError from error

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # before the first look: the transaction's snapshot is made once the lock is held
        if connection.get_execution_options().get("is_writing", False):
            connection.exec_driver_sql("LOCK TABLE operations IN EXCLUSIVE MODE")


def _sqlstate(error: DBAPIError) -> str:
    said = _said(error)
    return str(said.get("C", "")) if said else str(getattr(error.orig, "sqlstate", None) or "")


def _reason(error: DBAPIError) -> str:
    """Return what the driver says, as the end of a sentence."""
    orig = error.orig
    cause = orig.__cause__ if orig is not None else None
    words = str((_said(error) or {}).get("M") or orig).partition("\n")[0]
    if isinstance(cause, OSError) and cause.strerror:
        words = f"{words.rstrip('.').partition(' (')[0]}: {cause.strerror}"
    return words.rstrip(".")


def _said(error: DBAPIError) -> dict[str, Any] | None:
    """Return the fields of a server's message, where the driver is pg8000."""
    given = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return given if isinstance(given, dict) else None
