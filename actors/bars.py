"""BarsActor: the head's data store, reachable from every node."""

from __future__ import annotations

import threading
from typing import Any

import ray

from ktrdr.data import BarSource, SeriesInfo, SeriesKey, bars_sha256, to_arrow


class BarsActor:
    """Reads, checks and hashes bars, and answers with Arrow tables by reference. Undecorated; see `actors.house`."""

    def __init__(self, source: BarSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._served: dict[SeriesKey, tuple[str, list[ray.ObjectRef[Any]]]] = {}

    def ping(self) -> str:
        """Answer, to say that the actor lives."""
        return "ok"

    def catalog(self) -> list[SeriesInfo]:
        """Return what there is."""
        return self._source.catalog()

    def read(self, symbol: str, timeframe: str) -> tuple[str, list[ray.ObjectRef[Any]]]:
        """Return the hash of the series' rows, and its table as the one reference in a list (so that it stays one).

        Raises
        ------
        UnknownSymbol
            If it is not there.
        BadBars
            If the file holds bars that cannot be believed.
        """
        key = SeriesKey(symbol, timeframe)
        bars = self._source.read(key)
        digest = bars_sha256(bars)
        with self._lock:
            if key not in self._served or self._served[key][0] != digest:
                self._served[key] = digest, [ray.put(to_arrow(bars))]
            return self._served[key]
