"""Bars from a file of the user's into the store, or every reason why not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ktrdr.data.arrow import bars_sha256
from ktrdr.data.bars import COLUMNS, Bars, SeriesKey, Timeframe
from ktrdr.data.csv_file import read_csv
from ktrdr.data.parquet_file import read_parquet
from ktrdr.data.screening import find_problems
from ktrdr.data.store import BarStore, check_key
from ktrdr.data.written import HEADER, bad_file
from ktrdr.errors import AlreadyStored, BadFile, Problem

_PARQUET = b"PAR1"
"""How a Parquet file begins and ends."""


@dataclass(frozen=True)
class ImportReport:
    """What was imported, and where it lies. `first` and `last` are the ISO times of the first and last bar's open."""

    symbol: str
    timeframe: str
    n_bars: int
    first: str
    last: str
    trades_weekends: bool
    path: str
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def import_bars(
    store: BarStore, path: Path, key: SeriesKey, overwrite: bool = False, trades_weekends: bool | None = None
) -> ImportReport:
    """Read a CSV or Parquet file and store its bars as one series.

    Parameters
    ----------
    store, path, key
        Where to, what, and as which series.
    overwrite
        Whether a series that is there may be replaced, or hidden where it lies in a later folder.
    trades_weekends
        As in `BarStore.write`.

    Raises
    ------
    AlreadyStored
        If the series is there and `overwrite` is not given.
    BadFile
        If the file cannot be read or holds anything that is no bar: nothing is stored.
    BadBars
        If the symbol or the timeframe is none.
    """
    check_key(key)
    if not overwrite and store.has(key):
        raise AlreadyStored(str(key))
    bars = read_bars_file(path, key.timeframe)
    stored_at = store.write(key, bars, trades_weekends)
    recorded = next(info.trades_weekends for info in store.catalog() if SeriesKey(info.symbol, info.timeframe) == key)
    first, last = bars.index[0].isoformat(), bars.index[-1].isoformat()
    return ImportReport(*key, len(bars), first, last, recorded, str(stored_at), bars_sha256(bars))


def read_bars_file(path: Path, timeframe: str) -> Bars:
    """Return the bars of a CSV or a Parquet file; which of the two it is, its content says.

    The columns are open, high, low, close, volume and one of times (timestamp, time, datetime or date), in any order
    and whatever the case; others are left out. Times are ISO 8601 and become UTC; those without an offset are UTC.
    Rows are in the order of time.

    Raises
    ------
    BadFile
        With up to 20 problems, each with its line and field, or its row and column.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        is_parquet = start.startswith(_PARQUET)
        if not is_parquet and b"\0" in start:
            advice = f"Give a CSV file in UTF-8 with the header {HEADER}, or a Parquet file."
            raise BadFile(str(path), (Problem("", "the file is neither CSV text nor Parquet", advice),))
        written, problems = read_parquet(path) if is_parquet else read_csv(path)
    except OSError as error:
        raise BadFile(str(path), (Problem("", f"the file cannot be read: {error.strerror or error}"),)) from None
    found = find_problems(written, Timeframe(timeframe))
    problems = sorted([*problems, *found], key=lambda problem: (problem.line or 0, problem.column or 0))
    if problems:
        raise bad_file(str(path), problems)
    if not len(written.times):
        raise BadFile(str(path), (Problem("", "the file has no bars"),))
    return pd.DataFrame(written.values, columns=list(COLUMNS), index=written.times.rename("time"))
