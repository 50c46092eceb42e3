"""The head's bars on a node, with an actor's handle whose answers are there at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import remote_bars
from actors.remote_bars import RemoteBarSource
from ktrdr.data import BarStore, SeriesInfo, SeriesKey, bars_sha256, to_arrow
from ktrdr.errors import InfrastructureError, UnknownSymbol

KEY = SeriesKey("SP500", "1d")


class Method:
    def __init__(self, call: Callable[..., Any]) -> None:
        self.remote = call


class BarsHandle:
    """Answers as BarsActor does; a reference is what it stands for. `lies` puts other rows under the hash it tells."""

    def __init__(self, store: BarStore) -> None:
        self._store = store
        self.lies = False
        self.catalog, self.read = Method(store.catalog), Method(self._read)

    def _read(self, symbol: str, timeframe: str) -> tuple[str, list[Any]]:
        bars = self._store.read(SeriesKey(symbol, timeframe))
        return bars_sha256(bars), [to_arrow(bars.iloc[1:] if self.lies else bars)]


@pytest.fixture
def handle(bundled_bars_dir: Path) -> BarsHandle:
    return BarsHandle(BarStore([bundled_bars_dir]))


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_bars, "_cache", OrderedDict())


def test_a_node_reads_the_rows_of_the_head(handle: BarsHandle, bundled_bars_dir: Path) -> None:
    bars = RemoteBarSource(handle, get=lambda it: it).read(KEY)
    assert bars_sha256(bars) == bars_sha256(BarStore([bundled_bars_dir]).read(KEY))


def test_rows_that_are_not_those_that_were_sent_are_refused_and_not_kept(handle: BarsHandle) -> None:
    source = RemoteBarSource(handle, get=lambda it: it)
    handle.lies = True
    with pytest.raises(InfrastructureError, match="SP500 1d arrived with other rows"):
        source.read(KEY)
    handle.lies = False
    assert len(source.read(KEY)) > 0


def test_the_same_rows_are_fetched_once(handle: BarsHandle) -> None:
    fetched: list[Any] = []

    def get(it: Any) -> Any:
        if not isinstance(it, tuple | list):
            fetched.append(it)
        return it

    source = RemoteBarSource(handle, get)
    assert source.read(KEY) is source.read(KEY)
    assert len(fetched) == 1


def test_what_the_head_does_not_have_is_said_with_what_it_has(handle: BarsHandle) -> None:
    source = RemoteBarSource(handle, get=lambda it: it)
    assert KEY in [SeriesKey(info.symbol, info.timeframe) for info in source.catalog() if isinstance(info, SeriesInfo)]
    with pytest.raises(UnknownSymbol):
        source.read(SeriesKey("SP50", "1d"))
