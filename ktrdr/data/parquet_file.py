"""Bars in a Parquet file that somebody else wrote, with the row of everything that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ktrdr.data.arrow import why_unreadable
from ktrdr.data.bars import COLUMNS
from ktrdr.data.written import N_PROBLEMS, NEWEST, OLDEST, Layout, WrittenBars, columns_of
from ktrdr.errors import BadFile, Problem

_ADVICE = "Name the columns time, open, high, low, close, volume."


def read_parquet(path: Path) -> tuple[WrittenBars, list[Problem]]:
    """Return the rows that can be read, and the problems of those that cannot, in the order of the file.

    An index that pandas stored counts as a column. Times are timestamps, dates, or text as in CSV; without a zone UTC.

    Raises
    ------
    BadFile
        If the file cannot be read, or a column is missing or of a type that holds no times or numbers.
    """
    try:
        with pq.ParquetFile(path) as file:
            header = list(file.schema_arrow.names)
            positions = columns_of(str(path), header, _ADVICE)
            table = file.read(columns=[header[at] for at in positions.values()])
    except (pa.ArrowException, OSError) as error:
        message = f"cannot be read as Parquet: {why_unreadable(error)}"
        raise BadFile(str(path), (Problem("", message, "Write it again, or give the bars as CSV."),)) from None
    layout = Layout({column: header[at] for column, at in positions.items()})
    refused = [_wrong_type(table, column, layout) for column in positions]
    if any(refused):
        raise BadFile(str(path), tuple(problem for problem in refused if problem))
    opens = _times(table.column(layout.names["time"]))
    values = np.column_stack([_numbers(table.column(layout.names[column])) for column in COLUMNS])
    is_time = np.asarray((opens >= OLDEST) & (opens < NEWEST))
    numbers = np.arange(1, len(opens) + 1, dtype=np.int64)
    problems = [
        layout.problem("time", int(number), "the time is missing, or is not one")
        for number in numbers[~is_time][: N_PROBLEMS + 1]
    ]
    return WrittenBars(opens[is_time], values[is_time], numbers[is_time], layout), problems


def _wrong_type(table: pa.Table, column: str, layout: Layout) -> Problem | None:
    name = layout.names[column]
    kind = table.schema.field(name).type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if column == "time":
        is_fit, wanted = pa.types.is_timestamp(kind) or pa.types.is_date(kind) or is_text, "times"
    else:
        is_fit, wanted = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind), "numbers"
    if is_fit:
        return None
    example = "timestamps, dates or text like 2020-01-31" if column == "time" else "numbers, such as float64"
    return Problem(name, f"the column holds {_in_words(kind)}, not {wanted}", f"Write it as {example}.")


def _in_words(kind: pa.DataType) -> str:
    """Return what a column of a type holds."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return "numbers"
    if pa.types.is_boolean(kind):
        return "true and false"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_time(kind):
        return "times"
    if pa.types.is_nested(kind):
        return "lists or mappings"
    return "nothing" if pa.types.is_null(kind) else "values of another kind"


def _times(column: pa.ChunkedArray) -> pd.DatetimeIndex:
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms"))
    elif not pa.types.is_timestamp(kind):
        texts = pd.Series(column.to_pylist(), dtype="object")
        is_date = texts.str.match(r"\d{4}-\d\d-\d\d([T ].*)?$", na=False)
        return pd.DatetimeIndex(
            pd.to_datetime(texts.where(is_date), format="ISO8601", utc=True, errors="coerce")
        ).as_unit("us")
    times = pd.DatetimeIndex(column.to_pandas())
    return times.tz_localize("UTC") if times.tz is None else times.tz_convert("UTC")


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return values
