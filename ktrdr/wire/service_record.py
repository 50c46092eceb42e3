"""The file under `KTRDR_HOME` by which a running service is found."""

from __future__ import annotations

from pathlib import Path

from ktrdr.wire.record_file import RecordFile

FILE_NAME = "service.json"


class ServiceRecord(RecordFile):
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
        self.write_to(home / FILE_NAME)

    @classmethod
    def read(cls, home: Path) -> ServiceRecord | None:
        """Return the record of `home`, or None where there is none that can be read."""
        return cls.read_from(home / FILE_NAME)

    @staticmethod
    def remove(home: Path) -> None:
        """Forget the service of `home`."""
        (home / FILE_NAME).unlink(missing_ok=True)
