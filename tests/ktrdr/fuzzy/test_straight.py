"""Triangles and trapezoids against scikit-fuzzy, their vertical edges and their shoulders."""

import math

import numpy as np
import pytest
import skfuzzy
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.fuzzy import Membership, build

INF = math.inf
REFERENCES = {3: skfuzzy.trimf, 4: skfuzzy.trapmf}

# few distinct numbers, so that equal parameters and numbers on the edges are common
numbers = st.one_of(st.integers(-4, 4).map(float), st.floats(-1e6, 1e6).map(lambda x: x + 0.0))


@given(
    parameters=st.one_of(*(st.lists(numbers, min_size=count, max_size=count).map(sorted) for count in REFERENCES)),
    extra=st.lists(numbers, max_size=20),
)
def test_degrees_equal_those_of_scikit_fuzzy(parameters: list[float], extra: list[float]) -> None:
    x = np.array([*extra, *parameters, *np.linspace(parameters[0], parameters[-1], 7)])
    expected = REFERENCES[len(parameters)](x, np.array(parameters))
    np.testing.assert_allclose(build(parameters)(x), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("parameters", "x", "degree"),
    [
        ([0, 0, 20, 35], 0, 1.0),
        ([0, 0, 20, 35], -1e-12, 0.0),
        ([0, 5, 20, 20], 20, 1.0),
        ([5, 5, 5], 5, 1.0),
        ([5, 5, 5], 5.0000001, 0.0),
        ([5, 5, 9], 5, 1.0),
        ([0, 50, 100], 25, 0.5),
        ([0, 10, 30, 50], 45, 0.25),
    ],
)
def test_flat_tops_include_vertical_edges(parameters: list[float], x: float, degree: float) -> None:
    assert build(parameters)(x) == degree


@pytest.mark.parametrize(("x", "degree"), [(-INF, 1), (-1e300, 1), (20, 1), (27.5, 0.5), (35, 0), (1e300, 0), (INF, 0)])
def test_left_shoulder_reaches_to_minus_infinity(x: float, degree: float) -> None:
    assert build([-INF, -INF, 20, 35])(x) == degree


@pytest.mark.parametrize(("x", "degree"), [(-INF, 0), (60, 0), (70, 0.5), (80, 1), (1e300, 1), (INF, 1)])
def test_right_shoulder_reaches_to_infinity(x: float, degree: float) -> None:
    assert build([60, 80, INF, INF])(x) == degree


@pytest.mark.parametrize(
    "membership", [build([-5e-324, 0, 5e-324]), build([-8e307, 0, 8e307]), build([1e308, 1.1e308, 1.2e308, 1.3e308])]
)
@pytest.mark.filterwarnings("error")
def test_extreme_corners_have_degree_1_at_the_top_and_0_at_the_feet(membership: Membership) -> None:
    first, *top, last = membership.parameters
    assert membership([first, *top, last]) == [0.0, *(1.0 for _ in top), 0.0]
