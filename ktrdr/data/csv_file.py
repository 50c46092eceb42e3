"""Bars in a CSV file, read in chunks, with the line and the field of everything that cannot be read."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ktrdr.data.bars import COLUMNS
from ktrdr.data.written import HEADER, N_PROBLEMS, NEWEST, OLDEST, Layout, WrittenBars, columns_of
from ktrdr.errors import BadFile, Problem

_CHUNK = 50_000
"""Rows held as text at a time."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
"""How a time begins: other ISO spellings (20200101) can be read as seconds since 1970 and the other way round."""

_TIME_ADVICE = "Write YYYY-MM-DD: 2020-01-31 or 2020-01-31T14:30:00Z; times without an offset are read as UTC."


class _Row(NamedTuple):
    line: int
    fields: list[str]


def read_csv(path: Path) -> tuple[WrittenBars, list[Problem]]:
    """Return the rows that can be read, and the problems of those that cannot, in the order of the file.

    Columns are separated by commas and named by the first line, whatever the case of the names; blank lines are left
    out. Reading ends with the chunk in which the problems become too many to show.

    Raises
    ------
    BadFile
        If the file is empty, is not UTF-8, or has no header with the columns.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = _rows(path, csv.reader(file, strict=True))
            header = next(rows, None)
            if header is None:
                raise BadFile(str(path), (Problem("", "the file is empty", f"Write a header {HEADER} and the bars."),))
            return _read_rows(rows, _positions(path, header), [name.strip() for name in header.fields])
        except UnicodeDecodeError:
            raise BadFile(str(path), (_not_utf8(path),)) from None


def _rows(path: Path, reader: Iterator[list[str]]) -> Iterator[_Row]:
    """Yield the rows that are not blank, each with the line on which it begins."""
    line = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            message = f"cannot be read as CSV: {_in_words(error)}"
            raise BadFile(str(path), (Problem("", message, "Mend or remove the line.", line, 1),)) from None
        if fields is None:
            return
        if any(value.strip() for value in fields):
            yield _Row(line, fields)
        line = reader.line_num + 1  # type: ignore[attr-defined]  # of csv.reader; a quoted field may span lines


def _in_words(error: csv.Error) -> str:
    """Return what Python's reader, which has no kinds of error, found wrong."""
    if "field limit" in str(error):
        return f'a field is longer than {csv.field_size_limit()} characters; maybe a quote (") is opened and not closed'
    if "end of data" in str(error):
        return 'a quote (") is opened and not closed'
    return 'a quote (") stands inside a field' if "expected after" in str(error) else "the line is no CSV"


def _positions(path: Path, header: _Row) -> dict[str, int]:
    if len(header.fields) == 1 and re.search(r"[;\t|]", header.fields[0]):
        raise BadFile(str(path), (Problem("", "the columns are not separated by commas", line=header.line, column=1),))
    if any(_DATE.fullmatch(value.strip()) or _number(value) is not None for value in header.fields):
        message = "the file has no header: its first line is a bar"
        raise BadFile(str(path), (Problem("", message, f"Write {HEADER} before it.", header.line, 1),))
    return columns_of(str(path), header.fields)


def _read_rows(rows: Iterator[_Row], positions: dict[str, int], names: list[str]) -> tuple[WrittenBars, list[Problem]]:
    layout = Layout(
        {column: names[at] for column, at in positions.items()}, {column: at + 1 for column, at in positions.items()}
    )
    problems: list[Problem] = []
    numbers, times, values = [], [], []
    while len(problems) <= N_PROBLEMS and (chunk := list(itertools.islice(rows, _CHUNK))):
        whole = [row for row in chunk if len(row.fields) == len(names)]
        found = [_wrong_length(row, len(names)) for row in chunk if len(row.fields) != len(names)]
        lines = np.array([row.line for row in whole], dtype=np.int64)
        texts = {column: [row.fields[at].strip() for row in whole] for column, at in positions.items()}
        opens, is_read = _times(texts["time"], lines, layout, found)
        columns = [_numbers(texts[column], column, lines, layout, found) for column in COLUMNS]
        is_read &= np.logical_and.reduce([is_number for _, is_number in columns])
        problems += sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))
        numbers.append(lines[is_read])
        times.append(opens[is_read])
        values.append(np.column_stack([column for column, _ in columns])[is_read])
    if not numbers:
        return WrittenBars(pd.DatetimeIndex([], tz="UTC"), np.empty((0, 5)), np.empty(0, np.int64), layout), problems
    index = times[0].append(times[1:])
    return WrittenBars(index, np.concatenate(values), np.concatenate(numbers), layout), problems


def _wrong_length(row: _Row, n_columns: int) -> Problem:
    message = f"{len(row.fields)} fields, where the header has {n_columns}"
    return Problem("", message, line=row.line, column=min(len(row.fields), n_columns + 1))


def _times(
    texts: list[str], lines: npt.NDArray[np.int64], layout: Layout, found: list[Problem]
) -> tuple[pd.DatetimeIndex, npt.NDArray[np.bool_]]:
    is_iso = [text if _DATE.fullmatch(text) else None for text in texts]
    opens = pd.DatetimeIndex(
        pd.to_datetime(pd.Series(is_iso, dtype="object"), format="ISO8601", utc=True, errors="coerce")
    )
    is_time = np.asarray((opens >= OLDEST) & (opens < NEWEST))
    for at in np.flatnonzero(~is_time)[: N_PROBLEMS + 1]:
        message = f"{_shown(texts[at])} is not a time" if texts[at] else "the time is missing"
        found.append(layout.problem("time", int(lines[at]), message, _TIME_ADVICE))
    return opens.as_unit("us"), is_time


def _numbers(
    texts: list[str], column: str, lines: npt.NDArray[np.int64], layout: Layout, found: list[Problem]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    try:
        return pa.array(texts, pa.string()).cast(pa.float64()).to_numpy(), np.ones(len(texts), dtype=np.bool_)
    except pa.ArrowInvalid:  # at least one is no number: look at each
        numbers = [_number(text) for text in texts]
    is_number = np.array([number is not None for number in numbers], dtype=np.bool_)
    for at in np.flatnonzero(~is_number)[: N_PROBLEMS + 1]:
        message = f"{_shown(texts[at])} is not a number" if texts[at] else "the number is missing"
        found.append(layout.problem(column, int(lines[at]), message))
    return np.array([np.nan if number is None else number for number in numbers]), is_number


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")


def _not_utf8(path: Path) -> Problem:
    with path.open("rb") as file:
        for line, content in enumerate(file, start=1):
            try:
                content.decode()
            except UnicodeDecodeError as error:
                advice = "Save the file as UTF-8."
                return Problem("", f"byte {error.start + 1} is not UTF-8 text", advice, line, 1)
    return Problem("", "the text is not UTF-8", "Save the file as UTF-8.")
