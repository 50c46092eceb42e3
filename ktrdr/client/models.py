"""The stored models, as a client asks for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ktrdr.client.address import segment
from ktrdr.client.calls import Calls

_VERSION = re.compile(r"_v[0-9]+$")


class ModelCalls(Calls):
    """The routes under `/models` as methods."""

    def models(self, strategy: str | None = None, **filters: Any) -> dict[str, Any]:
        """Return one page of versions, newest first.

        Filters: symbol, timeframe, created_from, created_to, alias, tag, metric with at_least; limit, cursor.
        """
        asked = {key: value for key, value in filters.items() if value is not None}
        return self._object("GET", f"/models/{segment(strategy)}" if strategy else "/models", params=asked)

    def predict(self, strategy: str, name: str, **asked: Any) -> dict[str, Any]:
        """Return what a stored model says of bars: one item for each, with its class, probabilities and fired terms.

        `asked`: `symbol`, `start_date`, `end_date` and `last` for stored bars; or `bars`, a list of objects with
        `time`, `open`, `high`, `low`, `close` and `volume`. Nothing: the newest bar of each symbol of the training.
        """
        body = {field: value for field, value in asked.items() if value is not None}
        return self._object("POST", f"/models/{segment(strategy)}/{segment(name)}/predict", json=body)

    def model(self, strategy: str, name: str) -> dict[str, Any]:
        """Return one version; name is `{symbol}_{timeframe}_v{N}`, `..._latest` or `{symbol}_{timeframe}@{alias}`."""
        return self._object("GET", _model(strategy, name))

    def aliases(self, strategy: str) -> dict[str, Any]:
        """Return for each model name of a strategy what its aliases name, and every change of them."""
        return self._object("GET", f"/models/{segment(strategy)}/aliases")

    def set_alias(self, strategy: str, name: str, alias: str, by: str | None = None) -> dict[str, Any]:
        """Let an alias name this version from now on, whichever it named before."""
        return self._object("PUT", f"{_model(strategy, name)}/aliases/{segment(alias)}", json={"by": by})

    def remove_alias(self, strategy: str, name: str, alias: str, by: str | None = None) -> dict[str, Any]:
        """Let an alias of this version name nothing; its history stays."""
        return self._object("DELETE", f"{_model(strategy, name)}/aliases/{segment(alias)}", json={"by": by})

    def annotate(self, strategy: str, name: str, **changes: Any) -> dict[str, Any]:
        """Change a version's note and tags and return them; changes: note, tags, add_tags, remove_tags."""
        return self._object("PATCH", _model(strategy, name), json=changes)

    def delete_model(self, strategy: str, name: str) -> dict[str, Any]:
        """Delete a version and return its `model_id`, and which is the `latest` now.

        `..._latest` or an alias is looked up first, so that a repeat after a lost answer deletes no other.
        """
        version = name if _VERSION.search(name) else self.model(strategy, name)["name"]
        return self._object("DELETE", _model(strategy, version))

    def prune(self, keep: int, strategy: str | None = None, dry_run: bool = False) -> dict[str, Any]:
        """Delete all but the newest `keep` versions of every model name, and those that an alias names."""
        return self._object("POST", "/models/prune", json={"keep": keep, "strategy": strategy, "dry_run": dry_run})

    def download_model(self, strategy: str, name: str, path: str | Path) -> str:
        """Write a version's bundle to a file, and return its SHA-256, which has been verified.

        The file is there whole or not at all; one of that name is replaced.

        Raises
        ------
        StorageError
            If it cannot be written, or is not what was sent.
        """
        return self._download(f"{_model(strategy, name)}/download", Path(path))

    def import_model(self, path: str | Path) -> dict[str, Any]:
        """Send a bundle and return the version that it became; the same bundle twice gives one version.

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        return self._upload("/models/import", Path(path))


def _model(strategy: str, name: str) -> str:
    return f"/models/{segment(strategy)}/{segment(name)}"
