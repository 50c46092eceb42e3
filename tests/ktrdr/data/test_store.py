from __future__ import annotations

import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktrdr.data import SYMBOL, BarStore, SeriesInfo, SeriesKey, to_arrow
from ktrdr.errors import BadBars, UnknownSymbol
from tests.ktrdr.data.walk import walk

KEY = SeriesKey("A", "1d")
SYMBOLS = st.from_regex(SYMBOL, fullmatch=True)


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """Let this process write no larger file, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_bars_are_read_as_they_were_written(tmp_path: Path) -> None:
    store, bars = BarStore([tmp_path / "new"]), walk()
    path = store.write(KEY, bars)
    assert path == tmp_path / "new" / "A_1d.parquet"
    pd.testing.assert_frame_equal(store.read(KEY), bars, check_freq=False)


def test_writing_replaces_the_series_and_leaves_nothing_else_behind(tmp_path: Path) -> None:
    store = BarStore([tmp_path])
    store.write(KEY, walk(seed=1))
    store.write(KEY, walk(seed=2))
    assert store.read(KEY)["close"].tolist() == walk(seed=2)["close"].tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["A_1d.parquet"]


def test_a_write_that_fails_leaves_the_old_bars(tmp_path: Path) -> None:
    store = BarStore([tmp_path])
    store.write(KEY, walk(seed=1))
    with files_of_at_most(1000), pytest.raises(OSError, match="large"):
        store.write(KEY, walk(1000, seed=2))
    assert [path.name for path in tmp_path.iterdir()] == ["A_1d.parquet"]
    assert store.read(KEY)["close"].tolist() == walk(seed=1)["close"].tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(symbol=SYMBOLS, timeframe=st.sampled_from(["1m", "1d", "1w"]))
def test_any_symbol_is_one_file_in_the_folder(tmp_path: Path, symbol: str, timeframe: str) -> None:
    store, key = BarStore([tmp_path / "bars"]), SeriesKey(symbol, timeframe)
    path = store.write(key, walk(3, "2020-01-06", "W-MON"))
    assert path.parent == tmp_path / "bars"
    assert key in {SeriesKey(info.symbol, info.timeframe) for info in store.catalog()}
    assert len(store.read(key)) == 3
    assert [folder.name for folder in tmp_path.iterdir()] == ["bars"]


def test_a_symbol_with_signs_is_percent_encoded(tmp_path: Path) -> None:
    assert BarStore([tmp_path]).write(SeriesKey("^EUR/USD=X", "1h"), walk()).name == "%5EEUR%2FUSD%3DX_1h.parquet"


@pytest.mark.parametrize(
    "symbol", ["../secret", "/etc/passwd", "B", "a", "", "A" * 5000, "\0", "\udcff", "A_1d.parquet"]
)
def test_an_unknown_symbol_names_those_there_are(tmp_path: Path, symbol: str) -> None:
    root = tmp_path / "bars"
    BarStore([tmp_path]).write(SeriesKey("secret", "1d"), walk())
    store = BarStore([root])
    store.write(KEY, walk())
    store.write(SeriesKey("^GSPC", "1w"), walk(freq="W-MON"))
    with pytest.raises(UnknownSymbol) as caught:
        store.read(SeriesKey(symbol, "1d"))
    assert caught.value.args[:2] == (f"{symbol} 1d", ("A 1d", "^GSPC 1w"))


def test_an_unknown_timeframe_is_an_unknown_series(tmp_path: Path) -> None:
    BarStore([tmp_path]).write(KEY, walk())
    for timeframe in ("1h", "2d", "1d/../A_1d"):
        with pytest.raises(UnknownSymbol, match="A " + timeframe):
            BarStore([tmp_path]).read(SeriesKey("A", timeframe))


def test_a_series_not_stored_names_the_timeframes_of_its_symbol_or_the_nearest_symbol(tmp_path: Path) -> None:
    store = BarStore([tmp_path])
    for key in (KEY, SeriesKey("ONE", "1h"), SeriesKey("SP500", "1d")):
        store.write(key, walk(freq="h" if key.timeframe == "1h" else "D"))
    for key, words, advice in (
        (SeriesKey("SP500", "1h"), "SP500 1h is not stored", "Stored of SP500: SP500 1d."),
        (SeriesKey("NOPE", "1h"), "Symbol not found: NOPE 1h", "Known series: A 1d, ONE 1h, SP500 1d."),
        (
            SeriesKey("SP50", "1h"),
            "Symbol not found: SP50 1h",
            "Did you mean 'SP500'? Known series: A 1d, ONE 1h, SP500 1d.",
        ),
    ):
        with pytest.raises(UnknownSymbol) as caught:
            store.read(key)
        assert (str(caught.value), caught.value.suggestion) == (words, advice)


def test_the_first_folder_that_has_a_series_wins(tmp_path: Path) -> None:
    mine, bundled = tmp_path / "mine", tmp_path / "bundled"
    BarStore([bundled]).write(KEY, walk(10))
    BarStore([bundled]).write(SeriesKey("B", "1d"), walk(20))
    BarStore([mine]).write(KEY, walk(30))
    store = BarStore([tmp_path / "absent", mine, bundled])
    assert [(info.symbol, info.n_bars) for info in store.catalog()] == [("A", 30), ("B", 20)]
    assert len(store.read(KEY)) == 30
    assert len(store.read(SeriesKey("B", "1d"))) == 20


def test_the_catalog_says_dates_and_bars_in_order(tmp_path: Path) -> None:
    store = BarStore([tmp_path])
    store.write(SeriesKey("B", "1d"), walk(10))
    store.write(SeriesKey("A", "1d"), walk(366))
    store.write(SeriesKey("A", "1h"), walk(25, start="2020-01-01 12:00", freq="h"))
    assert store.catalog() == [
        SeriesInfo("A", "1h", "2020-01-01", "2020-01-02", 25, trades_weekends=False),
        SeriesInfo("A", "1d", "2020-01-01", "2020-12-31", 366, trades_weekends=True),
        SeriesInfo("B", "1d", "2020-01-01", "2020-01-10", 10, trades_weekends=True),
    ]


def recorded(store: BarStore) -> dict[str, bool]:
    return {info.timeframe: info.trades_weekends for info in store.catalog()}


def test_a_bar_that_opens_on_saturday_shows_weekend_trading_and_sunday_evening_does_not(tmp_path: Path) -> None:
    hours = walk(24 * 14, "2020-01-06", "h")
    is_currency = (hours.index.day_of_week < 5) | ((hours.index.day_of_week == 6) & (hours.index.hour >= 22))
    store = BarStore([tmp_path])
    store.write(SeriesKey("A", "1h"), hours[is_currency])
    store.write(SeriesKey("A", "1d"), walk(14, "2020-01-06"))
    assert recorded(store) == {"1h": False, "1d": True}


def test_what_the_caller_says_of_weekends_is_recorded_instead(tmp_path: Path) -> None:
    store = BarStore([tmp_path])
    store.write(SeriesKey("A", "1d"), walk(14), trades_weekends=False)
    store.write(SeriesKey("A", "1w"), walk(14, "2020-01-06", "W-MON"), trades_weekends=True)
    assert recorded(store) == {"1d": False, "1w": True}


def test_weeks_trade_on_weekends_where_the_symbols_other_series_do(tmp_path: Path) -> None:
    store, weeks = BarStore([tmp_path]), walk(14, "2020-01-06", "W-MON")
    store.write(SeriesKey("B", "1d"), walk(14))
    store.write(SeriesKey("A", "1w"), weeks)
    assert recorded(store)["1w"] is False
    store.write(SeriesKey("A", "1d"), walk(14))
    store.write(SeriesKey("A", "1w"), weeks)
    assert recorded(store)["1w"] is True


def test_a_record_that_no_import_wrote_is_bad_bars(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for record in (b"yes", b"[]", b'{"trades_weekends": 1}'):
        pq.write_table(to_arrow(walk()).replace_schema_metadata({b"ktrdr": record}), tmp_path / "A_1d.parquet")
        assert BarStore([tmp_path]).catalog() == []
        assert "which no import wrote" in caplog.text
        caplog.clear()


def test_bars_can_be_read_as_they_lie_whatever_is_wrong_with_them(tmp_path: Path) -> None:
    wrong = walk().iloc[::-1]
    pq.write_table(to_arrow(wrong), tmp_path / "A_1d.parquet")
    store = BarStore([tmp_path])
    pd.testing.assert_frame_equal(store.read_unchecked(KEY), wrong, check_freq=False)
    assert store.has(KEY)
    assert not store.has(SeriesKey("A", "1h"))
    with pytest.raises(UnknownSymbol):
        store.read_unchecked(SeriesKey("A", "1h"))


def test_the_catalog_reads_all_row_groups(tmp_path: Path) -> None:
    pq.write_table(to_arrow(walk(100)), tmp_path / "A_1d.parquet", row_group_size=7)
    assert BarStore([tmp_path]).catalog() == [SeriesInfo("A", "1d", "2020-01-01", "2020-04-09", 100)]


def test_files_of_other_names_are_no_series(tmp_path: Path) -> None:
    for name in ("notes.parquet", "_1d.parquet", "A_2d.parquet", "A_1d.csv", "%41_1d.parquet", "^GSPC_1d.parquet"):
        pq.write_table(to_arrow(walk()), tmp_path / name)
    assert BarStore([tmp_path]).catalog() == []


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not Parquet at all, but long enough to look at" * 10])
def test_a_file_that_is_no_parquet_is_bad_bars_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "A_1d.parquet"
    path.write_bytes(content)
    with pytest.raises(BadBars, match="cannot be read") as caught:
        BarStore([tmp_path]).read(KEY)
    assert str(path) in str(caught.value)


def test_a_damaged_file_is_bad_bars_and_not_in_the_catalog(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = BarStore([tmp_path])
    store.write(SeriesKey("B", "1d"), walk())
    path = store.write(KEY, walk(2000))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadBars, match="cannot be read"):
        store.read(KEY)
    with caplog.at_level(logging.WARNING):
        assert [info.symbol for info in store.catalog()] == ["B"]
    assert str(path) in caplog.text
    assert "Import the series again, or remove the file." in caplog.text
    store.catalog()
    assert len(caplog.records) == 1


def test_a_parquet_of_something_else_is_bad_bars(tmp_path: Path) -> None:
    path = tmp_path / "A_1d.parquet"
    for table, reason in (
        (pa.table({"x": [1]}), "has no column time"),
        (to_arrow(walk().iloc[::-1]), "does not come after"),
        (to_arrow(walk() * [1, -1, 1, 1, 1]), "not positive"),
    ):
        pq.write_table(table, path)
        with pytest.raises(BadBars, match=reason) as caught:
            BarStore([tmp_path]).read(KEY)
        assert str(path) in str(caught.value)
    pq.write_table(pa.table({"x": [1]}), path)
    assert BarStore([tmp_path]).catalog() == []


def test_bars_that_break_the_conventions_are_not_written(tmp_path: Path) -> None:
    store = BarStore([tmp_path])
    for key, bars, reason in (
        (KEY, walk().iloc[::-1], "does not come after"),
        (KEY, walk().iloc[:0], "has no bars"),
        (SeriesKey("A", "../x"), walk(), "no timeframe"),
        (SeriesKey("../A", "1d"), walk(), "'../A' is no symbol"),
        (SeriesKey("", "1d"), walk(), "'' is no symbol"),
        (SeriesKey("A%", "1d"), walk(), "'A%' is no symbol"),
        (SeriesKey("A", "1w"), walk(), "does not open on a Monday"),
        (KEY, walk().astype(str), "column open is str, not numbers"),
    ):
        with pytest.raises(BadBars, match=reason):
            store.write(key, bars)
    with pytest.raises(BadBars) as caught:
        store.write(KEY, walk().iloc[::-1])
    assert "file" not in caught.value.suggestion
    assert list(tmp_path.iterdir()) == []


def test_times_in_a_zone_that_is_utc_by_another_name_are_stored_as_utc(tmp_path: Path) -> None:
    path = BarStore([tmp_path]).write(KEY, walk().tz_convert("Etc/UTC").astype("float32"))
    table = pq.read_table(path)
    assert table.schema.field("time").type.tz == "UTC"
    assert table.schema.field("close").type == pa.float64()


def test_a_files_weeks_that_do_not_open_on_monday_are_bad_bars(tmp_path: Path) -> None:
    pq.write_table(to_arrow(walk()), tmp_path / "A_1w.parquet")
    with pytest.raises(BadBars, match="does not open on a Monday") as caught:
        BarStore([tmp_path]).read(SeriesKey("A", "1w"))
    assert caught.value.suggestion == "Correct the file and import it again."
