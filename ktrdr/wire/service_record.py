"""The file under `KTRDR_HOME` by which a running service is found."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ValidationError

FILE_NAME = "service.json"


class ServiceRecord(BaseModel):
    """Where the embedded service of one home answers, and which process it is."""

    pid: int
    url: str
    ray_address: str
    dashboard_url: str
    token_path: str
    ray_variables: dict[str, str]
    """What a driver or a `ray` command must have in its environment to reach the cluster."""
    started_at: str

    def write(self, home: Path) -> None:
        """Put the record into `home`, whole or not at all."""
        draft = home / f".{FILE_NAME}.{os.getpid()}"
        draft.write_text(self.model_dump_json(indent=2) + "\n")
        draft.replace(home / FILE_NAME)

    @classmethod
    def read(cls, home: Path) -> ServiceRecord | None:
        """Return the record of `home`, or None where there is none that can be read."""
        try:
            return cls.model_validate_json((home / FILE_NAME).read_text())
        except (FileNotFoundError, ValidationError):
            return None

    @staticmethod
    def remove(home: Path) -> None:
        """Forget the service of `home`."""
        (home / FILE_NAME).unlink(missing_ok=True)
