"""Bars as an Arrow table, and the hash that names them."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa

from ktrdr.data.bars import COLUMNS, Bars
from ktrdr.errors import BadBars

_ADVICE = "Write a column 'time' of UTC timestamps and float columns " + ", ".join(COLUMNS) + "."


def to_arrow(bars: Bars) -> pa.Table:
    """Return `bars` as a table of `time` and the five float64 columns."""
    columns = {"time": pa.array(bars.index)}
    columns |= {name: pa.array(bars[name].to_numpy(dtype=np.float64)) for name in COLUMNS}
    return pa.table(columns)


def why_unreadable(error: Exception) -> str:
    """Return in plain words why Arrow cannot read a file; its own speak of its format's parts."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is damaged or was cut short, or is no Parquet file"


def from_arrow(table: pa.Table, series: str = "table") -> Bars:
    """Return the bars that `to_arrow` wrote; other columns are left out.

    Raises
    ------
    BadBars
        If a column is missing or of a type that does not hold times or numbers.
    """
    missing = [name for name in ("time", *COLUMNS) if name not in table.column_names]
    if missing:
        raise BadBars(series, f"has no column {', '.join(missing)}", _ADVICE)
    time = table.schema.field("time").type
    if not pa.types.is_timestamp(time) or time.tz is None:
        raise BadBars(series, f"column time is {time}, not UTC timestamps", _ADVICE)
    values = {name: _floats(table, name, series) for name in COLUMNS}
    index = pd.DatetimeIndex(table.column("time").to_pandas()).tz_convert("UTC")
    return pd.DataFrame(values, index=index.rename("time"))


def _floats(table: pa.Table, name: str, series: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    kind = table.schema.field(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        raise BadBars(series, f"column {name} is {kind}, not numbers", _ADVICE)
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = table.column(name).to_numpy().astype(np.float64)
    return values


def bars_sha256(bars: Bars) -> str:
    """Return the SHA-256 of the bars: the same on every platform and for every resolution of the index.

    Over the open times as int64 nanoseconds, then each of the float64 columns, all little endian.
    """
    digest = hashlib.sha256(bars.index.as_unit("ns").asi8.astype("<i8").tobytes())
    for name in COLUMNS:
        digest.update((bars[name].to_numpy() + 0.0).astype("<f8").tobytes())  # + 0.0: -0 and 0 are one value
    return digest.hexdigest()
