"""What is read of the book of operations."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ktrdr.errors import UnknownOperation
from ktrdr.operations.history import EpochHistory, monitored_of
from ktrdr.operations.operation import ACTIVE, UNDER_WAY, Operation, OperationStatus
from ktrdr.operations.paging import Page, before, check_limit, wanted
from ktrdr.operations.store import OperationRows, OperationStore


class OperationReadings:
    """The operations of a store as they stand; where an id names none, every method raises `UnknownOperation`."""

    def __init__(self, store: OperationStore) -> None:
        self._store = store

    def get(self, operation_id: str) -> Operation:
        """Return an operation."""
        with self._store.reading() as rows:
            return existing(rows, operation_id)

    def page(
        self,
        status: str | None = None,
        strategy: str | None = None,
        active: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return operations, newest first, without their results; `active` ones are those that have not ended.

        Raises
        ------
        RequestError
            If there is no such status, the cursor is not one of ours, or the limit is not within 1..500.
        """
        check_limit(limit)
        with self._store.reading() as rows:
            items, total_count, following = rows.page(wanted(status, active), strategy, before(cursor), limit)
        return Page(tuple(items), total_count, None if following is None else str(following))

    def orphans(self, environment: str, owner: str) -> list[Operation]:
        """Return what runs in an environment for another owner than this one, oldest first.

        A reopened attempt that nobody has claimed yet is nobody's orphan.
        """
        with self._store.reading() as rows:
            return [one for one in rows.in_environment(environment, UNDER_WAY) if one.owner not in (owner, None)]

    def running(self) -> list[Operation]:
        """Return what runs, oldest first."""
        with self._store.reading() as rows:
            return rows.with_status((OperationStatus.RUNNING,))

    def waiting(self) -> list[Operation]:
        """Return what no attempt has been made at yet, oldest first."""
        with self._store.reading() as rows:
            return [one for one in rows.with_status((OperationStatus.PENDING,)) if one.attempt == 0]

    def active_by_environment(self) -> dict[str, Counter[OperationStatus]]:
        """Return how many operations that have not ended each environment has, by their status."""
        counts: dict[str, Counter[OperationStatus]] = {}
        for (status, environment), n_operations in self.counts().items():
            if OperationStatus(status) in ACTIVE:
                counts.setdefault(environment, Counter())[OperationStatus(status)] = n_operations
        return counts

    def queue(self) -> tuple[dict[str, int], Counter[str]]:
        """Return how many start before each pending operation, by id, and how many slots each environment has taken."""
        with self._store.reading() as rows:
            seen: Counter[str] = Counter()
            ahead: dict[str, int] = {}
            for environment, operation_id in rows.pending_ids():
                ahead[operation_id] = seen[environment]
                seen[environment] += 1
            return ahead, _busy(rows)

    def busy(self) -> Counter[str]:
        """Return how many slots of each environment are taken: one that was reopened for its artifact takes none."""
        with self._store.reading() as rows:
            return _busy(rows)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many operations there are, by status and environment."""
        with self._store.reading() as rows:
            return rows.counts()

    def history(self, operation_id: str) -> EpochHistory:
        """Return the epochs of the newest attempt that has reported any, and how the training goes by them.

        An attempt that goes on from a checkpoint reports the epochs before it, too.
        """
        with self._store.reading() as rows:
            operation = existing(rows, operation_id)
            return EpochHistory(rows.epochs_of_newest_attempt(operation_id), monitored_of(operation.request))

    def epochs(self, operation_id: str) -> list[dict[str, Any]]:
        """Return the epochs of `history`."""
        return self.history(operation_id).epochs

    def newest_of_each_strategy(self) -> list[Operation]:
        """Return the newest operation of every strategy that was ever trained."""
        with self._store.reading() as rows:
            return rows.newest_of_each_strategy()

    def setting(self, key: str) -> str | None:
        """Return a setting changed at run time; None if it was not."""
        with self._store.reading() as rows:
            return rows.setting(key)


def _busy(rows: OperationRows) -> Counter[str]:
    return Counter(one.execution.environment for one in rows.with_status(UNDER_WAY) if not one.transferring)


def existing(rows: OperationRows, operation_id: str) -> Operation:
    """Return the operation of that id, or raise that there is none."""
    operation = rows.find(operation_id)
    if operation is None:
        raise UnknownOperation(operation_id)
    return operation
