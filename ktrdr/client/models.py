"""The stored models, as a client asks for them."""

from __future__ import annotations

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
