"""How a fuzzy set covers the values it is given: rows in no term, in several, and in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.errors import NotEnoughBars
from ktrdr.fuzzy.base import FloatArray
from ktrdr.fuzzy.sets import FuzzySet

MAX_DEAD_ZONE = 0.30
_N_GAPS_NAMED = 3


@dataclass(frozen=True)
class TermCoverage:
    """One term: the share of rows with a degree over 0, and the mean degree over all rows."""

    share: float
    mean_degree: float


@dataclass(frozen=True)
class Gap:
    """Neighbouring values that no term covers: the lowest and the highest that occur, and their share of rows."""

    low: float
    high: float
    share: float


@dataclass(frozen=True)
class SetReport:
    """How one fuzzy set covers rows.

    `dead_zone` is the share in no term, `overlap` the share in more than one (degree > 0); `gaps` are the stretches of
    values that make up the dead zone, from low to high.
    """

    fuzzy_set: str
    n_rows: int
    dead_zone: float
    overlap: float
    terms: Mapping[str, TermCoverage]
    gaps: tuple[Gap, ...]

    @property
    def warning(self) -> str | None:
        """What to know and to do where the dead zone is over 30 %, else None."""
        if self.dead_zone <= MAX_DEAD_ZONE:
            return None
        largest = sorted(self.gaps, key=lambda gap: gap.share, reverse=True)[:_N_GAPS_NAMED]
        places = ", ".join(f"{_span(gap)} ({gap.share:.1%})" for gap in sorted(largest, key=lambda gap: gap.low))
        more = f", and {len(self.gaps) - len(largest)} smaller gaps" if len(self.gaps) > len(largest) else ""
        return (
            f"The fuzzy set '{self.fuzzy_set}' says nothing on {self.dead_zone:.1%} of the rows: no term covers the "
            f"values {places}{more}. Widen a term or add one there, or use fit: quantiles."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, its warning included."""
        return {**asdict(self), "gaps": [asdict(gap) for gap in self.gaps], "warning": self.warning}


def coverage_of(name: str, fuzzy_set: FuzzySet, values: FloatArray) -> SetReport:
    """Return how `fuzzy_set`, whose id is `name`, covers (n,) values of its indicator. Rows with NaN are left out.

    Raises
    ------
    NotEnoughBars
        If no row is left.
    """
    values = values[~np.isnan(values)]
    if values.size == 0:
        raise NotEnoughBars(1, 0, f"The coverage of the fuzzy set '{name}'")
    degrees = fuzzy_set.degrees(values)
    dead_zone, overlap = set_coverage(pd.DataFrame(degrees, columns=fuzzy_set.terms))
    of_terms = zip(fuzzy_set.terms, (degrees > 0).mean(axis=0), degrees.mean(axis=0), strict=True)
    return SetReport(
        fuzzy_set=name,
        n_rows=values.size,
        dead_zone=dead_zone,
        overlap=overlap,
        terms={term: TermCoverage(float(share), float(mean)) for term, share, mean in of_terms},
        gaps=_gaps(values, degrees.max(axis=1) > 0),
    )


def set_coverage(degrees: pd.DataFrame) -> tuple[float, float]:
    """Return how a set covers its rows: the share in no term, and the share in more than one (degree > 0).

    Parameters
    ----------
    degrees : (n_rows, n_terms) DataFrame
        One set's columns of `fuzzify`. Rows with a NaN are left out.

    Raises
    ------
    NotEnoughBars
        If no row is left.
    """
    n_terms_hit = (degrees.dropna() > 0).sum(axis=1)
    if n_terms_hit.empty:
        raise NotEnoughBars(1, 0, "The coverage of a fuzzy set")
    return float((n_terms_hit == 0).mean()), float((n_terms_hit > 1).mean())


def _gaps(values: FloatArray, is_covered: npt.NDArray[np.bool_]) -> tuple[Gap, ...]:
    """Return the runs of uncovered values between covered ones, from low to high."""
    order = np.argsort(values, kind="stable")
    # A covered value on either side, so that each run has a start and an end.
    steps = np.diff(np.r_[True, is_covered[order], True].astype(np.int8))
    runs = zip(np.flatnonzero(steps == -1), np.flatnonzero(steps == 1), strict=True)
    return tuple(
        Gap(float(values[order[start]]), float(values[order[end - 1]]), float((end - start) / values.size))
        for start, end in runs
    )


def _span(gap: Gap) -> str:
    return f"{gap.low:g}" if gap.low == gap.high else f"from {gap.low:g} to {gap.high:g}"
