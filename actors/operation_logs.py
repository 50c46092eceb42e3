"""The log of each operation: JSON lines in a file on the head, readable after the node is gone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ktrdr.errors import UnknownOperation
from ktrdr.operations import is_operation_id

READ_SIZE = 1024 * 1024


class OperationLogs:
    """One `{operation_id}.ndjson` under `folder` for each operation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, operation_id: str, records: list[dict[str, Any]]) -> None:
        """Add `records` to the log, one line each."""
        lines = "".join(json.dumps(record, default=str) + "\n" for record in records)
        with self._path(operation_id).open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # a line that was cut off by a kill stays by itself
                    file.write(b"\n")
            file.write(lines.encode())

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

    def _path(self, operation_id: str) -> Path:
        if not is_operation_id(operation_id):
            raise UnknownOperation(operation_id)
        return self._folder / f"{operation_id}.ndjson"
