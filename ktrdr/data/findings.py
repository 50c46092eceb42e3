"""What a look at a series finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Severity = Literal["error", "warning", "note"]
"""An error keeps the series from being read; a warning wants somebody to look; a note is a fact about the series."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found: of which kind, from which time to which, on how many bars, and in words."""

    kind: str
    severity: Severity
    first: str | None
    last: str | None
    count: int
    message: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def finding(kind: str, severity: Severity, times: pd.DatetimeIndex, message: str, count: int | None = None) -> Finding:
    """Return a finding on the bars that open at `times`, which are not empty; `count` where it is not their number."""
    known = times[~times.isna()]
    first, last = (known[0].isoformat(), known[-1].isoformat()) if len(known) else (None, None)
    return Finding(kind, severity, first, last, len(times) if count is None else count, message)


def runs(is_in: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the position of the first of each run of True, and the one after its last.

    >>> runs(np.array([True, False, True, True]))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.r_[False, is_in, False].astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
