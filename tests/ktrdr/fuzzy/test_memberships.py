"""The promises that every membership function keeps."""

import doctest
import json
import math
import pickle
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import StrategyError
from ktrdr.fuzzy import Membership, base, build

INF = math.inf
FORMS = {
    "triangular": "[a, b, c] with a <= b <= c",
    "trapezoidal": "[a, b, c, d] with a <= b <= c <= d",
    "gaussian": "[mean, sigma] with sigma > 0",
    "gaussian2": "[m1, s1, m2, s2] with m1 <= m2, s1 > 0 and s2 > 0",
    "bell": "[width, slope, center] with width > 0 and slope > 0",
    "sigmoid": "[center, slope] with a slope that is not 0",
    "s_shape": "[a, b] with a <= b",
    "z_shape": "[a, b] with a <= b",
    "pi_shape": "[a, b, c, d] with a <= b <= c <= d",
}
CONFIGS = [
    {"type": "triangular", "parameters": [0, 25, 40]},
    {"type": "triangular", "parameters": [5, 5, 5]},
    {"type": "trapezoidal", "parameters": [0, 0, 20, 35]},
    {"type": "trapezoidal", "parameters": [-3.5, 1, 1, 2]},
    {"type": "trapezoidal", "parameters": [-INF, -INF, 20, 35]},
    {"type": "trapezoidal", "parameters": [60, 80, INF, INF]},
    {"type": "trapezoidal", "parameters": [-INF, -INF, INF, INF]},
    {"type": "gaussian", "parameters": [70, 15]},
    {"type": "gaussian2", "parameters": [5, 2, 20, 10]},
    {"type": "gaussian2", "parameters": [5, 2, 5, 30]},
    {"type": "bell", "parameters": [10, 2.5, 30]},
    {"type": "sigmoid", "parameters": [30, 0.2]},
    {"type": "sigmoid", "parameters": [30, -0.2]},
    {"type": "s_shape", "parameters": [0, 40]},
    {"type": "s_shape", "parameters": [5, 5]},
    {"type": "z_shape", "parameters": [0, 40]},
    {"type": "z_shape", "parameters": [5, 5]},
    {"type": "pi_shape", "parameters": [0, 10, 20, 50]},
    {"type": "pi_shape", "parameters": [5, 5, 5, 5]},
]
every_membership = pytest.mark.parametrize(
    "membership", [build(c) for c in CONFIGS], ids=lambda m: f"{m.type}{m.parameters}"
)

any_number = st.floats(allow_nan=False, allow_infinity=False)
any_width = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


def in_order(count: int) -> st.SearchStrategy[list[float]]:
    corners = st.lists(any_number, min_size=count, max_size=count).map(sorted)
    return corners.filter(lambda p: math.isfinite(p[-1] - p[0]))


# every parameter that is accepted, up to the limits of a float
shapes = st.one_of(
    st.tuples(st.just("triangular"), in_order(3)),
    st.tuples(st.just("trapezoidal"), in_order(4)),
    st.tuples(st.just("trapezoidal"), in_order(2).map(lambda p: [-INF, -INF, *p])),
    st.tuples(st.just("gaussian"), st.tuples(any_number, any_width)),
    st.tuples(
        st.just("gaussian2"), st.tuples(in_order(2), any_width, any_width).map(lambda p: [p[0][0], p[1], p[0][1], p[2]])
    ),
    st.tuples(st.just("bell"), st.tuples(any_width, any_width, any_number)),
    st.tuples(st.just("sigmoid"), st.tuples(any_number, any_number.filter(bool))),
    st.tuples(st.just("s_shape"), in_order(2)),
    st.tuples(st.just("z_shape"), in_order(2)),
    st.tuples(st.just("pi_shape"), in_order(4)),
)


@given(shape=shapes, extra=st.lists(st.floats(allow_nan=False)))
@pytest.mark.filterwarnings("error")
def test_degrees_lie_in_0_to_1_for_all_parameters_and_numbers(
    shape: tuple[str, Sequence[float]], extra: list[float]
) -> None:
    name, parameters = shape
    membership = build({"type": name, "parameters": list(parameters)})
    x = [*extra, *parameters, -INF, -1.7e308, -1.0, -5e-324, 0.0, 1e-310, 1.0, 1.15e308, 1.7e308, INF]
    assert all(0 <= degree <= 1 for degree in membership(x))


@pytest.mark.parametrize(
    ("name", "parameters", "left", "right"),
    [
        ("triangular", [0, 25, 40], 0, 0),
        ("trapezoidal", [0, 1, 2, 3], 0, 0),
        ("trapezoidal", [-INF, -INF, 20, 35], 1, 0),
        ("trapezoidal", [60, 80, INF, INF], 0, 1),
        ("gaussian", [70, 15], 0, 0),
        ("gaussian2", [5, 2, 20, 10], 0, 0),
        ("bell", [10, 2.5, 30], 0, 0),
        ("bell", [10, 0.01, 30], 0, 0),
        ("sigmoid", [30, 0.2], 0, 1),
        ("sigmoid", [30, -0.2], 1, 0),
        ("s_shape", [0, 40], 0, 1),
        ("s_shape", [5, 5], 0, 1),
        ("z_shape", [0, 40], 1, 0),
        ("z_shape", [5, 5], 1, 0),
        ("pi_shape", [0, 10, 20, 50], 0, 0),
    ],
)
def test_infinite_numbers_have_the_limits(name: str, parameters: list[float], left: float, right: float) -> None:
    assert build({"type": name, "parameters": parameters})([-INF, INF]) == [left, right]


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
    results = doctest.testmod(base)
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
        ("triangular", [False, 1, 2], "not false"),
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
        ("gaussian", [70], "not 1 value"),
        ("gaussian2", [20, 2, 5, 10], "not [20, 2, 5, 10]"),
        ("gaussian2", [5, 0, 20, 10], "not [5, 0, 20, 10]"),
        ("gaussian2", [5, 2, 20, -10], "not [5, 2, 20, -10]"),
        ("gaussian2", [5, 2, 20, INF], "not [5, 2, 20, inf]"),
        ("gaussian2", [5, 2], "not 2 values"),
        ("bell", [0, 2, 30], "not [0, 2, 30]"),
        ("bell", [-10, 2, 30], "not [-10, 2, 30]"),
        ("bell", [10, 0, 30], "not [10, 0, 30]"),
        ("bell", [10, 2, INF], "not [10, 2, inf]"),
        ("bell", [10, 2], "not 2 values"),
        ("sigmoid", [30, 0], "not [30, 0]"),
        ("sigmoid", ["inf", 1], "not [inf, 1]"),
        ("sigmoid", [30, 1, 2], "not 3 values"),
        ("s_shape", [40, 0], "not [40, 0]"),
        ("s_shape", [-INF, 0], "not [-inf, 0]"),
        ("s_shape", [-1.5e308, 1.5e308], "not [-1.5e+308, 1.5e+308]"),
        ("s_shape", [1], "not 1 value"),
        ("z_shape", [40, 0], "not [40, 0]"),
        ("z_shape", [0, INF], "not [0, inf]"),
        ("z_shape", [0, 1, 2], "not 3 values"),
        ("pi_shape", [0, 20, 10, 50], "not [0, 20, 10, 50]"),
        ("pi_shape", [-INF, -INF, 20, 35], "not [-inf, -inf, 20, 35]"),
        ("pi_shape", [0, 1, 2], "not 3 values"),
    ],
)
def test_wrong_parameters_are_refused_with_the_expected_form(name: str, parameters: object, finding: str) -> None:
    with pytest.raises(StrategyError) as caught:
        build({"type": name, "parameters": parameters})
    (problem,) = caught.value.problems
    assert problem.path == "parameters"
    assert FORMS[name] in problem.message
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


def test_every_membership_is_under_these_promises() -> None:
    members = {cls.__name__ for cls in Membership.__subclasses__()}
    assert members == {type(build(config)).__name__ for config in CONFIGS}
    assert FORMS.keys() == {config["type"] for config in CONFIGS}


def test_a_membership_may_be_declared_with_numbers_and_arrays_of_numpy() -> None:
    triangular = build([0, 25, 40])
    assert build([np.int64(0), np.float32(25), 40]) == triangular
    assert build(np.array([0, 25, 40])) == triangular
    assert build({"type": "triangular", "parameters": np.array([0.0, 25.0, 40.0])}) == triangular
    with pytest.raises(StrategyError, match="all numbers, not true"):
        build([np.bool_(True), 25, 40])
