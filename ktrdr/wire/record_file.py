"""A small document in a file under `KTRDR_HOME`, by which a process of ours is found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError


class RecordFile(BaseModel):
    """Written whole or not at all; one that cannot be read counts for nothing."""

    def write_to(self, path: Path) -> None:
        """Put the record into `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(self.model_dump_json(indent=2) + "\n")
        draft.replace(path)

    @classmethod
    def read_from(cls, path: Path) -> Self | None:
        """Return the record in `path`, or None where there is none that can be read."""
        try:
            return cls.model_validate_json(path.read_text())
        except (FileNotFoundError, ValidationError):
            return None
