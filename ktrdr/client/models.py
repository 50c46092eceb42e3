"""The stored models, as a client asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ktrdr.client.address import segment
from ktrdr.client.calls import Calls


class ModelCalls(Calls):
    """The routes under `/models` as methods."""

    def models(self, strategy: str | None = None) -> dict[str, Any]:
        """Return the versions there are, newest first."""
        return self._object("GET", f"/models/{segment(strategy)}" if strategy else "/models")

    def model(self, strategy: str, name: str) -> dict[str, Any]:
        """Return one version; name is `{symbol}_{timeframe}_v{N}` or `..._latest`."""
        return self._object("GET", f"/models/{segment(strategy)}/{segment(name)}")

    def download_model(self, strategy: str, name: str, path: str | Path) -> str:
        """Write a version's bundle to a file, and return its SHA-256, which has been verified.

        The file is there whole or not at all; one of that name is replaced.

        Raises
        ------
        StorageError
            If it cannot be written, or is not what was sent.
        """
        return self._download(f"/models/{segment(strategy)}/{segment(name)}/download", Path(path))

    def import_model(self, path: str | Path) -> dict[str, Any]:
        """Send a bundle and return the version that it became; the same bundle twice gives one version.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        return self._upload("/models/import", Path(path))
