"""Fuzzy sets as they are written in a file, and back."""

import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ktrdr.fuzzy import FuzzySet, Gaussian, Trapezoidal, Triangular

RSI = {
    "indicator": "rsi_14",
    "oversold": [0, 25, 40],
    "neutral": [30, 40, 60, 70],
    "high": {"type": "gaussian", "parameters": [70, 15]},
}


def refusal(config: Any) -> tuple[tuple[int | str, ...], str]:
    with pytest.raises(ValidationError) as caught:
        FuzzySet.model_validate(config)
    first = caught.value.errors()[0]
    return first["loc"], first["msg"]


def test_every_key_but_indicator_is_a_term_in_the_order_written() -> None:
    fuzzy_set = FuzzySet.model_validate(RSI)
    assert fuzzy_set.indicator == "rsi_14"
    assert list(fuzzy_set.memberships) == ["oversold", "neutral", "high"]
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


@pytest.mark.parametrize("key", ["fit", "terms"])
def test_sets_fitted_on_data_are_refused(key: str) -> None:
    _, message = refusal({"indicator": "rsi_14", key: "quantiles", "low": [0, 1, 2]})
    assert "sets fitted on data are not supported: give each term's parameters" in message


def test_a_set_needs_a_term() -> None:
    assert "has no term" in refusal({"indicator": "rsi_14"})[1]


def test_a_set_needs_an_indicator() -> None:
    assert refusal({"low": [0, 1, 2]}) == (("indicator",), "Field required")
    assert refusal({"indicator": 14, "low": [0, 1, 2]})[0] == ("indicator",)


@pytest.mark.parametrize("name", ["", "_low", "very low", "low\n", "a.b", "l" * 65, "überkauft"])
def test_names_of_terms_are_checked(name: str) -> None:
    location, message = refusal({"indicator": "rsi_14", name: [0, 1, 2]})
    assert location[:2] == ("memberships", name)
    assert "is not a term's name" in message


def test_errors_name_the_term() -> None:
    location, message = refusal({"indicator": "rsi_14", "low": [0, 1, 2], "oversold": [40, 25, 0]})
    assert location[:2] == ("memberships", "oversold")
    assert location[-1] == "parameters"
    assert "a <= b <= c" in message
    location, message = refusal({"indicator": "rsi_14", "oversold": [25, 40]})
    assert location == ("memberships", "oversold")
    assert "3 numbers (triangular) or 4 (trapezoidal), not 2" in message
    assert refusal({"indicator": "rsi_14", 1: [0, 1, 2]})[0][:2] == ("memberships", 1)


def test_every_wrong_term_is_reported() -> None:
    with pytest.raises(ValidationError) as caught:
        FuzzySet.model_validate({"low": [2, 1, 0], "high": [1], "mid": {"type": "gaussian", "parameters": [0, 0]}})
    assert len(caught.value.errors()) == 4


@pytest.mark.parametrize("config", [None, [], "rsi_14", 5])
def test_other_kinds_of_config_are_refused(config: object) -> None:
    assert "valid dictionary" in refusal(config)[1]
