"""The JSON Schema of sets and memberships, from which editors complete, against what is accepted."""

import json
import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ktrdr.fuzzy import AnyFuzzySet, AnyMembership, FittedSet, FuzzySet

SET: TypeAdapter[FuzzySet | FittedSet] = TypeAdapter(AnyFuzzySet)
VALIDATOR = jsonschema.Draft202012Validator(SET.json_schema())

ACCEPTED: list[dict[str, Any]] = [
    {"indicator": "rsi_14", "low": [0, 25, 40]},
    {"indicator": "rsi_14", "low": [0, 0, 25, 40], "memberships": [0, 1, 2]},
    {"indicator": "macd.line", "low": ["-inf", "-inf", 25, 40], "high": [40, 60, "inf", "inf"]},
    {"indicator": "macd.line", "low": [-math.inf, -math.inf, 25, 40]},  # YAML has infinity
    {"indicator": "x", "a": {"type": "triangular", "parameters": [0, 25, 40]}},
    {"indicator": "x", "a": {"type": "trapezoidal", "parameters": ["-inf", "-inf", "inf", "inf"]}},
    {"indicator": "x", "a": {"type": "gaussian", "parameters": [70, 15.5]}},
    {"indicator": "x", "a": {"type": "gaussian2", "parameters": [5, 2, 20, 10]}},
    {"indicator": "x", "a": {"type": "bell", "parameters": [10, 2.5, 30]}},
    {"indicator": "x", "a": {"type": "sigmoid", "parameters": [30, -0.2]}},
    {"indicator": "x", "a": {"type": "s_shape", "parameters": [0, 40]}},
    {"indicator": "x", "a": {"type": "z_shape", "parameters": [0, 40]}},
    {"indicator": "x", "a": {"type": "pi_shape", "parameters": [0, 10, 20, 50]}},
    {"indicator": "macd.line", "fit": "quantiles", "terms": ["bearish", "neutral", "bullish"]},
]

REFUSED: list[Any] = [
    None,
    [],
    {},
    {"indicator": "rsi_14"},
    {"low": [0, 25, 40]},
    {"indicator": 14, "low": [0, 25, 40]},
    {"indicator": "x", "low": [25, 40]},
    {"indicator": "x", "low": [0, 1, 2, 3, 4]},
    {"indicator": "x", "low": "0, 25, 40"},
    {"indicator": "x", "low": [0, "25", 40]},
    {"indicator": "x", "low": ["-inf", 25, 40]},
    {"indicator": "x", "low": [0, 1, 2, "-inf"]},
    {"indicator": "x", "very low": [0, 25, 40]},
    {"indicator": "x", "low": {"type": "triangle", "parameters": [0, 25, 40]}},
    {"indicator": "x", "low": {"type": "triangular", "parameters": [25, 40]}},
    {"indicator": "x", "low": {"type": "triangular", "parameter": [0, 25, 40]}},
    {"indicator": "x", "low": {"type": "triangular", "parameters": [0, 25, 40], "weight": 1}},
    {"indicator": "x", "low": {"type": "gaussian", "parameters": [70, 0]}},
    {"indicator": "x", "low": {"type": "gaussian2", "parameters": [5, -2, 20, 10]}},
    {"indicator": "x", "low": {"type": "bell", "parameters": [0, 2.5, 30]}},
    {"indicator": "x", "low": {"type": "pi_shape", "parameters": ["-inf", "-inf", 20, 50]}},
    {"indicator": "x", "fit": "quantile", "terms": ["a", "b"]},
    {"indicator": "x", "fit": "quantiles"},
    {"indicator": "x", "terms": ["a", "b"]},
    {"indicator": "x", "terms": [0, 25, 40]},
    {"indicator": "x", "fit": [0, 25, 40]},
    {"indicator": "x", "fit": "quantiles", "terms": ["a"]},
    {"indicator": "x", "fit": "quantiles", "terms": ["a", "a"]},
    {"indicator": "x", "fit": "quantiles", "terms": ["a", "fit"]},
    {"indicator": "x", "fit": "quantiles", "terms": ["a", "b c"]},
    {"indicator": "x", "fit": "quantiles", "terms": ["a", "b"], "low": [0, 1, 2]},
]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SET.json_schema())
    json.dumps(SET.json_schema(), allow_nan=False)


@pytest.mark.parametrize("config", ACCEPTED, ids=str)
def test_what_is_accepted_fits_the_schema(config: dict[str, Any]) -> None:
    VALIDATOR.validate(config)
    VALIDATOR.validate(SET.validate_python(config).model_dump(mode="json"))


@pytest.mark.parametrize("config", REFUSED, ids=str)
def test_gross_errors_do_not_fit_the_schema(config: Any) -> None:
    assert not VALIDATOR.is_valid(config)
    with pytest.raises(ValidationError):
        SET.validate_python(config)


def test_the_schema_lists_every_type_of_membership() -> None:
    accepted = {term["type"] for config in ACCEPTED for term in config.values() if isinstance(term, dict)}
    schema = TypeAdapter(AnyMembership).json_schema()
    assert {of["properties"]["type"]["const"] for of in schema["$defs"].values()} == accepted


plain = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["a", "-inf", "inf", "quantiles", "gaussian", "bell"]))
lists = st.lists(plain, max_size=4)
numbers = st.lists(st.integers(-3, 3), min_size=2, max_size=4)
shapes = st.fixed_dictionaries(
    {"type": st.sampled_from(["gaussian", "bell", "s_shape"]), "parameters": lists | numbers}
)
keys = st.sampled_from(["low", "high", "fit", "terms", "a b"])


@given(config=st.dictionaries(keys, plain | lists | numbers | shapes, max_size=3), indicator=st.just("rsi") | plain)
def test_no_document_is_accepted_that_does_not_fit(config: dict[str, Any], indicator: object) -> None:
    document = {"indicator": indicator, **config}
    try:
        SET.validate_python(document)
    except ValidationError:
        return
    VALIDATOR.validate(document)
