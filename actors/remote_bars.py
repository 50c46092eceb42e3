"""The head's bars, as a node reads them: Arrow tables through the object store, cached by hash."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import ray

from ktrdr.data import Bars, SeriesInfo, SeriesKey, from_arrow

_CACHE_SIZE = 64
_cache: OrderedDict[str, Bars] = OrderedDict()
"""Bars by their hash, of this process: a worker that stays warm reads the same series once."""


class RemoteBarSource:
    """A `BarSource` over the BarsActor: every node trains on the same rows and needs no data folder of its own."""

    def __init__(self, bars_actor: Any) -> None:
        self._bars = bars_actor

    def catalog(self) -> list[SeriesInfo]:
        """Return what the head has."""
        return list(_get(self._bars.catalog.remote()))

    def read(self, key: SeriesKey) -> Bars:
        """Return one series, whole.

        Raises
        ------
        UnknownSymbol
            If the head does not have it.
        """
        digest, [table] = _get(self._bars.read.remote(key.symbol, key.timeframe))
        if digest not in _cache:
            _cache[digest] = from_arrow(ray.get(table))
            while len(_cache) > _CACHE_SIZE:
                _cache.popitem(last=False)
        _cache.move_to_end(digest)
        return _cache[digest]


def _get(answer: ray.ObjectRef[Any]) -> Any:
    try:
        return ray.get(answer)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
