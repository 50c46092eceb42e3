"""Membership functions against scikit-fuzzy, and the promises that each of them keeps."""

import doctest
import json
import math
import pickle

import numpy as np
import pandas as pd
import pytest
import skfuzzy
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import StrategyError
from ktrdr.fuzzy import Membership, build, memberships

INF = math.inf
REFERENCES = {"triangular": skfuzzy.trimf, "trapezoidal": skfuzzy.trapmf, "gaussian": skfuzzy.gaussmf}
CONFIGS = [
    {"type": "triangular", "parameters": [0, 25, 40]},
    {"type": "triangular", "parameters": [5, 5, 5]},
    {"type": "trapezoidal", "parameters": [0, 0, 20, 35]},
    {"type": "trapezoidal", "parameters": [-3.5, 1, 1, 2]},
    {"type": "trapezoidal", "parameters": [-INF, -INF, 20, 35]},
    {"type": "trapezoidal", "parameters": [60, 80, INF, INF]},
    {"type": "trapezoidal", "parameters": [-INF, -INF, INF, INF]},
    {"type": "gaussian", "parameters": [70, 15]},
]
every_membership = pytest.mark.parametrize("membership", [build(c) for c in CONFIGS], ids=lambda m: str(m.parameters))

# few distinct numbers, so that equal parameters and numbers on the edges are common
numbers = st.one_of(st.integers(-4, 4).map(float), st.floats(-1e6, 1e6).map(lambda x: x + 0.0))


def ordered(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(numbers, min_size=count, max_size=count).map(sorted)


shapes = st.one_of(
    st.tuples(st.just("triangular"), ordered(3)),
    st.tuples(st.just("trapezoidal"), ordered(4)),
    st.tuples(st.just("gaussian"), st.tuples(numbers, st.floats(1e-3, 1e6)).map(list)),
)


@given(shape=shapes, extra=st.lists(numbers, max_size=20))
def test_degrees_equal_those_of_scikit_fuzzy(shape: tuple[str, list[float]], extra: list[float]) -> None:
    name, parameters = shape
    x = np.array([*extra, *parameters, *np.linspace(min(parameters), max(parameters), 7)])
    degrees = build({"type": name, "parameters": parameters})(x)
    np.testing.assert_allclose(degrees, REFERENCES[name](x, *_arguments(name, parameters)), rtol=1e-12, atol=1e-15)
    assert ((degrees >= 0) & (degrees <= 1)).all()


def _arguments(name: str, parameters: list[float]) -> list[object]:
    return list(parameters) if name == "gaussian" else [np.array(parameters)]


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
    "membership",
    [
        build({"type": "gaussian", "parameters": [0, 1e-200]}),
        build({"type": "gaussian", "parameters": [-1e308, 1e-3]}),
        build([-5e-324, 0, 5e-324]),
        build([-8e307, 0, 8e307]),
        build([1e308, 1.1e308, 1.2e308, 1.3e308]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_extreme_parameters_give_degrees(membership: Membership) -> None:
    x = [-INF, -1.7e308, -1.0, -5e-324, 0.0, 1e-310, 1.0, 1.15e308, 1.7e308, INF, *membership.parameters]
    assert all(0 <= degree <= 1 for degree in membership(x))


@every_membership
def test_every_kind_of_input_gives_identical_values_in_its_own_kind(membership: Membership) -> None:
    values = [-INF, -7.0, 0.0, 1.0, 5.0, 12.34, 20.0, 34.99, 71.3, 1e9, INF, math.nan]
    index = pd.date_range("2020-01-01", periods=len(values), tz="UTC")
    by_list = membership(values)
    by_array = membership(np.array(values))
    by_series = membership(pd.Series(values, index=index, name="rsi_14"))
    by_matrix = membership(np.array([values, values]).T)
    by_scalar = [membership(value) for value in values]

    assert type(by_list) is list
    assert all(type(degree) is float for degree in [*by_list, *by_scalar])
    assert type(by_array) is np.ndarray
    assert isinstance(by_series, pd.Series)
    assert by_series.index.equals(index)
    assert by_series.name == "rsi_14"
    assert by_matrix.shape == (len(values), 2)
    for degrees in (by_list, by_series.to_numpy(), by_matrix[:, 0], by_matrix[:, 1], by_scalar):
        np.testing.assert_array_equal(degrees, by_array)
    np.testing.assert_array_equal(membership(np.repeat(values, 1000)[::1000]), by_array)


@every_membership
def test_nan_in_gives_nan_out_and_nothing_else_does(membership: Membership) -> None:
    x = pd.Series([math.nan, 1.0, math.nan, 30.0, INF])
    assert membership(x).isna().tolist() == [True, False, True, False, False]
    assert math.isnan(membership(math.nan))


@every_membership
def test_shapes_and_empty_inputs_are_kept(membership: Membership) -> None:
    assert membership([]) == []
    assert membership([[1.0], [2.0]]) == [[membership(1.0)], [membership(2.0)]]
    assert membership(np.array(3.0)).shape == ()
    assert membership(pd.Series([1, 20])).tolist() == membership([1.0, 20.0])
    assert membership(pd.Series([1, None], dtype="Int64")).isna().tolist() == [False, True]


@every_membership
def test_input_is_not_changed(membership: Membership) -> None:
    x = np.array([1.0, math.nan, 30.0])
    before = x.copy()
    membership(x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("x", ["5", None, {"a": 1}, pd.DataFrame({"a": [1.0]})])
def test_other_kinds_of_input_are_refused(x: object) -> None:
    with pytest.raises(TypeError, match="a number, a list, an array or a Series"):
        build([0, 1, 2])(x)


@every_membership
def test_memberships_survive_json_and_pickle(membership: Membership) -> None:
    dump = membership.model_dump(mode="json")
    text = json.dumps(dump, allow_nan=False)
    assert build(json.loads(text)) == membership
    assert build(membership.model_dump()) == membership
    assert pickle.loads(pickle.dumps(membership)) == membership


def test_the_docstrings_example_holds() -> None:
    results = doctest.testmod(memberships)
    assert results.attempted > 0
    assert results.failed == 0


def test_infinite_shoulders_are_strings_in_json() -> None:
    assert build([-INF, -INF, 20, 35]).model_dump(mode="json")["parameters"] == ["-inf", "-inf", 20.0, 35.0]
    assert build([60, 80, "inf", "inf"]) == build([60, 80, INF, INF])


@pytest.mark.parametrize("membership", [*CONFIGS])
def test_every_membership_cites_a_source(membership: dict[str, object]) -> None:
    assert "Source:" in (type(build(membership)).__doc__ or "")


@pytest.mark.parametrize(
    ("name", "parameters", "finding"),
    [
        ("triangular", [40, 25, 0], "not [40, 25, 0]"),
        ("triangular", [0, 25], "not 2 values"),
        ("triangular", [0, 25, 30, 40], "not 4 values"),
        ("triangular", [-INF, 0, 1], "not [-inf, 0, 1]"),
        ("triangular", ["-inf", 0, 1], "not [-inf, 0, 1]"),
        ("triangular", [0, math.nan, 1], "not NaN"),
        ("triangular", [0, "1", 2], "(text)"),
        ("triangular", [False, 1, 2], "not false (true or false)"),
        ("triangular", [0, None, 2], "not nothing"),
        ("triangular", [0, [1], 2], "not a list"),
        ("triangular", [0, 1, 10**400], "too large"),
        ("triangular", [-1.5e308, 0, 1.5e308], "not [-1.5e+308, 0, 1.5e+308]"),
        ("triangular", "0, 1, 2", "(text)"),
        ("triangular", {0: 1}, "not a mapping"),
        ("trapezoidal", [0, 20, 10, 35], "not [0, 20, 10, 35]"),
        ("trapezoidal", [-INF, 0, 20, 35], "not [-inf, 0, 20, 35]"),
        ("trapezoidal", [0, 1, 20, INF], "not [0, 1, 20, inf]"),
        ("trapezoidal", [0, INF, INF, INF], "not [0, inf, inf, inf]"),
        ("trapezoidal", [INF, INF, INF, INF], "not [inf, inf, inf, inf]"),
        ("trapezoidal", [-INF, -INF, -INF, -INF], "not [-inf, -inf, -inf, -inf]"),
        ("trapezoidal", [-INF, -INF, -INF, 5], "not [-inf, -inf, -inf, 5]"),
        ("trapezoidal", ["-Infinity", "-Infinity", 0, 1], "(text)"),
        ("trapezoidal", [0, 1, 2, math.nan], "not NaN"),
        ("gaussian", [70, 0], "not [70, 0]"),
        ("gaussian", [70, -15], "not [70, -15]"),
        ("gaussian", [70, INF], "not [70, inf]"),
        ("gaussian", [70], "not 1 values"),
    ],
)
def test_wrong_parameters_are_refused_with_the_expected_form(name: str, parameters: object, finding: str) -> None:
    forms = {"triangular": "a <= b <= c", "trapezoidal": "a <= b <= c <= d", "gaussian": "[mean, sigma] with sigma > 0"}
    with pytest.raises(StrategyError) as caught:
        build({"type": name, "parameters": parameters})
    (problem,) = caught.value.problems
    assert problem.path == "parameters"
    assert forms[name] in problem.message
    assert finding in problem.message


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "3 numbers (triangular) or 4 (trapezoidal), not 0"),
        ([70, 15], "not 2"),
        ([1, 2, 3, 4, 5], "not 5"),
        ({"type": "triangular"}, "missing key 'parameters'"),
        ({"type": "triangular", "parameters": [0, 1, 2], "parametres": 1}, "unknown key 'parametres'"),
        ({"parameters": [0, 1, 2]}, "missing key 'type'"),
        ({"type": ["triangular"], "parameters": [0, 1, 2]}, "triangular"),
        (None, "expected a mapping, got nothing"),
        (5, "expected a mapping, got 5"),
    ],
)
def test_configs_of_another_form_are_refused(config: object, message: str) -> None:
    with pytest.raises(StrategyError) as caught:
        build(config)
    assert message in str(caught.value)


def test_unknown_types_are_refused_with_the_nearest_spelling() -> None:
    with pytest.raises(StrategyError) as caught:
        build({"type": "triangle", "parameters": [0, 1, 2]})
    assert caught.value.problems[0].suggestion == "Did you mean 'triangular'?"
