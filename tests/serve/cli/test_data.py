from __future__ import annotations

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ktrdr.data import BarStore, SeriesKey, to_arrow
from tests.fakes.client import FakeClient
from tests.fakes.machine import FakeMachine

CSV = """\
timestamp,open,high,low,close,volume
2020-01-02,10,12,9,11,100
2020-01-03,11,12,10,11.5,90
2020-01-06,11.5,13,11,12,80
"""
PAGE = {
    "items": [
        {
            "symbol": "EURUSD",
            "timeframe": "1h",
            "first": "2020-01-01",
            "last": "2020-12-31",
            "n_bars": 6000,
            "trades_weekends": False,
        }
    ],
    "total_count": 1,
    "next_cursor": None,
}


@pytest.fixture
def data(ktrdr):
    """Run `data ...` where no service is."""
    return lambda *line: ktrdr(["data", *line], machine=FakeMachine())


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(CSV)
    return path


def damaged(settings, change):
    """Store a series that no import would let in, and return its file."""
    bars = BarStore(settings.data_roots).read(SeriesKey("SP500", "1d"))[:400].copy()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.data_dir / "ODD_1d.parquet"
    pq.write_table(to_arrow(change(bars)), path)
    return path


def test_without_a_service_the_folders_series_are_listed_and_that_is_said(data, settings):
    ran = data("list")
    assert ran.code == 0
    assert "SP500" in ran.out and "5031" in ran.out
    assert f"Bars of the folders {settings.data_dir}" in ran.out
    found = json.loads(data("list", "--json").out)
    assert str(settings.data_dir) in found["source"]
    assert [item["symbol"] for item in found["items"]] == ["NASDAQ", "SP500"]


def test_where_a_service_runs_its_series_are_listed_and_that_is_said(ktrdr):
    ran = ktrdr(["data", "list"], FakeClient(data=PAGE))
    assert "EURUSD" in ran.out and "SP500" not in ran.out
    assert "Bars of the service at http://127.0.0.1:8000." in ran.out
    assert ".venv/bin/ktrdr data check EURUSD 1h" in ran.out
    found = json.loads(ktrdr(["data", "list", "--json"], FakeClient(data=PAGE)).out)
    assert found == {**PAGE, "source": "the service at http://127.0.0.1:8000"}


def test_a_file_is_imported_into_the_data_folder_once(data, settings, csv):
    line = ("import", str(csv), "--symbol", "MINE", "--timeframe", "1d")
    ran = data(*line)
    assert (ran.code, ran.err) == (0, "")
    assert ".venv/bin/ktrdr data check MINE 1d" in ran.out
    assert (settings.data_dir / "MINE_1d.parquet").is_file()
    again = data(*line)
    assert again.code == 1
    assert "--overwrite" in again.err
    report = json.loads(data(*line, "--overwrite", "--weekends", "--json").out)
    assert (report["n_bars"], report["trades_weekends"]) == (3, True)
    assert "MINE" in data("list").out


def test_every_problem_of_a_file_has_its_line_and_column(data, settings, csv):
    csv.write_text(CSV.replace("11.5,90", "x,-1").replace("2020-01-06", "06.01.2020"))
    ran = data("import", str(csv), "--symbol", "MINE", "--timeframe", "1d")
    assert ran.code == 1
    assert f"Error: {csv}: line 3, column 5: close: 'x' is not a number" in ran.err
    assert f"Error: {csv}: line 4, column 1: timestamp: '06.01.2020' is not a time" in ran.err
    assert not settings.data_dir.exists()
    as_json = data("import", str(csv), "--symbol", "MINE", "--timeframe", "1d", "--json")
    assert {"line": 3, "column": 5}.items() <= json.loads(as_json.out)["errors"][0].items()


@pytest.mark.parametrize(
    ("symbol", "timeframe", "said"), [("../x", "1d", "is no symbol"), ("MINE", "2d", "is no timeframe")]
)
def test_what_can_name_no_series_is_refused(data, csv, symbol, timeframe, said):
    ran = data("import", str(csv), "--symbol", symbol, "--timeframe", timeframe)
    assert ran.code == 1
    assert said in ran.err


def test_an_import_without_a_symbol_is_a_wrong_command_line(data, csv):
    assert data("import", str(csv), "--timeframe", "1d").code == 2


def test_a_series_with_warnings_alone_is_exit_code_0(data):
    ran = data("check", "SP500")
    assert ran.code == 0
    assert "compared with the calendar XNYS" in ran.out
    assert ran.out.count("median absolute deviation") == 1
    [line] = [line for line in ran.out.splitlines() if "2008-09-29" in line]
    assert "spike" in line and "close -8.81%, 9.4 times the usual" in line
    found = json.loads(data("check", "SP500", "1d", "--calendar", "24/7", "--json").out)
    assert found["ok"] is True
    assert found["items"][0]["counts"]["missing"] > 1000


def test_bars_out_of_order_and_wrong_ones_are_exit_code_1_with_the_import_that_mends_them(data, settings):
    def spoilt(bars):
        bars.iloc[7, bars.columns.get_loc("low")] = bars["high"].iloc[7] + 1
        return pd.concat([bars[200:], bars[:200]])

    damaged(settings, spoilt)
    ran = data("check", "ODD")
    assert ran.code == 1
    assert "disorder" in ran.out and "high_below_low" in ran.out
    assert ".venv/bin/ktrdr data import FILE --symbol ODD --timeframe 1d --overwrite" in ran.out
    as_json = data("check", "ODD", "--json")
    assert (as_json.code, json.loads(as_json.out)["ok"]) == (1, False)


def test_a_file_that_cannot_be_read_is_not_passed_over(data, settings):
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "ODD_1d.parquet").write_bytes(b"no parquet")
    ran = data("check", "ODD")
    assert ran.code == 1
    assert "cannot be read" in ran.err


def test_an_unknown_symbol_or_calendar_is_refused_with_the_nearest(data):
    assert "Did you mean 'SP500'?" in data("check", "SP501").err
    assert data("check", "SP500", "1h").code == 1
    assert "'2h' is no timeframe" in data("check", "SP500", "2h").err
    weekly = data("check", "SP500", "1w")
    assert weekly.code == 1
    assert "SP500 1w is not stored: it is made of SP500 1d" in weekly.err
    assert ".venv/bin/ktrdr data check SP500 1d" in weekly.err
    unknown = data("check", "SP500", "--calendar", "XNYSE")
    assert unknown.code == 1
    assert "Did you mean" in unknown.err
