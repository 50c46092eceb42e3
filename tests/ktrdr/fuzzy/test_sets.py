"""Fuzzy sets as they are written in a file, and back."""

import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ktrdr.declaration import build_declared
from ktrdr.errors import Problem, StrategyError
from ktrdr.fuzzy import AnyFuzzySet, FittedSet, FuzzySet, Gaussian, Trapezoidal, Triangular

SETS: TypeAdapter[dict[str, FuzzySet | FittedSet]] = TypeAdapter(dict[str, AnyFuzzySet])

RSI = {
    "indicator": "rsi_14",
    "oversold": [0, 25, 40],
    "neutral": [30, 40, 60, 70],
    "high": {"type": "gaussian", "parameters": [70, 15]},
}


MACD = {"indicator": "macd.line", "fit": "quantiles", "terms": ["bearish", "neutral", "bullish"]}
PAIR = ["low", "high"]


def read(config: Any) -> FuzzySet | FittedSet:
    return build_declared(SETS, {"set": config}, "fuzzy_sets")["set"]


def problems(config: Any) -> list[Problem]:
    with pytest.raises(StrategyError) as caught:
        read(config)
    return list(caught.value.problems)


def found(config: Any) -> list[str]:
    """Return what is wrong, without the path of the set."""
    return [f"{problem.path.removeprefix('set').removeprefix('.')}: {problem.message}" for problem in problems(config)]


def test_every_key_but_indicator_is_a_term_in_the_order_written() -> None:
    fuzzy_set = FuzzySet.model_validate(RSI)
    assert fuzzy_set.indicator == "rsi_14"
    assert fuzzy_set.terms == ("oversold", "neutral", "high")
    assert [type(m) for m in fuzzy_set.memberships.values()] == [Triangular, Trapezoidal, Gaussian]
    assert fuzzy_set.memberships["oversold"].parameters == (0, 25, 40)


def test_a_term_may_be_called_memberships() -> None:
    fuzzy_set = FuzzySet.model_validate({"indicator": "rsi", "memberships": [0, 1, 2]})
    assert list(fuzzy_set.memberships) == ["memberships"]
    assert FuzzySet.model_validate(fuzzy_set.model_dump(mode="json")) == fuzzy_set


def test_a_dump_is_the_form_of_the_file() -> None:
    fuzzy_set = FuzzySet.model_validate({"indicator": "macd.line", "low": [-math.inf, -math.inf, -1, 0]})
    written = {"indicator": "macd.line", "low": {"type": "trapezoidal", "parameters": ["-inf", "-inf", -1.0, 0.0]}}
    assert fuzzy_set.model_dump(mode="json") == written
    assert fuzzy_set.model_dump(mode="json", exclude_unset=True) == written
    assert json.loads(fuzzy_set.model_dump_json()) == written


finite = st.floats(-1e9, 1e9)
memberships = st.one_of(
    st.lists(finite, min_size=3, max_size=3).map(sorted),
    st.lists(finite, min_size=4, max_size=4).map(sorted),
    st.lists(finite, min_size=2, max_size=2).map(lambda inner: [-math.inf, -math.inf, *sorted(inner)]),
    st.tuples(finite, st.floats(1e-9, 1e9)).map(lambda p: {"type": "gaussian", "parameters": list(p)}),
)
terms = st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True), memberships, min_size=1)


@given(terms=terms.filter(lambda terms: not {"indicator", "fit", "terms"} & set(terms)))
def test_a_dump_rebuilds_to_an_equal_set(terms: dict[str, Any]) -> None:
    fuzzy_set = FuzzySet.model_validate({"indicator": "rsi_14", **terms})
    text = json.dumps(fuzzy_set.model_dump(mode="json"), allow_nan=False)
    rebuilt = FuzzySet.model_validate(json.loads(text))
    assert rebuilt == fuzzy_set
    assert list(rebuilt.memberships) == list(fuzzy_set.memberships)
    assert FuzzySet.model_validate(fuzzy_set.model_dump()) == fuzzy_set
    assert pickle.loads(pickle.dumps(fuzzy_set)) == fuzzy_set


def test_a_set_is_accepted_as_it_is() -> None:
    fuzzy_set = FuzzySet.model_validate(RSI)
    assert FuzzySet.model_validate(fuzzy_set) == fuzzy_set


def test_fit_or_terms_make_a_set_one_that_is_fitted() -> None:
    fuzzy_set = read(MACD)
    assert isinstance(fuzzy_set, FittedSet)
    assert (fuzzy_set.indicator, fuzzy_set.terms) == ("macd.line", ("bearish", "neutral", "bullish"))
    assert isinstance(read(RSI), FuzzySet)
    assert isinstance(read({**MACD, "terms": ("low", "high")}), FittedSet)


@pytest.mark.parametrize("config", [RSI, MACD])
def test_every_kind_of_set_is_dumped_as_in_a_file_and_rebuilt(config: dict[str, Any]) -> None:
    fuzzy_set = read(config)
    dumped = SETS.dump_python({"set": fuzzy_set}, mode="json", exclude_unset=True)
    assert json.loads(json.dumps(dumped, allow_nan=False)) == dumped
    assert list(dumped["set"]) == list(config)
    assert read(dumped["set"]) == fuzzy_set
    assert read(fuzzy_set) == fuzzy_set
    assert read(fuzzy_set.model_dump()) == fuzzy_set
    assert pickle.loads(pickle.dumps(fuzzy_set)) == fuzzy_set


def test_a_set_needs_a_term() -> None:
    (problem,) = problems({"indicator": "rsi_14"})
    assert problem.path == "set"
    assert problem.message == "has no term: add at least one, such as low: [0, 25, 40], or fit: quantiles with terms"


def test_a_set_needs_an_indicator() -> None:
    assert found({"low": [0, 1, 2]}) == ["indicator: missing key 'indicator'"]
    assert found({"fit": "quantiles", "terms": ["a", "b"]}) == ["indicator: missing key 'indicator'"]
    assert found({"indicator": 14, "low": [0, 1, 2]}) == ["indicator: expected a text, got 14"]


@pytest.mark.parametrize("name", ["", "_low", "very low", "low\n", "a.b", "l" * 65, "überkauft"])
def test_names_of_terms_are_checked(name: str) -> None:
    (problem,) = problems({"indicator": "rsi_14", name: [0, 1, 2]})
    assert problem.path == f"set.{name}"
    assert "is not a term's name" in problem.message
    (problem,) = problems({**MACD, "terms": ["low", name]})
    assert problem.path == "set.terms.1"
    assert "is not a term's name" in problem.message


@pytest.mark.parametrize("key", ["indicator", "fit", "terms"])
def test_a_term_is_not_called_like_a_key_of_the_set(key: str) -> None:
    expected = f"terms.1: a term cannot be called '{key}': that is a key of the set"
    assert found({**MACD, "terms": ["low", key, "high"]}) == [expected]


def test_errors_name_the_term() -> None:
    form = "[a, b, c] with a <= b <= c, all finite"
    assert found({"indicator": "rsi_14", "low": [0, 1, 2], "oversold": [40, 25, 0]}) == [
        f"oversold: expected {form}, not [40, 25, 0]"
    ]
    assert found({"indicator": "rsi_14", "oversold": {"type": "triangular", "parameters": [40, 25, 0]}}) == [
        f"oversold.parameters: expected {form}, not [40, 25, 0]"
    ]
    (message,) = found({"indicator": "rsi_14", "oversold": [25, 40]})
    assert message.startswith("oversold: a list is 3 numbers (triangular) or 4 (trapezoidal), not 2")
    assert [problem.path for problem in problems({"indicator": "rsi_14", 1: [0, 1, 2]})] == ["set.1"]


@pytest.mark.parametrize("name", ["memberships", "declared", "triangular", "quantiles", "key"])
def test_errors_name_the_right_term_whatever_the_others_are_called(name: str) -> None:
    config = {"indicator": "rsi_14", name: [0, 1, 2], "low": {"type": "gausian", "parameters": [0, 1]}}
    (problem,) = problems(config)
    assert (problem.path, problem.message) == ("set.low.type", "unknown type 'gausian'")
    assert problem.suggestion == "Did you mean 'gaussian'?"


def test_every_wrong_term_is_reported() -> None:
    config = {"low": [2, 1, 0], "high": [1], "mid": {"type": "gaussian", "parameters": [0, 0]}}
    assert [problem.path for problem in problems(config)] == [
        "set.indicator",
        "set.low",
        "set.high",
        "set.mid.parameters",
    ]


OWN_SHAPE = "The shapes are fitted: put low into terms, or remove fit and terms."


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({**MACD, "fit": "quantile"}, ("fit", "unknown value 'quantile'", "Did you mean 'quantiles'?")),
        ({**MACD, "fit": [0, 25, 40]}, ("fit", "expected one value, got a list", "One of: quantiles.")),
        ({**MACD, "fit": None}, ("fit", "nothing is given", "Give its value.")),
        ({"indicator": "x", "terms": PAIR}, ("fit", "missing key 'fit'", "One of: quantiles.")),
        (
            {"indicator": "x", "fitt": "quantiles", "terms": ["a", "b"]},
            ("fitt", "unknown key 'fitt'", "Did you mean 'fit'?"),
        ),
        ({"indicator": "x", "fit": "quantiles"}, ("terms", "missing key 'terms'", None)),
        (
            {"indicator": "x", "fit": "quantiles", "term": ["a", "b"]},
            ("term", "unknown key 'term'", "Did you mean 'terms'?"),
        ),
        ({**MACD, "terms": "low, high"}, ("terms", "expected a list, got 'low, high' (text)", None)),
        ({**MACD, "terms": ["low", 5]}, ("terms.1", "expected a text, got 5", None)),
        ({**MACD, "terms": ["low"]}, ("terms", "needs at least 2, has 1", None)),
        ({**MACD, "terms": []}, ("terms", "needs at least 2, has 0", None)),
        ({**MACD, "terms": ["low", "high", "low"]}, ("terms", "the term 'low' is listed twice", None)),
        ({**MACD, "low": "x"}, ("low", "unknown key 'low'", "Known here: indicator, fit, terms.")),
        ({**MACD, "low": [0, 1, 2]}, ("low", "unknown key 'low'", OWN_SHAPE)),
        ({"indicator": "x", "fit": "quantiles", "low": {"type": "bell"}}, ("low", "unknown key 'low'", OWN_SHAPE)),
    ],
)
def test_what_is_wrong_with_a_fitted_set_is_said(config: Any, expected: tuple[str, str, str | None]) -> None:
    (problem,) = problems(config)
    assert (problem.path.removeprefix("set."), problem.message, problem.suggestion) == expected


def test_a_misspelled_indicator_is_one_problem_at_its_key() -> None:
    (problem,) = problems({"indicators": "rsi_14", "low": [0, 1, 2]})
    assert (problem.path, problem.message) == ("set.indicators", "unknown key 'indicators'")
    assert problem.suggestion == "Did you mean 'indicator'?"
    terms = {"indicator": "rsi_14", "indicators": [0, 1, 2]}
    assert read(terms).terms == ("indicators",)


def test_a_bad_name_for_a_term_is_one_problem_whatever_it_holds() -> None:
    (problem,) = problems({"indicator": "rsi_14", "a.b": 30, "low": [0, 1, 2]})
    assert "is not a term's name" in problem.message


def test_everything_wrong_with_a_fitted_set_is_said_together() -> None:
    assert sorted(found({"indicator": 5, "fit": "quantils", "terms": ["a", "a"], "low": [0, 1, 2]})) == [
        "fit: unknown value 'quantils'",
        "indicator: expected a text, got 5",
        "low: unknown key 'low'",
    ]
    assert found({**MACD, "terms": ["a", "a"], "low": [0, 1, 2]}) == [
        "low: unknown key 'low'",
        "terms: the term 'a' is listed twice",
    ]


@pytest.mark.parametrize("config", [None, [], "rsi_14", 5])
def test_other_kinds_of_config_are_refused(config: object) -> None:
    (message,) = found(config)
    assert message.startswith(": expected a mapping, got ")
