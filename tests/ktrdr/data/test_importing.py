from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktrdr.data import Bars, BarStore, SeriesKey, bars_sha256, import_bars, read_bars_file, to_arrow
from ktrdr.errors import AlreadyStored, BadBars, BadFile
from tests.ktrdr.data.walk import walk

KEY = SeriesKey("A", "1d")
HEADER = "timestamp,open,high,low,close,volume"
GOOD = ["2020-01-01,10,12,9,11,100", "2020-01-02,11,13,10,12,0", "2020-01-03,12,12,12,12,7.5"]


def csv_of(bars: Bars) -> str:
    rows = [
        f"{time.isoformat()},{','.join(map(repr, map(float, row)))}"
        for time, row in zip(bars.index, bars.to_numpy(), strict=True)
    ]
    return "\n".join([HEADER, *rows]) + "\n"


def write(tmp_path: Path, text: str | bytes, name: str = "bars.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refused(path: Path, timeframe: str = "1d") -> BadFile:
    with pytest.raises(BadFile) as caught:
        read_bars_file(path, timeframe)
    assert str(path) in str(caught.value)
    return caught.value


def places(error: BadFile) -> list[tuple[int | None, int | None, str]]:
    return [(problem.line, problem.column, problem.path) for problem in error.problems]


def test_a_csv_gives_the_bars_that_were_written(tmp_path: Path) -> None:
    bars = walk(500)
    pd.testing.assert_frame_equal(read_bars_file(write(tmp_path, csv_of(bars)), "1d"), bars, check_freq=False)


@pytest.mark.parametrize("name", ["timestamp", "Time", "DATE", "datetime"])
def test_columns_are_found_by_name_in_any_order_and_case_and_others_left_out(tmp_path: Path, name: str) -> None:
    text = f"Close,Adj Close,{name}, Volume ,LOW,High,open\n11,1,2020-01-01,100,9,12,10\n\n12,1,2020-01-02,0,10,13,11\n"
    bars = read_bars_file(write(tmp_path, "\ufeff" + text.replace("\n", "\r\n")), "1d")
    assert bars.columns.tolist() == ["open", "high", "low", "close", "volume"]
    assert bars.to_numpy().tolist() == [[10, 12, 9, 11, 100], [11, 13, 10, 12, 0]]


def test_times_become_utc(tmp_path: Path) -> None:
    texts = [
        "2020-01-01",
        "2020-01-02T01:00:00+01:00",
        "2020-01-03 00:00",
        "2020-01-03T19:00:00-05:00",
        "2020-01-05T00:00:00Z",
    ]
    path = write(tmp_path, "\n".join([HEADER, *(f"{text},1,1,1,1,1" for text in texts)]))
    assert read_bars_file(path, "1d").index.tolist() == list(pd.date_range("2020-01-01", periods=5, tz="UTC"))


@pytest.mark.parametrize(
    ("row", "place", "words"),
    [
        ("2020-01-02,abc,13,10,12,0", (3, 2, "open"), "'abc' is not a number"),
        ("2020-01-02,11,1_3,10,12,0", (3, 3, "high"), "'1_3' is not a number"),
        ('2020-01-02,11,13,10,"1,2",0', (3, 5, "close"), "'1,2' is not a number"),
        ("2020-01-02,11,13,10,,0", (3, 5, "close"), "the number is missing"),
        ("2020-01-02,11,13,10,12,", (3, 6, "volume"), "the number is missing"),
        ("2020-01-02,11,13,10,nan,0", (3, 5, "close"), "nan is not a finite number, positive"),
        ("2020-01-02,11,inf,10,12,0", (3, 3, "high"), "inf is not a finite number, positive"),
        ("2020-01-02,11,13,0,12,0", (3, 4, "low"), "0 is not a finite number, positive"),
        ("2020-01-02,-1,13,-2,12,0", (3, 2, "open"), "-1 is not a finite number, positive"),
        ("2020-01-02,11,13,10,12,-5", (3, 6, "volume"), "-5 is not a finite number, zero or more"),
        ("2020-01-02,14,13,10,11,0", (3, 2, "open"), "14 is outside the bar's range"),
        ("2020-01-02,11,13,10,14,0", (3, 5, "close"), "14 is outside the bar's range, 10 to 13"),
        ("2020-01-02,11,13,10,12", (3, 5, ""), "5 fields, where the header has 6"),
        ("2020-01-02,11,13,10,12,0,", (3, 7, ""), "7 fields, where the header has 6"),
        (",11,13,10,12,0", (3, 1, "timestamp"), "the time is missing"),
        ("2020-02-30,11,13,10,12,0", (3, 1, "timestamp"), "'2020-02-30' is not a time"),
        ("1577923200,11,13,10,12,0", (3, 1, "timestamp"), "'1577923200' is not a time"),
        ("02/01/2020,11,13,10,12,0", (3, 1, "timestamp"), "'02/01/2020' is not a time"),
        ("0020-01-02,11,13,10,12,0", (3, 1, "timestamp"), "'0020-01-02' is not a time"),
        ("2020-01-01T00:00Z,11,13,10,12,0", (3, 1, "timestamp"), "is the time of the one before it, line 2"),
        ("2019-12-31,11,13,10,12,0", (3, 1, "timestamp"), "is earlier than the one before it, line 2"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_its_field(
    tmp_path: Path, row: str, place: tuple[int, int, str], words: str
) -> None:
    error = refused(write(tmp_path, "\n".join([HEADER, GOOD[0], row, GOOD[2]])))
    assert places(error)[0] == place
    assert words in error.problems[0].message
    assert {line for line, _, _ in places(error)} == {3}


def test_a_high_below_the_low_is_at_the_high(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "\n".join([HEADER, GOOD[0], "2020-01-02,11,10,12,11,0"])))
    assert places(error) == [(3, 3, "high")]
    assert "10 is below the low, 12" in str(error)


@pytest.mark.parametrize(
    "row", ["-1,13,10,12,0", "11,-1,10,12,0", "11,13,-1,12,0", "11,13,10,-1,0", "11,9,10,12,0", "11,13,10,12,-1"]
)
def test_one_wrong_number_is_one_problem(tmp_path: Path, row: str) -> None:
    assert len(places(refused(write(tmp_path, "\n".join([HEADER, GOOD[0], f"2020-01-02,{row}"]))))) == 1


def test_lines_are_the_files_whatever_blank_lines_and_quotes_there_are(tmp_path: Path) -> None:
    text = f'note,{HEADER}\n\n"two\nlines",{GOOD[0]}\n,{GOOD[1].replace("13", "x")}\n\n,{GOOD[2].replace("7.5", "y")}'
    assert places(refused(write(tmp_path, text))) == [(5, 4, "high"), (7, 7, "volume")]


def test_all_problems_are_shown_together_in_the_order_of_the_file_up_to_twenty(tmp_path: Path) -> None:
    rows = [*GOOD, "2020-01-04,x,1,1,1,y", "2020-01-05,5,4,6,5,1", "2020-01-06,1,1", GOOD[0]]
    error = refused(write(tmp_path, "\n".join([HEADER, *rows])))
    assert [place[:2] for place in places(error)] == [(5, 2), (5, 6), (6, 3), (7, 3), (8, 1)]
    error = refused(write(tmp_path, "\n".join([HEADER, *["2020-01-01,x,1,1,1,1"] * 60_000, GOOD[0]])))
    assert [problem.line for problem in error.problems] == [*range(2, 22), None]
    assert error.problems[-1].message == "only the first 20 problems are shown"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (HEADER.encode(), "the file has no bars"),
        ("\n".join(GOOD).encode(), "the file has no header"),
        (b"timestamp,open,high,low,last\n", "there is no column of close"),
        (b"open,high,low,close,volume\n", "there is no column of times (timestamp, time, datetime, date)"),
        (b"date,time,open,high,low,close,volume\n", "2 columns are of time: date, time"),
        (b"date,open,Open,high,low,close,volume\n", "2 columns are of open: open, Open"),
        (HEADER.replace(",", ";").encode(), "the columns are not separated by commas"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "neither CSV text nor Parquet"),
        (f"{HEADER}\n{GOOD[0]}".encode("utf-16"), "neither CSV text nor Parquet"),
        (
            b"PAR1 and then nothing",
            "cannot be read as Parquet: it is damaged or was cut short, or is no Parquet file. Write",
        ),
        (f'{HEADER}\n"2020-01-01,1,1,1,1,1'.encode(), 'cannot be read as CSV: a quote (") is opened and not closed'),
        (f'{HEADER}\n"{"x" * 200_000}'.encode(), "a field is longer than 131072 characters"),
        (f'{HEADER}\n"a"b,1,1,1,1,1'.encode(), 'a quote (") stands inside a field'),
    ],
)
def test_a_file_that_holds_no_bars_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in str(refused(write(tmp_path, content)))


def test_text_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    error = refused(write(tmp_path, f"note,{HEADER}\nok,{GOOD[0]}\ncaf\xe9,{GOOD[1]}\n".encode("latin-1")))
    assert [(problem.line, problem.message) for problem in error.problems] == [(3, "byte 4 is not UTF-8 text")]


def test_a_file_that_is_not_there_or_is_a_folder_is_a_bad_file(tmp_path: Path) -> None:
    assert "the file cannot be read: No such file" in str(refused(tmp_path / "absent.csv"))
    assert "the file cannot be read" in str(refused(tmp_path))


def test_bars_from_the_newest_to_the_oldest_are_one_problem(tmp_path: Path) -> None:
    error = refused(write(tmp_path, csv_of(walk(50).iloc[::-1])))
    assert len(error.problems) == 1
    assert "backwards" in str(error)


@pytest.mark.parametrize("as_index", [False, True])
@pytest.mark.parametrize("kind", ["naive", "zone", "ns", "text", "date"])
def test_a_parquet_file_gives_the_bars_that_were_written(tmp_path: Path, kind: str, as_index: bool) -> None:
    bars, path = walk(40), tmp_path / "bars.pq"
    times = {
        "naive": bars.index.tz_localize(None),
        "zone": bars.index.tz_convert("Asia/Tokyo"),
        "ns": bars.index.as_unit("ns"),
        "text": bars.index.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "date": pd.Index(bars.index.date),
    }[kind]
    frame = bars.set_axis(times.rename("Date")).rename(columns=str.upper).assign(extra="x")
    (frame if as_index else frame.reset_index()).to_parquet(path)
    pd.testing.assert_frame_equal(
        read_bars_file(path, "1d").tz_convert("UTC"), bars, check_freq=False, check_index_type=False
    )


def test_what_is_wrong_in_a_parquet_file_is_said_with_its_row_and_column(tmp_path: Path) -> None:
    path, table = tmp_path / "bars.parquet", to_arrow(walk(8))
    close = table["close"].to_pylist()
    close[2], close[5] = None, -1.0
    pq.write_table(table.set_column(4, "close", pa.array(close)), path)
    assert {problem.path for problem in refused(path).problems} == {"row 3, close", "row 6, close"}
    for column, values, words in (
        (
            "close",
            pa.array(["1"] * 8),
            "close: the column holds text, not numbers. Write it as numbers, such as float64.",
        ),
        ("close", pa.array(["1"] * 8, pa.large_string()), "close: the column holds text, not numbers"),
        ("open", pa.array([[1.0]] * 8), "open: the column holds lists or mappings, not numbers"),
        ("high", pa.array([True] * 8), "high: the column holds true and false, not numbers"),
        ("time", pa.array(range(8)), "time: the column holds numbers, not times. Write it as timestamps"),
    ):
        pq.write_table(table.set_column(table.column_names.index(column), column, values), path)
        assert words in str(refused(path))
    times = table["time"].to_pylist()
    times[4] = None
    pq.write_table(table.set_column(0, "time", pa.array(times, pa.timestamp("us", "UTC"))), path)
    assert [problem.path for problem in refused(path).problems] == ["row 5, time"]
    pq.write_table(table.drop_columns(["low"]), path)
    assert "there is no column of low" in str(refused(path))


@pytest.mark.parametrize(
    ("freq", "start", "timeframe", "likely"),
    [
        ("D", "2020-01-01", "1h", "1d"),
        ("W-MON", "2020-01-06", "1d", "1w"),
        ("5min", "2020-01-01", "1m", "5m"),
        ("h", "2020-01-01", "4h", "1h"),
        ("min", "2020-01-01", "1d", "1m"),
        ("D", "2020-01-06", "1w", "1d"),
    ],
)
def test_bars_of_another_timeframe_are_refused_with_the_likely_one(
    tmp_path: Path, freq: str, start: str, timeframe: str, likely: str
) -> None:
    error = refused(write(tmp_path, csv_of(walk(40, start, freq))), timeframe)
    assert error.problems[0].path == "timeframe"
    assert error.problems[0].suggestion == f"Import them as {likely}."
    assert "00:00" not in error.problems[0].message
    spans = {"1d": "1 day apart", "1w": "7 days apart", "5m": "5 minutes apart", "1h": "1 hour apart", "1m": "1 minute"}
    assert spans[likely] in error.problems[0].message


def test_months_are_no_bars_of_any_timeframe(tmp_path: Path) -> None:
    path = write(tmp_path, csv_of(walk(40, freq="MS")))
    assert "not bars of 1d" in str(refused(path))


@pytest.mark.parametrize("timeframe", ["1m", "1h", "4h", "1d", "1w"])
def test_nights_weekends_and_quiet_minutes_are_no_other_timeframe(tmp_path: Path, timeframe: str) -> None:
    if timeframe == "1w":
        bars = walk(60, "2020-01-06", "W-MON").drop(pd.Timestamp("2020-02-03", tz="UTC"))
    elif timeframe == "1d":
        bars = walk(60)[lambda days: days.index.day_of_week < 5]
    elif timeframe == "1m":
        bars = walk(2000, freq="min").iloc[np.unique(np.random.default_rng(0).integers(0, 2000, 300))]
    else:
        bars = walk(2000, "2020-01-01 00:00", timeframe)[lambda hours: hours.index.hour.isin([12, 13, 14, 16, 20])]
    assert len(read_bars_file(write(tmp_path, csv_of(bars)), timeframe)) == len(bars)


def test_weeks_open_on_monday(tmp_path: Path) -> None:
    error = refused(write(tmp_path, csv_of(walk(8, "2020-01-03", "W-FRI"))), "1w")
    assert "is not a Monday at 00:00 UTC" in error.problems[0].message
    assert [problem.line for problem in error.problems] == list(range(2, 10))


def test_an_import_stores_the_bars_and_says_what_it_stored(tmp_path: Path) -> None:
    store, bars = BarStore([tmp_path / "bars"]), walk(30)
    report = import_bars(store, write(tmp_path, csv_of(bars)), KEY)
    assert report.as_dict() == {
        "symbol": "A",
        "timeframe": "1d",
        "n_bars": 30,
        "first": "2020-01-01T00:00:00+00:00",
        "last": "2020-01-30T00:00:00+00:00",
        "trades_weekends": True,
        "path": str(tmp_path / "bars" / "A_1d.parquet"),
        "sha256": bars_sha256(bars),
    }
    assert bars_sha256(store.read(KEY)) == report.sha256


def test_a_series_that_is_there_is_replaced_only_when_that_is_said(tmp_path: Path) -> None:
    mine, bundled = BarStore([tmp_path / "mine"]), BarStore([tmp_path / "bundled"])
    bundled.write(KEY, walk(10, seed=1))
    both, path = BarStore([tmp_path / "mine", tmp_path / "bundled"]), write(tmp_path, csv_of(walk(30)))
    with pytest.raises(AlreadyStored, match="A 1d is stored already"):
        import_bars(both, path, KEY)
    assert not mine.has(KEY)
    assert import_bars(both, path, KEY, overwrite=True).n_bars == 30
    assert len(both.read(KEY)) == 30
    with pytest.raises(AlreadyStored):
        import_bars(both, path, KEY)


def test_a_file_that_is_refused_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    store = BarStore([tmp_path / "bars"])
    store.write(KEY, walk(10))
    before = {path.name: path.read_bytes() for path in (tmp_path / "bars").iterdir()}
    with pytest.raises(BadFile):
        import_bars(store, write(tmp_path, "\n".join([HEADER, *GOOD, "x"])), KEY, overwrite=True)
    for key in (SeriesKey("../A", "1d"), SeriesKey("A", "2d")):
        with pytest.raises(BadBars):
            import_bars(store, write(tmp_path, "\n".join([HEADER, *GOOD])), key)
    assert {path.name: path.read_bytes() for path in (tmp_path / "bars").iterdir()} == before


def test_what_is_said_of_weekends_is_recorded(tmp_path: Path) -> None:
    path = write(tmp_path, csv_of(walk(8, "2020-01-06", "W-MON")))
    for weekends in (True, False):
        report = import_bars(BarStore([tmp_path]), path, SeriesKey("A", "1w"), True, trades_weekends=weekends)
        assert report.trades_weekends is weekends


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    at=st.tuples(st.integers(0, 8), st.integers(0, 5)),
    text=st.one_of(
        st.text(st.characters(blacklist_categories=["Cs"]), max_size=8),
        st.sampled_from(["1e308", "1e-320", "-0", "1e999", "2020-01-09", "9999-12-31", "11", " 11 ", "+11", "0x1"]),
    ),
)
def test_a_field_replaced_by_anything_is_a_bar_or_a_problem_never_a_surprise(
    tmp_path: Path, at: tuple[int, int], text: str
) -> None:
    rows = [line.split(",") for line in csv_of(walk(8)).splitlines()]
    rows[at[0]][at[1]] = text
    path = write(tmp_path, "\n".join(",".join(row) for row in rows))
    try:
        bars = read_bars_file(path, "1d")
    except BadFile as error:
        assert error.problems
        return
    BarStore([tmp_path / "bars"]).write(KEY, bars)
