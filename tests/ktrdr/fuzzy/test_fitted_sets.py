"""Sets whose terms lie on the quantiles of the training rows."""

import json
import math
import pickle

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import EqualQuantiles
from ktrdr.fuzzy import FittedSet, FuzzySet, Trapezoidal, Triangular

INF = math.inf
FloatArray = npt.NDArray[np.float64]


def fitted(n_terms: int, values: FloatArray) -> FuzzySet:
    terms = [f"t{number}" for number in range(n_terms)]
    return FittedSet.model_validate({"indicator": "macd.line", "fit": "quantiles", "terms": terms}).fitted_on(values)


def shapes(fuzzy_set: FuzzySet) -> list[tuple[type, tuple[float, ...]]]:
    return [(type(membership), membership.parameters) for membership in fuzzy_set.memberships.values()]


def test_three_terms_lie_on_the_sixths() -> None:
    # the 1/6, 3/6 and 5/6 quantiles of 0, 1, .. 6 are 1, 3 and 5
    fuzzy_set = fitted(3, np.array([6.0, 0, 3, 2, 5, 4, 1]))
    assert fuzzy_set.indicator == "macd.line"
    assert fuzzy_set.terms == ("t0", "t1", "t2")
    assert shapes(fuzzy_set) == [
        (Trapezoidal, (-INF, -INF, 1, 3)),
        (Triangular, (1, 3, 5)),
        (Trapezoidal, (3, 5, INF, INF)),
    ]


def test_two_terms_are_shoulders_that_cross_between_the_quartiles() -> None:
    fuzzy_set = fitted(2, np.array([0.0, 1, 2, 3, 4]))
    assert shapes(fuzzy_set) == [(Trapezoidal, (-INF, -INF, 1, 3)), (Trapezoidal, (1, 3, INF, INF))]
    assert fuzzy_set.degrees(np.array([-INF, 1, 1.5, 3, INF])).tolist() == [
        [1, 0],
        [1, 0],
        [0.75, 0.25],
        [0, 1],
        [0, 1],
    ]


def test_centres_between_two_values_are_interpolated() -> None:
    # position (4 - 1) / 4 = 0.75 of the sorted values: 0.75 between the first and the second
    fuzzy_set = fitted(2, np.array([10.0, 20.0, 40.0, 80.0]))
    assert shapes(fuzzy_set)[0][1][2:] == (17.5, 50.0)


columns = st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60, unique=True)


@given(values=columns, n_terms=st.integers(2, 7), extra=st.lists(st.floats(allow_nan=False), max_size=20))
def test_degrees_sum_to_1_everywhere(values: list[float], n_terms: int, extra: list[float]) -> None:
    try:
        fuzzy_set = fitted(n_terms, np.array(values))
    except EqualQuantiles:  # neighbours so near that their quantiles round to one number
        return
    x = np.array([*values, *extra, -INF, INF, *np.linspace(min(values), max(values), 50)])
    degrees = fuzzy_set.degrees(x)
    assert degrees.shape == (len(x), n_terms)
    assert ((degrees >= 0) & (degrees <= 1)).all()
    np.testing.assert_allclose(degrees.sum(axis=1), 1, rtol=0, atol=1e-12)


@given(values=columns, n_terms=st.integers(2, 7))
def test_each_term_is_1_at_its_quantile_and_0_at_the_others(values: list[float], n_terms: int) -> None:
    column = np.array(values)
    centres = np.array([np.quantile(column, (number + 0.5) / n_terms) for number in range(n_terms)])
    if len(set(centres)) == n_terms:
        np.testing.assert_array_equal(fitted(n_terms, column).degrees(centres), np.eye(n_terms))


@given(values=columns, n_terms=st.integers(2, 7))
def test_what_was_fitted_is_kept_in_json(values: list[float], n_terms: int) -> None:
    try:
        fuzzy_set = fitted(n_terms, np.array(values))
    except EqualQuantiles:
        return
    text = json.dumps(fuzzy_set.model_dump(mode="json"), allow_nan=False)
    assert '"-inf"' in text
    assert FuzzySet.model_validate(json.loads(text)) == fuzzy_set


def test_equal_centres_are_an_error_that_names_them() -> None:
    with pytest.raises(EqualQuantiles) as caught:
        fitted(4, np.array([-1.0, 0, 0, 0, 0, 0, 7]))
    expected = "A fuzzy set on macd.line cannot be fitted on the training rows: terms have equal centres, t1, t2 at 0."
    assert str(caught.value) == expected
    assert caught.value.suggestion == "Use fewer terms or another indicator, or give each term's parameters."
    named = caught.value.of_set("trend on 1w", "fuzzy_sets.trend")
    assert str(named).startswith("The fuzzy set trend on 1w cannot be fitted")
    assert (named.path, named.kind) == ("fuzzy_sets.trend", "data")
    assert str(pickle.loads(pickle.dumps(named))) == str(named)


def test_a_constant_column_cannot_be_fitted() -> None:
    with pytest.raises(EqualQuantiles, match="t0, t1 at 5"):
        fitted(2, np.full(9, 5.0))


@pytest.mark.parametrize("values", [[], [1.0, math.nan, 2.0], [1.0, INF], [-INF, 0.0, 1.0]])
def test_sets_are_fitted_on_finite_values_only(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite values, at least one"):
        fitted(2, np.array(values))


def test_values_are_not_changed() -> None:
    values = np.array([3.0, 1.0, 2.0])
    fitted(2, values)
    assert values.tolist() == [3.0, 1.0, 2.0]
