from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ktrdr.data import Bars, BarStore, SeriesKey, to_arrow
from ktrdr.data.calendars import _calendar
from ktrdr.data.quality import MAX_OF_A_KIND, SeriesReport, check_series
from ktrdr.errors import RequestError, UnknownSymbol
from tests.ktrdr.data.walk import walk

HOLIDAYS = ["2020-01-01", "2020-01-20", "2020-02-17", "2020-04-10", "2020-05-25", "2020-07-03", "2020-09-07"]
"""Of the New York Stock Exchange, by hand."""


def ny_days(n_days: int = 250) -> Bars:
    days = walk(n_days, "2020-01-01")
    return days[(days.index.day_of_week < 5) & ~days.index.isin(pd.DatetimeIndex(HOLIDAYS, tz="UTC"))].replace(
        {"volume": {0.0: 1.0}}
    )


def ny_hours(minutes: str = "30") -> Bars:
    """Two weeks of bars of one hour, from the opening at 14:30 UTC on (or at the full hour before it)."""
    first = "14:30" if minutes == "30" else "14:00"
    hours = walk(24 * 14, f"2020-01-06 {first}", "h")
    return hours[(hours.index.day_of_week < 5) & (hours.index.hour >= 14) & (hours.index.hour <= 20)]


def check(tmp_path: Path, bars: Bars, timeframe: str = "1d", calendar: str | None = None) -> SeriesReport:
    pq.write_table(to_arrow(bars), tmp_path / f"A_{timeframe}.parquet")
    return check_series(BarStore([tmp_path]), SeriesKey("A", timeframe), calendar)


def found(report: SeriesReport, kind: str) -> list[tuple[str | None, str | None, int]]:
    return [
        (one.first and one.first[:16], one.last and one.last[:16], one.count)
        for one in report.findings
        if one.kind == kind
    ]


def test_a_sound_series_has_nothing_to_find(tmp_path: Path) -> None:
    report = check(tmp_path, ny_days())
    assert (report.findings, report.counts, report.ok, report.calendar) == ((), {}, True, "XNYS")
    assert (report.n_bars, report.first, report.last) == (
        len(ny_days()),
        "2020-01-02T00:00:00+00:00",
        "2020-09-04T00:00:00+00:00",
    )


@pytest.mark.parametrize("stamp", ["0h", "5h", "14h30min"])
def test_missing_sessions_and_bars_of_closed_days_are_found_wherever_in_the_day_bars_are_stamped(
    tmp_path: Path, stamp: str
) -> None:
    bars = ny_days().drop(pd.DatetimeIndex(["2020-02-13", "2020-02-14", "2020-02-18", "2020-03-04"], tz="UTC"))
    extra = walk(2, "2020-05-24")  # a Sunday and Memorial Day
    bars = pd.concat([bars, extra]).sort_index()
    report = check(tmp_path, bars.set_axis(bars.index + pd.Timedelta(stamp)))
    assert found(report, "missing") == [
        ("2020-02-13T00:00", "2020-02-18T00:00", 3),
        ("2020-03-04T00:00", "2020-03-04T00:00", 1),
    ]
    assert [(first[:10], last[:10], n) for first, last, n in found(report, "extra")] == [
        ("2020-05-24", "2020-05-25", 2)
    ]
    assert report.counts == {"extra": 2, "missing": 4}
    assert report.ok


def test_missing_weeks_are_found(tmp_path: Path) -> None:
    weeks = walk(30, "2020-01-06", "W-MON").drop(pd.DatetimeIndex(["2020-03-02", "2020-03-09"], tz="UTC"))
    assert found(check(tmp_path, weeks, "1w"), "missing") == [("2020-03-02T00:00", "2020-03-09T00:00", 2)]


@pytest.mark.parametrize("minutes", ["00", "30"])
def test_missing_hours_are_found_be_they_stamped_at_the_full_hour_or_from_the_opening_on(
    tmp_path: Path, minutes: str
) -> None:
    bars = ny_hours(minutes)
    assert check(tmp_path, bars, "1h").counts == {}
    gone = [
        f"2020-01-08 16:{minutes}",
        f"2020-01-08 17:{minutes}",
        f"2020-01-09 20:{minutes}",
        f"2020-01-10 14:{minutes}",
    ]
    report = check(tmp_path, bars.drop(pd.DatetimeIndex(gone, tz="UTC")), "1h")
    assert [n for *_, n in found(report, "missing")] == [2, 2]
    assert found(report, "missing")[0][:2] == (f"2020-01-08T16:{minutes}", f"2020-01-08T17:{minutes}")
    assert report.counts == {"missing": 4}


def test_a_missing_day_of_hours_is_one_finding_and_an_early_close_is_none(tmp_path: Path) -> None:
    days = [
        walk(7 if day != "2020-11-27" else 4, f"{day} 14:30", "h") for day in ("2020-11-25", "2020-11-27", "2020-12-01")
    ]
    report = check(tmp_path, pd.concat(days), "1h")
    assert found(report, "missing") == [("2020-11-30T14:30", "2020-11-30T20:00", 7)]


def test_hours_of_closed_days_are_extra_and_hours_after_trading_are_not(tmp_path: Path) -> None:
    late = walk(2, "2020-01-07 22:30", "h")
    sunday = walk(3, "2020-01-12 15:30", "h")
    report = check(tmp_path, pd.concat([ny_hours(), late, sunday]).sort_index(), "1h")
    assert found(report, "extra") == [("2020-01-12T15:30", "2020-01-12T17:30", 3)]


def test_a_lunch_break_is_no_gap_and_a_gap_beside_it_is(tmp_path: Path) -> None:
    # Hong Kong: 01:30 to 04:00 and 05:00 to 08:00 UTC
    bars = walk(24 * 4, "2024-01-08", "30min")
    clock = bars.index.hour * 60 + bars.index.minute
    bars = bars[((clock >= 90) & (clock < 240)) | ((clock >= 300) & (clock < 480))]
    assert check(tmp_path, bars, "30m", "XHKG").counts == {}
    gone = pd.DatetimeIndex(["2024-01-08 03:30", "2024-01-08 05:00"], tz="UTC")
    report = check(tmp_path, bars.drop(gone), "30m", "XHKG")
    assert found(report, "missing") == [("2024-01-08T03:30", "2024-01-08T05:00", 2)]


def test_a_symbol_that_trades_on_weekends_is_compared_with_every_day(tmp_path: Path) -> None:
    report = check(tmp_path, walk(60).drop(pd.Timestamp("2020-01-25", tz="UTC")).replace({"volume": {0.0: 1.0}}))
    assert report.calendar == "24/7"
    assert found(report, "missing") == [("2020-01-25T00:00", "2020-01-25T00:00", 1)]


def test_weeks_of_a_symbol_that_trades_on_weekends_are_compared_with_every_day(tmp_path: Path) -> None:
    BarStore([tmp_path]).write(SeriesKey("A", "1d"), walk(30))
    assert check(tmp_path, walk(30, "2020-01-06", "W-MON"), "1w").calendar == "24/7"


def test_a_calendar_that_is_none_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="there is no calendar 'XNYZ'") as caught:
        check(tmp_path, ny_days(), calendar="XNYZ")
    assert "Did you mean" in str(caught.value.suggestion)
    with pytest.raises(UnknownSymbol):
        check_series(BarStore([tmp_path]), SeriesKey("B", "1d"))


def test_a_calendar_that_the_package_cannot_make_is_an_error_in_words() -> None:
    with pytest.raises(RequestError, match="cannot make the calendar 'AIXK'"):
        _calendar("AIXK", pd.Timestamp("2010-01-01"), pd.Timestamp("2011-01-01"))  # before its history


def test_bars_outside_the_calendars_history_are_said_to_be_not_compared(tmp_path: Path) -> None:
    bars = walk(300, "1996-07-01").replace({"volume": {0.0: 1.0}})
    report = check(tmp_path, bars[bars.index.day_of_week < 5], calendar="XTKS")  # known from 1997 on
    assert [(last[:10], n) for _, last, n in found(report, "not_checked")] == [("1996-12-31", 132)]
    assert found(report, "extra")[0][0] == "1997-01-01T00:00"
    only_before = check(tmp_path, bars.iloc[:60], calendar="XTKS")
    assert only_before.counts == {"not_checked": 60}
    assert only_before.ok


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("close", np.nan, "bad_price"),
        ("open", -1.0, "bad_price"),
        ("high", 1.0, "high_below_low"),
        ("close", 1000.0, "outside_range"),
        ("open", 1.0, "outside_range"),
        ("volume", -1.0, "bad_volume"),
    ],
)
def test_bars_that_cannot_be_are_errors_with_their_time(tmp_path: Path, column: str, value: float, kind: str) -> None:
    bars = ny_days()
    bars.loc["2020-03-04", column] = value
    report = check(tmp_path, bars)
    assert ("2020-03-04T00:00", "2020-03-04T00:00", 1) in found(report, kind)
    assert not report.ok
    assert report.findings[0].severity == "error"


def test_duplicates_disorder_and_moved_weeks_are_errors(tmp_path: Path) -> None:
    bars = ny_days()
    twice = check(tmp_path, bars.iloc[[*range(50), 49, *range(50, 100)]])
    assert (twice.counts, twice.ok) == ({"duplicate": 1}, False)
    moved = check(tmp_path, bars.iloc[[*range(50), 51, 50, *range(52, 100)]])
    assert (moved.counts, moved.ok) == ({"disorder": 1}, False)
    assert found(moved, "disorder") == [(bars.index[50].isoformat()[:16],) * 2 + (1,)]
    weeks = check(tmp_path, walk(9, "2020-01-07", "W-TUE"), "1w")
    assert weeks.counts["not_monday"] == 9
    assert check(tmp_path, bars.iloc[:0]).counts == {"empty": 0}
    assert not check(tmp_path, bars.iloc[:0]).ok


def test_a_price_that_jumps_is_a_spike_and_what_comes_after_it_changes_nothing(tmp_path: Path) -> None:
    bars = ny_days()
    bars.iloc[120:, :4] *= 1.10
    report = check(tmp_path, bars)
    assert found(report, "spike") == [(bars.index[120].isoformat()[:16],) * 2 + (1,)]
    message = next(one.message for one in report.findings if one.kind == "spike")
    assert message == next(one.message for one in check(tmp_path, bars.iloc[:121]).findings if one.kind == "spike")
    returns = np.diff(np.log(bars["close"].to_numpy()))
    past = returns[19:119]
    multiple = abs(returns[119]) / np.median(np.abs(past - np.median(past)))
    assert f"{multiple:.1f} times" in message
    early = ny_days()
    early.iloc[100:, :4] *= 1.10  # only 99 returns before it
    assert found(check(tmp_path, early), "spike") == []


def test_a_price_that_stands_still_is_found_from_five_bars_on(tmp_path: Path) -> None:
    for n_bars, expected in ((4, []), (5, [("2020-02-03T00:00", "2020-02-07T00:00", 5)])):
        bars = ny_days()
        at = bars.index.get_loc(pd.Timestamp("2020-02-03", tz="UTC"))
        bars.iloc[at : at + n_bars] = [100.0, 100.0, 100.0, 100.0, 7.0]
        assert found(check(tmp_path, bars), "stale") == expected
    bars.iloc[at : at + 5, 4] = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert found(check(tmp_path, bars), "stale") == []


def test_bars_without_volume_are_counted_and_runs_of_them_found_unless_none_is_reported_at_all(tmp_path: Path) -> None:
    bars = ny_days()
    bars.iloc[[3, 20, 21, 22, 23, 24], 4] = 0.0
    report = check(tmp_path, bars)
    assert report.counts == {"zero_volume": 6, "no_volume_run": 5}
    assert found(report, "no_volume_run")[0][0] == bars.index[20].isoformat()[:16]
    bars["volume"] = 0.0
    assert check(tmp_path, bars).counts == {"zero_volume": len(bars)}


def test_of_many_findings_of_a_kind_some_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    bars = ny_days()
    bars.iloc[:80, 3] = -1.0
    report = check(tmp_path, bars)
    assert report.counts["bad_price"] == 80
    assert len(found(report, "bad_price")) == MAX_OF_A_KIND
    assert report.n_left_out == sum(report.counts.values()) - sum(one.count for one in report.findings)
    assert report.as_dict()["findings"][0]["kind"] == "bad_price"
    assert report.as_dict()["ok"] is False


@pytest.mark.parametrize(("symbol", "n_spikes"), [("SP500", 29), ("NASDAQ", 16)])
def test_the_bundled_series_have_every_session_of_twenty_years_and_no_other(symbol: str, n_spikes: int) -> None:
    report = check_series(BarStore([Path(__file__).parents[3] / "data"]), SeriesKey(symbol, "1d"))
    zero_volume = {"zero_volume": 2} if symbol == "NASDAQ" else {}
    assert report.counts == {"spike": n_spikes} | zero_volume
    assert report.ok
