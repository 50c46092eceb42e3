"""Whole indicators turned into degrees."""

import math

import numpy as np
import pandas as pd
import pytest

from ktrdr.errors import StrategyError
from ktrdr.fuzzy import FuzzySet, fuzzify

INDEX = pd.date_range("2020-01-01", periods=4, tz="UTC", name="time")
INDICATORS = {
    "rsi_14": pd.DataFrame({"value": [math.nan, 0.0, 20.0, 90.0]}, index=INDEX),
    "macd": pd.DataFrame(
        {"line": [math.nan, -1.0, 0.0, 0.5], "signal": [math.nan, math.nan, 1.0, 0.0], "histogram": np.zeros(4)},
        index=INDEX,
    ),
}
MOMENTUM = FuzzySet.model_validate({"indicator": "rsi_14", "low": [0, 0, 40], "high": [60, 80, math.inf, math.inf]})


def macd_set(indicator: str) -> FuzzySet:
    return FuzzySet.model_validate({"indicator": indicator, "up": [0, 1, 2]})


def test_each_term_of_each_set_is_a_column_in_order() -> None:
    degrees = fuzzify({"momentum": MOMENTUM, "trend": macd_set("macd.signal")}, INDICATORS)
    expected = pd.DataFrame(
        {
            "momentum_low": [math.nan, 1.0, 0.5, 0.0],
            "momentum_high": [math.nan, 0.0, 0.0, 1.0],
            "trend_up": [math.nan, math.nan, 1.0, 0.0],
        },
        index=INDEX,
    )
    pd.testing.assert_frame_equal(degrees, expected)


def test_degrees_of_one_set_are_its_columns_of_fuzzify() -> None:
    values = INDICATORS["rsi_14"]["value"].to_numpy()
    degrees = MOMENTUM.degrees(values)
    assert (degrees.shape, degrees.dtype) == ((4, 2), np.float64)
    np.testing.assert_array_equal(degrees, fuzzify({"momentum": MOMENTUM}, INDICATORS).to_numpy())
    assert MOMENTUM.degrees(values[:0]).shape == (0, 2)


def test_an_indicator_without_an_output_means_its_first() -> None:
    undotted, dotted = (fuzzify({"trend": macd_set(name)}, INDICATORS) for name in ("macd", "macd.line"))
    pd.testing.assert_frame_equal(undotted, dotted)
    assert undotted["trend_up"].tolist()[1:] == [0.0, 0.0, 0.5]


def test_each_set_is_told_once_done() -> None:
    told: list[str] = []
    fuzzify({"trend": macd_set("macd"), "momentum": MOMENTUM}, INDICATORS, told.append)
    assert told == ["trend", "momentum"]


def test_indicators_are_not_changed() -> None:
    before = {name: frame.copy() for name, frame in INDICATORS.items()}
    fuzzify({"momentum": MOMENTUM}, INDICATORS)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(INDICATORS[name], frame)


def test_without_sets_there_are_rows_and_no_columns() -> None:
    assert fuzzify({}, INDICATORS).shape == (4, 0)


@pytest.mark.parametrize(
    ("indicator", "message", "suggestion"),
    [
        ("rsi_41", "there is no indicator 'rsi_41'", "Did you mean 'rsi_14'?"),
        ("macd.lines", "indicator 'macd' has no output 'lines'", "Did you mean 'line'?"),
        ("macd.x", "indicator 'macd' has no output 'x'", "Its outputs: line, signal, histogram."),
        ("macd.", "indicator 'macd' has no output ''", "Its outputs: line, signal, histogram."),
    ],
)
def test_references_to_nothing_are_refused(indicator: str, message: str, suggestion: str) -> None:
    with pytest.raises(StrategyError) as caught:
        fuzzify({"trend": macd_set(indicator)}, INDICATORS)
    (problem,) = caught.value.problems
    assert (problem.path, problem.message, problem.suggestion) == ("fuzzy_sets.trend.indicator", message, suggestion)


def test_two_terms_of_one_column_are_refused() -> None:
    sets = {
        "rsi_a": FuzzySet.model_validate({"indicator": "rsi_14", "low": [0, 1, 2]}),
        "rsi": FuzzySet.model_validate({"indicator": "rsi_14", "a_low": [0, 1, 2]}),
    }
    with pytest.raises(StrategyError, match="two terms are called rsi_a_low"):
        fuzzify(sets, INDICATORS)
