"""The operations store: rows of a SQL database, read and written one transaction at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, create_engine, delete, event, func, insert, select, update
from sqlalchemy.engine import make_url

from ktrdr.operations.operation import Operation, OperationStatus
from ktrdr.operations.tables import EPOCHS, IDEMPOTENCY, METADATA, OPERATIONS, SETTINGS

BUSY_TIMEOUT_MS = 5_000


@dataclass(frozen=True)
class IdempotencyRow:
    """What an Idempotency-Key was used for."""

    body_sha256: str | None
    operation_id: str


class OperationStore:
    """Where operations outlive the process. Makes the tables, and the folder of a SQLite file, where there are none.

    Parameters
    ----------
    url
        Any SQLAlchemy URL, such as `sqlite:////abs/path/operations.db`.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        if is_sqlite and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(parsed)
        if is_sqlite:
            _prepare_sqlite(self._engine)
        self._writing_engine = self._engine.execution_options(is_writing=True)
        METADATA.create_all(self._engine)

    @contextmanager
    def reading(self) -> Iterator[OperationRows]:
        """Give the rows as they stand at one moment."""
        with self._engine.begin() as connection:
            yield OperationRows(connection)

    @contextmanager
    def writing(self) -> Iterator[OperationRows]:
        """Give the rows for changes that are kept together, on disk, when the block ends; not at all if it raises."""
        with self._writing_engine.begin() as connection:
            yield OperationRows(connection)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _prepare_sqlite(engine: Engine) -> None:
    """Let SQLAlchemy alone begin transactions, and let each commit reach the disk."""

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin before a write only, after the read it rests on
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # a writer takes its lock at once: what it reads stays true until it commits
        is_writing = connection.get_execution_options().get("is_writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


class OperationRows:
    """The rows, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, operation_id: str) -> Operation | None:
        """Return the operation of that id."""
        found = self._operations(OPERATIONS.c.operation_id == operation_id)
        return found[0] if found else None

    def insert(self, operation: Operation) -> None:
        """Add an operation behind all others."""
        self._connection.execute(insert(OPERATIONS).values(operation_id=operation.operation_id, **_columns(operation)))

    def replace(self, operation: Operation) -> Operation:
        """Write an operation over its earlier state and return it."""
        here = OPERATIONS.c.operation_id == operation.operation_id
        self._connection.execute(update(OPERATIONS).where(here).values(_columns(operation)))
        return operation

    def oldest_pending(self, environment: str, has_gpu: bool = True) -> Operation | None:
        """Return the operation to start next; without `has_gpu`, the next one that requires none."""
        found = self._operations(_is_pending_in(environment), limit=1 if has_gpu else None)
        return next((one for one in found if has_gpu or not one.request.get("require_gpu")), None)

    def n_pending_before(self, operation: Operation) -> int:
        """Return how many start before a pending operation."""
        own = select(OPERATIONS.c.sequence).where(OPERATIONS.c.operation_id == operation.operation_id)
        return self._count(
            _is_pending_in(operation.execution.environment), OPERATIONS.c.sequence < own.scalar_subquery()
        )

    def in_environment(self, environment: str, statuses: Collection[OperationStatus]) -> list[Operation]:
        """Return those of an environment in some statuses, oldest first."""
        return self._operations(_has_status(statuses), OPERATIONS.c.environment == environment)

    def with_status(self, statuses: Collection[OperationStatus]) -> list[Operation]:
        """Return those in some statuses, oldest first."""
        return self._operations(_has_status(statuses))

    def counted(self, statuses: Collection[OperationStatus]) -> list[tuple[str, str, int]]:
        """Return (environment, status, how many operations) of those in some statuses."""
        columns = OPERATIONS.c.environment, OPERATIONS.c.status
        query = select(*columns, func.count()).where(_has_status(statuses)).group_by(*columns)
        return [(environment, status, n_found) for environment, status, n_found in self._connection.execute(query)]

    def newest_of_each_strategy(self) -> list[Operation]:
        """Return the last submitted operation of each strategy."""
        newest = select(func.max(OPERATIONS.c.sequence)).group_by(OPERATIONS.c.strategy_name)
        return self._operations(OPERATIONS.c.sequence.in_(newest))

    def page(
        self, statuses: Collection[OperationStatus], strategy: str | None, before: int | None, limit: int
    ) -> tuple[list[Operation], int, int | None]:
        """Return up to `limit` operations submitted before sequence `before`, newest first.

        With them, how many there are on all pages, and the `before` of the next page if there is one.
        """
        wanted = [_has_status(statuses)]
        if strategy is not None:
            wanted.append(OPERATIONS.c.strategy_name == strategy)
        here = [*wanted, OPERATIONS.c.sequence < before] if before is not None else wanted
        query = select(OPERATIONS.c.sequence, OPERATIONS.c.document).where(*here)
        rows = self._connection.execute(query.order_by(OPERATIONS.c.sequence.desc()).limit(limit + 1)).all()
        shown = rows[:limit]
        following = shown[-1].sequence if len(rows) > limit else None
        return [Operation.model_validate(row.document) for row in shown], self._count(*wanted), following

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many operations there are, by status and environment."""
        place = (OPERATIONS.c.status, OPERATIONS.c.environment)
        query = select(*place, func.count()).group_by(*place)
        return {(status, environment): n for status, environment, n in self._connection.execute(query)}

    def add_epochs(self, operation_id: str, attempt: int, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Add those epochs of an attempt that are not there yet."""
        by_number = {int(epoch["epoch"]): dict(epoch) for epoch in reversed(epochs)}
        here = (EPOCHS.c.operation_id == operation_id, EPOCHS.c.attempt == attempt)
        known = set(self._connection.scalars(select(EPOCHS.c.epoch).where(*here)))
        missing = [
            {"operation_id": operation_id, "attempt": attempt, "epoch": number, "document": by_number[number]}
            for number in sorted(by_number.keys() - known)
        ]
        if missing:
            self._connection.execute(insert(EPOCHS), missing)

    def epochs_of_newest_attempt(self, operation_id: str) -> list[dict[str, Any]]:
        """Return the epochs of the last attempt that has any, in order."""
        newest = select(func.max(EPOCHS.c.attempt)).where(EPOCHS.c.operation_id == operation_id).scalar_subquery()
        here = (EPOCHS.c.operation_id == operation_id, EPOCHS.c.attempt == newest)
        return list(self._connection.scalars(select(EPOCHS.c.document).where(*here).order_by(EPOCHS.c.epoch)))

    def idempotency(self, key: str) -> IdempotencyRow | None:
        """Return what a key was used for."""
        query = select(IDEMPOTENCY.c.body_sha256, IDEMPOTENCY.c.operation_id).where(IDEMPOTENCY.c.key == key)
        row = self._connection.execute(query).one_or_none()
        return IdempotencyRow(row.body_sha256, row.operation_id) if row else None

    def add_idempotency(self, key: str, row: IdempotencyRow, created_at: str) -> None:
        """Keep what a key was used for."""
        values = {"body_sha256": row.body_sha256, "operation_id": row.operation_id, "created_at": created_at}
        self._connection.execute(insert(IDEMPOTENCY).values(key=key, **values))

    def drop_idempotency(self, before: str) -> None:
        """Forget the keys made before a time."""
        self._connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.created_at < before))

    def setting(self, key: str) -> str | None:
        """Return a setting's value."""
        return self._connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.key == key))

    def put_setting(self, key: str, value: str) -> None:
        """Keep a setting's value."""
        self._connection.execute(delete(SETTINGS).where(SETTINGS.c.key == key))
        self._connection.execute(insert(SETTINGS).values(key=key, value=value))

    def _operations(self, *wanted: ColumnElement[bool], limit: int | None = None) -> list[Operation]:
        query = select(OPERATIONS.c.document).where(*wanted).order_by(OPERATIONS.c.sequence).limit(limit)
        return [Operation.model_validate(document) for document in self._connection.scalars(query)]

    def _count(self, *wanted: ColumnElement[bool]) -> int:
        return self._connection.scalar(select(func.count()).select_from(OPERATIONS).where(*wanted)) or 0


def _columns(operation: Operation) -> dict[str, Any]:
    return {
        "status": operation.status.value,
        "environment": operation.execution.environment,
        "strategy_name": operation.strategy_name,
        "created_at": operation.created_at,
        "document": operation.model_dump(mode="json"),
    }


def _is_pending_in(environment: str) -> ColumnElement[bool]:
    return (OPERATIONS.c.status == OperationStatus.PENDING.value) & (OPERATIONS.c.environment == environment)


def _has_status(statuses: Collection[OperationStatus]) -> ColumnElement[bool]:
    return OPERATIONS.c.status.in_(sorted(status.value for status in statuses))
