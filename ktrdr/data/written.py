"""Bars as a file has them: not yet judged, each with its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data.bars import COLUMNS
from ktrdr.errors import BadFile, Problem

N_PROBLEMS = 20
"""As many problems of one file are shown."""

TIME_NAMES = ("timestamp", "time", "datetime", "date")
"""What the column of opens may be called."""

HEADER = "timestamp,open,high,low,close,volume"


OLDEST, NEWEST = pd.Timestamp("1700-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
"""Times beyond have no count of nanoseconds in 64 bits."""


@dataclass(frozen=True)
class Layout:
    """Where a file has its columns: the name of each as written, and for CSV its field's number from 1."""

    names: Mapping[str, str]
    fields: Mapping[str, int] = field(default_factory=dict)

    def problem(self, column: str, number: int, message: str, advice: str | None = None) -> Problem:
        """Return a problem of one column on line `number` of a CSV file, or in row `number` of another."""
        name = self.names.get(column, column)
        if not self.fields:
            return Problem(f"row {number}, {name}", message, advice)
        return Problem(name, message, advice, number, self.fields[column])


@dataclass(frozen=True)
class WrittenBars:
    """What a file says, row by row."""

    times: pd.DatetimeIndex
    """UTC, in the order of the file."""
    values: npt.NDArray[np.float64]
    """(n_rows, 5): open, high, low, close, volume."""
    numbers: npt.NDArray[np.int64]
    """Each row's line in a CSV file, its number from 1 in another."""
    layout: Layout


def columns_of(path: str, header: list[str], advice: str = f"Write a header {HEADER}.") -> dict[str, int]:
    """Return the position in `header` of `time` and the five columns; others are left out.

    Raises
    ------
    BadFile
        If one is missing or there twice.
    """
    folded = [name.strip().lower() for name in header]
    spellings = {"time": TIME_NAMES} | {column: (column,) for column in COLUMNS}
    found = {column: [at for at, name in enumerate(folded) if name in names] for column, names in spellings.items()}
    problems = []
    for column, places in found.items():
        if not places:
            wanted = f"times ({', '.join(TIME_NAMES)})" if column == "time" else column
            problems.append(Problem("", f"there is no column of {wanted}", advice))
        elif len(places) > 1:
            names = ", ".join(header[at].strip() for at in places)
            problems.append(Problem("", f"{len(places)} columns are of {column}: {names}", "Keep one of them."))
    if problems:
        raise BadFile(path, tuple(problems))
    return {column: places[0] for column, places in found.items()}


def bad_file(path: str, problems: list[Problem]) -> BadFile:
    """Return the error of a file's problems, the first `N_PROBLEMS` of them and a word on the rest."""
    if len(problems) <= N_PROBLEMS:
        return BadFile(path, tuple(problems))
    rest = Problem("", f"only the first {N_PROBLEMS} problems are shown")
    return BadFile(path, (*problems[:N_PROBLEMS], rest))
