"""The operations store: rows of a SQL database, read and written one transaction at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, delete, func, insert, select, update

from ktrdr.operations.database import Database
from ktrdr.operations.operation import Operation, OperationStatus
from ktrdr.operations.tables import EPOCHS, IDEMPOTENCY, OPERATIONS, SETTINGS

_ROWS_AT_ONCE = 500
"""In one statement: four values each, and SQLite takes 32,766."""


@dataclass(frozen=True)
class IdempotencyRow:
    """What an Idempotency-Key was used for."""

    body_sha256: str | None
    operation_id: str


class OperationStore:
    """Where operations outlive the process. Opening makes the tables, or brings them to the present version.

    Parameters
    ----------
    url
        Such as `sqlite:////abs/path/operations.db`, whose folder is made, or `postgresql://user:password@host/database`.

    Raises
    ------
    RequestError
        If the URL cannot be used.
    StoreUnavailable
        Here and from every transaction, while the database cannot be reached or written.
    UnusableStore
        If what is there was written by a newer version, or is no store.
    """

    def __init__(self, url: str) -> None:
        # only who opens a store pays for alembic: clients, too, import what an operation is
        from ktrdr.operations.migrations import upgrade  # noqa: PLC0415

        self._database = Database(url)
        upgrade(self._database)

    @contextmanager
    def reading(self) -> Iterator[OperationRows]:
        """Give the rows as they stand at one moment."""
        with self._database.reading() as connection:
            yield OperationRows(connection)

    @contextmanager
    def writing(self) -> Iterator[OperationRows]:
        """Give the rows for changes that are kept together, on disk, when the block ends; not at all if it raises."""
        with self._database.writing() as connection:
            yield OperationRows(connection)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()


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
        first = self._operations(_is_pending_in(environment), limit=1)
        if not first or has_gpu or not first[0].request.get("require_gpu"):
            return first[0] if first else None
        found = self._operations(_is_pending_in(environment))
        return next((one for one in found if not one.request.get("require_gpu")), None)

    def pending_ids(self) -> list[tuple[str, str]]:
        """Return (environment, operation id) of what is pending, in the order in which it starts."""
        is_pending = OPERATIONS.c.status == OperationStatus.PENDING.value
        query = select(OPERATIONS.c.environment, OPERATIONS.c.operation_id).where(is_pending)
        found = self._connection.execute(query.order_by(OPERATIONS.c.sequence))
        return [(environment, operation_id) for environment, operation_id in found]

    def in_environment(self, environment: str, statuses: Collection[OperationStatus]) -> list[Operation]:
        """Return those of an environment in some statuses, oldest first."""
        return self._operations(_has_status(statuses), OPERATIONS.c.environment == environment)

    def with_status(self, statuses: Collection[OperationStatus]) -> list[Operation]:
        """Return those in some statuses, oldest first."""
        return self._operations(_has_status(statuses))

    def newest_of_each_strategy(self) -> list[Operation]:
        """Return the last submitted operation of each strategy."""
        newest = select(func.max(OPERATIONS.c.sequence)).group_by(OPERATIONS.c.strategy_name)
        return self._operations(OPERATIONS.c.sequence.in_(newest))

    def page(
        self, statuses: Collection[OperationStatus], strategy: str | None, before: int | None, limit: int
    ) -> tuple[list[Operation], int, int | None]:
        """Return up to `limit` operations submitted before sequence `before`, newest first, without their results.

        With them, how many there are on all pages, and the `before` of the next page if there is one.
        """
        wanted = [] if len(statuses) == len(OperationStatus) else [_has_status(statuses)]
        if strategy is not None:
            wanted.append(OPERATIONS.c.strategy_name == strategy)
        here = [*wanted, OPERATIONS.c.sequence < before] if before is not None else wanted
        newest = OPERATIONS.c.sequence.desc()
        # the places alone are found and put in order by an index; only then are documents read
        found = list(
            self._connection.scalars(select(OPERATIONS.c.sequence).where(*here).order_by(newest).limit(limit + 1))
        )
        shown = select(OPERATIONS.c.document).where(OPERATIONS.c.sequence.in_(found[:limit])).order_by(newest)
        items = [Operation.model_validate(document) for document in self._connection.scalars(shown)]
        return items, self._count(*wanted), found[limit - 1] if len(found) > limit else None

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many operations there are, by status and environment."""
        place = (OPERATIONS.c.status, OPERATIONS.c.environment)
        query = select(*place, func.count()).group_by(*place)
        return {(status, environment): n for status, environment, n in self._connection.execute(query)}

    def add_epochs(self, operation_id: str, attempt: int, epochs: Sequence[Mapping[str, Any]]) -> None:
        """Add those epochs of an attempt that are not there yet."""
        by_number = {int(epoch["epoch"]): dict(epoch) for epoch in reversed(epochs)}
        if not by_number:
            return
        among = EPOCHS.c.epoch.between(min(by_number), max(by_number))
        here = (EPOCHS.c.operation_id == operation_id, EPOCHS.c.attempt == attempt, among)
        known = set(self._connection.scalars(select(EPOCHS.c.epoch).where(*here)))
        missing = [
            {"operation_id": operation_id, "attempt": attempt, "epoch": number, "document": by_number[number]}
            for number in sorted(by_number.keys() - known)
        ]
        for first in range(0, len(missing), _ROWS_AT_ONCE):
            self._connection.execute(insert(EPOCHS).values(missing[first : first + _ROWS_AT_ONCE]))

    def epochs_of_newest_attempt(self, operation_id: str) -> list[str]:
        """Return the epochs of the last attempt that has any, in order, each as the JSON it was kept as."""
        newest = select(func.max(EPOCHS.c.attempt)).where(EPOCHS.c.operation_id == operation_id).scalar_subquery()
        here = (EPOCHS.c.operation_id == operation_id, EPOCHS.c.attempt == newest)
        query = select(cast(EPOCHS.c.document, Text)).where(*here).order_by(EPOCHS.c.epoch)
        return list(self._connection.scalars(query))

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
        columns = select(OPERATIONS.c.document, OPERATIONS.c.result)
        rows = self._connection.execute(columns.where(*wanted).order_by(OPERATIONS.c.sequence).limit(limit))
        return [Operation.model_validate({**document, "result": result}) for document, result in rows]

    def _count(self, *wanted: ColumnElement[bool]) -> int:
        return self._connection.scalar(select(func.count()).select_from(OPERATIONS).where(*wanted)) or 0


def _columns(operation: Operation) -> dict[str, Any]:
    return {
        "status": operation.status.value,
        "environment": operation.execution.environment,
        "strategy_name": operation.strategy_name,
        "created_at": operation.created_at,
        "document": operation.model_dump(mode="json", exclude={"result"}),
        "result": operation.result,
    }


def _is_pending_in(environment: str) -> ColumnElement[bool]:
    return (OPERATIONS.c.status == OperationStatus.PENDING.value) & (OPERATIONS.c.environment == environment)


def _has_status(statuses: Collection[OperationStatus]) -> ColumnElement[bool]:
    return OPERATIONS.c.status.in_(sorted(status.value for status in statuses))
