"""How sets cover the values they are given."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import NotEnoughBars
from ktrdr.fuzzy import FuzzySet, Gap, SetReport, TermCoverage, coverage_of, set_coverage

RSI = FuzzySet.model_validate(
    {"indicator": "rsi_14", "low": [0, 0, 20, 40], "mid": [30, 45, 60], "high": [80, 90, 100]}
)


def report_on(*values: float) -> SetReport:
    return coverage_of("momentum", RSI, np.array(values))


def test_coverage_counts_rows_in_no_term_and_in_several() -> None:
    degrees = pd.DataFrame(
        {"low": [0.0, 0.2, 0.3, 0.0, math.nan, 0.0], "high": [0.0, 0.0, 1e-9, 1.0, 0.0, math.nan]},
    )
    assert set_coverage(degrees) == (0.25, 0.25)


def test_coverage_of_no_rows_is_an_error() -> None:
    with pytest.raises(NotEnoughBars):
        set_coverage(pd.DataFrame({"low": [math.nan]}))
    with pytest.raises(NotEnoughBars, match="'momentum'"):
        report_on(math.nan)


def test_a_report_counts_each_term_and_leaves_out_rows_with_nan() -> None:
    report = report_on(math.nan, 20, 35, 45, 90)
    assert (report.fuzzy_set, report.n_rows, report.dead_zone, report.overlap) == ("momentum", 4, 0.0, 0.25)
    assert dict(report.terms) == {
        "low": TermCoverage(share=0.5, mean_degree=(1 + 0.25) / 4),
        "mid": TermCoverage(share=0.5, mean_degree=pytest.approx((1 / 3 + 1) / 4)),
        "high": TermCoverage(share=0.25, mean_degree=0.25),
    }
    assert (report.gaps, report.warning) == ((), None)


def test_gaps_are_the_runs_of_values_that_no_term_covers() -> None:
    report = report_on(75, -3, 20, 120, 62, 95, -5, 60)
    assert report.dead_zone == 0.75
    assert report.gaps == (Gap(-5, -3, 0.25), Gap(60, 75, 0.375), Gap(120, 120, 0.125))


def test_a_dead_zone_over_30_per_cent_is_a_warning_that_names_the_values() -> None:
    assert report_on(20, 20, 20, 20, 20, 20, 20, 70, 75, 60).warning is None
    warning = report_on(20, 20, 20, 20, 20, 20, 70, 75, 60, -1).warning
    assert warning == (
        "The fuzzy set 'momentum' says nothing on 40.0% of the rows: no term covers the values -1 (10.0%), "
        "from 60 to 75 (30.0%). Widen a term or add one there, or use fit: quantiles."
    )


def test_a_warning_names_the_largest_gaps_and_counts_the_others() -> None:
    comb = FuzzySet.model_validate({"indicator": "x", **{f"t{n}": [n, n, n] for n in range(1, 5)}})
    report = coverage_of("comb", comb, np.array([0, 1, 1.5, 1.5, 2, 2.5, 2.5, 3, 3.5, 3.5, 4]))
    assert "the values 1.5 (18.2%), 2.5 (18.2%), 3.5 (18.2%), and 1 smaller gaps." in str(report.warning)


def test_a_report_is_plain_json() -> None:
    report = report_on(20, 20, 70)
    plain = report.as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain == {
        "fuzzy_set": "momentum",
        "n_rows": 3,
        "dead_zone": pytest.approx(1 / 3),
        "overlap": 0.0,
        "terms": {
            "low": {"share": pytest.approx(2 / 3), "mean_degree": pytest.approx(2 / 3)},
            "mid": {"share": 0.0, "mean_degree": 0.0},
            "high": {"share": 0.0, "mean_degree": 0.0},
        },
        "gaps": [{"low": 70.0, "high": 70.0, "share": pytest.approx(1 / 3)}],
        "warning": report.warning,
    }
    assert report.warning


@given(values=st.lists(st.integers(-20, 130).map(float), min_size=1, max_size=40))
def test_gaps_hold_the_dead_rows_and_no_others(values: list[float]) -> None:
    report = report_on(*values)
    is_dead = RSI.degrees(np.array(values)).max(axis=1) == 0
    is_in_a_gap = [any(gap.low <= value <= gap.high for gap in report.gaps) for value in values]
    assert is_in_a_gap == is_dead.tolist()
    assert sum(gap.share for gap in report.gaps) == pytest.approx(report.dead_zone)
    assert [gap.low for gap in report.gaps] == sorted({gap.low for gap in report.gaps})
