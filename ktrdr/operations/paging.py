"""Pages of operations: what may be asked for, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass

from ktrdr.errors import RequestError, did_you_mean
from ktrdr.operations.operation import ACTIVE, TERMINAL, Operation, OperationStatus

MAX_PAGE = 500


@dataclass(frozen=True)
class Page:
    """Some operations, newest first. `total_count` counts all pages; `next_cursor` leads to the next one."""

    items: tuple[Operation, ...]
    total_count: int
    next_cursor: str | None


def check_limit(limit: int) -> None:
    """Refuse pages of no size, or over `MAX_PAGE`."""
    if not 1 <= limit <= MAX_PAGE:
        raise RequestError("limit", f"limit is {limit}", f"Ask for 1 to {MAX_PAGE} and go on with next_cursor.")


def wanted(status: str | None, active: bool | None) -> set[OperationStatus]:
    """Return the statuses that a listing asks for."""
    statuses = set(OperationStatus) if status is None else {_status(status)}
    if active is not None:
        statuses &= ACTIVE if active else TERMINAL
    return statuses


def _status(text: str) -> OperationStatus:
    known = [status.value for status in OperationStatus]
    if text not in known:
        advice = did_you_mean(text, known) or f"One of: {', '.join(known)}."
        raise RequestError("status", f"there is no status '{text}'", advice)
    return OperationStatus(text)


def before(cursor: str | None) -> int | None:
    """Return the place in the order of submission that a cursor stands for."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        advice = "Give the next_cursor of the page before, or leave it out for the first page."
        raise RequestError("cursor", f"'{cursor}' is not a cursor", advice)
    return int(cursor)
