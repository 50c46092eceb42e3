"""Curved memberships against scikit-fuzzy, hand calculation, and their own rule on vertical edges."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import skfuzzy
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.fuzzy import build

REFERENCES = {
    "gaussian": skfuzzy.gaussmf,
    "gaussian2": skfuzzy.gauss2mf,
    "bell": skfuzzy.gbellmf,
    "sigmoid": skfuzzy.sigmf,
    "s_shape": skfuzzy.smf,
    "z_shape": skfuzzy.zmf,
    "pi_shape": skfuzzy.pimf,
}

# few distinct numbers, so that numbers on the corners are common; rounded, so that no two corners nearly coincide
numbers = st.one_of(st.integers(-4, 4).map(float), st.floats(-1e6, 1e6).map(lambda x: round(x, 3) + 0.0))
widths = st.one_of(st.integers(1, 4).map(float), st.floats(1e-3, 1e6))
slopes = st.one_of(st.integers(1, 4).map(float), st.floats(1e-3, 50))
signed_slopes = st.tuples(slopes, st.sampled_from([-1.0, 1.0])).map(math.prod)


def apart(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(numbers, min_size=count, max_size=count, unique=True).map(sorted)


shapes = st.one_of(
    st.tuples(st.just("gaussian"), st.tuples(numbers, widths)),
    st.tuples(
        st.just("gaussian2"),
        st.tuples(st.lists(numbers, min_size=2, max_size=2).map(sorted), widths, widths).map(
            lambda p: (p[0][0], p[1], p[0][1], p[2])
        ),
    ),
    st.tuples(st.just("bell"), st.tuples(widths, slopes, numbers)),
    st.tuples(st.just("sigmoid"), st.tuples(numbers, signed_slopes)),
    st.tuples(st.just("s_shape"), apart(2)),
    st.tuples(st.just("z_shape"), apart(2)),
    # the flat top may be one point: that is no vertical edge
    st.tuples(st.just("pi_shape"), st.one_of(apart(4), apart(3).map(lambda p: [p[0], p[1], p[1], p[2]]))),
)


@given(shape=shapes, extra=st.lists(numbers, max_size=20))
def test_degrees_equal_those_of_scikit_fuzzy(shape: tuple[str, Sequence[float]], extra: list[float]) -> None:
    name, parameters = shape
    low, high = min(parameters), max(parameters)
    x = np.array([*extra, *parameters, *np.linspace(low - 1, high + 1, 41)])
    with np.errstate(all="ignore"):
        expected = REFERENCES[name](x, *parameters)
    degrees = build({"type": name, "parameters": list(parameters)})(x)
    np.testing.assert_allclose(degrees, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters", "x", "degree"),
    [
        ("gaussian", [70, 15], 85, math.exp(-0.5)),
        ("gaussian2", [10, 2, 20, 5], 8, math.exp(-0.5)),
        ("gaussian2", [10, 2, 20, 5], 15, 1),
        ("gaussian2", [10, 2, 20, 5], 30, math.exp(-2)),
        ("bell", [2, 4, 6], 6, 1),
        ("bell", [2, 4, 6], 8, 0.5),
        ("bell", [2, 1, 6], 12, 0.1),
        ("sigmoid", [30, 0.2], 30, 0.5),
        ("sigmoid", [30, 0.5], 32, 1 / (1 + math.exp(-1))),
        ("sigmoid", [30, -0.5], 32, 1 / (1 + math.exp(1))),
        ("s_shape", [0, 40], 10, 0.125),
        ("s_shape", [0, 40], 20, 0.5),
        ("s_shape", [0, 40], 30, 0.875),
        ("z_shape", [0, 40], 10, 0.875),
        ("z_shape", [0, 40], 30, 0.125),
        ("pi_shape", [0, 10, 20, 40], 2.5, 0.125),
        ("pi_shape", [0, 10, 20, 40], 15, 1),
        ("pi_shape", [0, 10, 20, 40], 25, 0.875),
    ],
)
def test_degrees_equal_those_by_hand(name: str, parameters: list[float], x: float, degree: float) -> None:
    assert build({"type": name, "parameters": parameters})(x) == pytest.approx(degree, rel=1e-14)


BELOW, ABOVE = np.nextafter(5, 0), np.nextafter(5, 10)


@pytest.mark.parametrize(
    ("name", "parameters", "degrees"),
    [
        ("s_shape", [5, 5], [0, 1, 1]),
        ("z_shape", [5, 5], [1, 1, 0]),
        ("pi_shape", [5, 5, 5, 5], [0, 1, 0]),
        ("pi_shape", [5, 5, 9, 12], [0, 1, 1]),
        ("pi_shape", [1, 2, 5, 5], [1, 1, 0]),
    ],
)
def test_flat_tops_include_vertical_edges(name: str, parameters: list[float], degrees: list[float]) -> None:
    assert build({"type": name, "parameters": parameters})([BELOW, 5, ABOVE]) == degrees


@given(parameters=apart(4), x=numbers)
def test_a_pi_shape_is_an_s_shape_and_a_z_shape(parameters: list[float], x: float) -> None:
    rise = build({"type": "s_shape", "parameters": parameters[:2]})(x)
    fall = build({"type": "z_shape", "parameters": parameters[2:]})(x)
    assert build({"type": "pi_shape", "parameters": parameters})(x) == min(rise, fall)
