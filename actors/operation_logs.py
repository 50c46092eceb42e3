"""The log of each operation: JSON lines in a file on the head, readable after the node is gone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ktrdr.errors import UnknownOperation
from ktrdr.operations import is_operation_id

READ_SIZE = 1024 * 1024
_N_REMEMBERED = 1000
"""Operations whose last lines are known without reading their files."""


class OperationLogs:
    """One `{operation_id}.ndjson` under `folder` for each operation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: dict[str, dict[Any, int]] = {}  # of each operation, by attempt
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, operation_id: str, records: list[dict[str, Any]]) -> None:
        """Add those of `records` that the log does not have yet, one line each.

        A record's `sequence` rises within its `attempt`, and they arrive in that order: a report that is sent again
        adds nothing, also after a restart. Records without a number are always added.
        """
        _cut_off_partial_line(self._path(operation_id))
        known = self._last.pop(operation_id, None)
        last = self._read_last(operation_id) if known is None else known
        missing = [record for record in records if _is_later(record, last)]
        lines = "".join(json.dumps(record, default=str) + "\n" for record in missing)
        with self._path(operation_id).open("ab") as file:
            file.write(lines.encode())
        # only now: what a full disk cut short is read again
        self._last[operation_id] = last
        if len(self._last) > _N_REMEMBERED:
            del self._last[next(iter(self._last))]

    def read(self, operation_id: str, offset: int = 0) -> tuple[str, int]:
        """Return the whole lines from byte `offset` on, at most about `READ_SIZE`, and the offset to go on from."""
        path = self._path(operation_id)
        if not path.exists():
            return "", offset
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(READ_SIZE)
        whole = content[: content.rfind(b"\n") + 1]
        return whole.decode("utf-8"), offset + len(whole)

    def _read_last(self, operation_id: str) -> dict[Any, int]:
        path = self._path(operation_id)
        last: dict[Any, int] = {}
        for record in _whole_records(path.read_bytes().splitlines() if path.exists() else ()):
            _is_later(record, last)
        return last

    def _path(self, operation_id: str) -> Path:
        if not is_operation_id(operation_id):
            raise UnknownOperation(operation_id)
        return self._folder / f"{operation_id}.ndjson"


def _cut_off_partial_line(path: Path) -> None:
    """Remove what a kill or a full disk left of a line: nobody was given it, and it is sent again."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


def _is_later(record: dict[str, Any], last: dict[Any, int]) -> bool:
    """Return whether a record follows the last of its attempt; it is that from then on."""
    attempt, sequence = record.get("attempt"), record.get("sequence")
    if not isinstance(sequence, int):
        return True
    is_later = sequence > last.get(attempt, 0)
    if is_later:
        last[attempt] = sequence
    return is_later


def _whole_records(lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:  # cut off by a kill
            continue
