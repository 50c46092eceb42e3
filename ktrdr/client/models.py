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

    def predict(self, strategy: str, name: str, **asked: Any) -> dict[str, Any]:
        """Return what a stored model says of bars: one item for each, with its class, probabilities and fired terms.

        `asked`: `symbol`, `start_date`, `end_date` and `last` for stored bars; or `bars`, a list of objects with
        `time`, `open`, `high`, `low`, `close` and `volume`. Nothing: the newest bar of each symbol of the training.
        """
        body = {field: value for field, value in asked.items() if value is not None}
        return self._object("POST", f"/models/{segment(strategy)}/{segment(name)}/predict", json=body)

    def model(self, strategy: str, name: str) -> dict[str, Any]:
        """Return one version; name is `{symbol}_{timeframe}_v{N}` or `..._latest`."""
        return self._object("GET", f"/models/{segment(strategy)}/{segment(name)}")
