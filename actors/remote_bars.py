"""The head's bars, as a node reads them: Arrow tables through the object store, cached by hash."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import ray

from actors.own_errors import own_errors
from ktrdr.data import Bars, SeriesInfo, SeriesKey, bars_sha256, from_arrow
from ktrdr.errors import InfrastructureError

_CACHE_SIZE = 64
_cache: OrderedDict[str, Bars] = OrderedDict()
"""Bars by their hash, of this process: a worker that stays warm reads the same series once. Of the processes of one
node, the first fetches the table; the others find it in the node's object store."""


class RemoteBarSource:
    """A `BarSource` over the BarsActor: every node trains on the same rows and needs no data folder of its own.

    Parameters
    ----------
    bars_actor
        The actor's handle.
    get
        Waits for what a reference stands for; Ray's where none is given.
    """

    def __init__(self, bars_actor: Any, get: Callable[[Any], Any] = ray.get) -> None:
        self._bars, self._get = bars_actor, get

    def catalog(self) -> list[SeriesInfo]:
        """Return what the head has."""
        with own_errors():
            return list(self._get(self._bars.catalog.remote()))

    def read(self, key: SeriesKey) -> Bars:
        """Return one series, whole.

        Raises
        ------
        UnknownSymbol
            If the head does not have it.
        InfrastructureError
            If other rows arrived than the head has sent.
        """
        with own_errors():
            digest, [table] = self._get(self._bars.read.remote(key.symbol, key.timeframe))
        if digest not in _cache:
            _cache[digest] = self._fetched(key, digest, table)
            while len(_cache) > _CACHE_SIZE:
                _cache.popitem(last=False)
        _cache.move_to_end(digest)
        return _cache[digest]

    def _fetched(self, key: SeriesKey, digest: str, table: Any) -> Bars:
        bars = from_arrow(self._get(table))
        if bars_sha256(bars) != digest:
            raise InfrastructureError(f"{key.symbol} {key.timeframe} arrived with other rows than were sent.")
        return bars
