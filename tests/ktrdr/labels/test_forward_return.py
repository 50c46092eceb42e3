"""Forward returns and contexts, counted by hand and against a slow reading of the definition."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import StrategyError
from ktrdr.labels import Context, Signal, build
from tests.ktrdr.labels.readings import Rows, rows_of
from tests.ktrdr.labels.series import bars_of

BUY, HOLD, SELL = Signal.BUY, Signal.HOLD, Signal.SELL
BULLISH, NEUTRAL, BEARISH = Context.BULLISH, Context.NEUTRAL, Context.BEARISH

CLOSES = [100.0, 80.0, 125.0, 100.0, 62.5, 100.0]


def test_the_label_is_the_return_over_the_horizon() -> None:
    assert rows_of(bars_of(CLOSES), source="forward_return", horizon=2) == [
        (0, 0.25, 2),
        (1, 0.25, 3),
        (2, -0.5, 4),
        (3, 0.0, 5),
    ]


def test_a_threshold_makes_classes_of_returns() -> None:
    by_threshold = {0.24: [BUY, BUY, SELL, HOLD], 0.25: [HOLD, HOLD, SELL, HOLD], 0.5: [HOLD] * 4}
    for threshold, expected in by_threshold.items():
        rows = rows_of(bars_of(CLOSES), source="forward_return", horizon=2, threshold=threshold)
        assert [label for _, label, _ in rows] == expected


def test_contexts_have_a_threshold_for_each_side() -> None:
    for bullish, bearish, expected in [
        (0.1, -0.1, [BULLISH, BULLISH, BEARISH, NEUTRAL]),
        (0.25, -0.5, [NEUTRAL, NEUTRAL, NEUTRAL, NEUTRAL]),
        (-0.1, -0.6, [BULLISH, BULLISH, NEUTRAL, BULLISH]),
        (0.5, 0.1, [NEUTRAL, NEUTRAL, BEARISH, BEARISH]),
    ]:
        rows = rows_of(bars_of(CLOSES), source="context", horizon=2, bullish=bullish, bearish=bearish)
        assert [label for _, label, _ in rows] == expected
        assert [(row, known) for row, _, known in rows] == [(0, 2), (1, 3), (2, 4), (3, 5)]


def test_bearish_must_be_below_bullish() -> None:
    for config in ({"bullish": 0.1, "bearish": 0.1}, {"bullish": -0.01}, {"bearish": 0.2}):
        with pytest.raises(StrategyError, match="bearish must be below bullish, got bearish"):
            build({"source": "context", **config})


def test_returns_are_for_regression_and_classes_are_not() -> None:
    returns, classes = build({"source": "forward_return"}), build({"source": "forward_return", "threshold": 0.01})
    assert (returns.is_regression, classes.is_regression) == (True, False)
    assert returns.class_names == classes.class_names == ("BUY", "HOLD", "SELL")
    assert returns.label(bars_of([])).dtypes["label"] == np.float64
    assert classes.label(bars_of([])).dtypes["label"] == np.int64


@pytest.mark.filterwarnings("error")
def test_returns_beyond_all_numbers_are_rises() -> None:
    assert rows_of(bars_of([1e-300, 1e300]), source="context", horizon=1) == [(0, BULLISH, 1)]


def test_a_horizon_beyond_all_bars_leaves_no_row() -> None:
    for source in ("forward_return", "context"):
        assert rows_of(bars_of(CLOSES), source=source, horizon=10**30) == []


def by_definition(closes: list[float], horizon: int, classes: Any, above: float, below: float) -> tuple[Rows, Rows]:
    """Return the returns, and their classes by two thresholds, a row at a time."""
    returns: Rows = []
    coded: Rows = []
    rises, neither, falls = classes
    for t in range(len(closes)):
        if t + horizon >= len(closes):
            continue
        result = closes[t + horizon] / closes[t] - 1
        returns.append((t, result, t + horizon))
        coded.append((t, rises if result > above else falls if result < below else neither, t + horizon))
    return returns, coded


@given(
    closes=st.lists(st.integers(90, 112).map(float), max_size=50),
    horizon=st.integers(1, 12),
    bounds=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)).filter(lambda pair: pair[0] < pair[1]),
    threshold=st.floats(0.001, 0.2),
)
def test_labels_equal_a_slow_reading_of_the_definition(
    closes: list[float], horizon: int, bounds: tuple[float, float], threshold: float
) -> None:
    bars, (bearish, bullish) = bars_of(closes), bounds
    returns, contexts = by_definition(closes, horizon, list(Context), bullish, bearish)
    _, signals = by_definition(closes, horizon, list(Signal), threshold, -threshold)
    assert rows_of(bars, source="forward_return", horizon=horizon) == returns
    assert rows_of(bars, source="forward_return", horizon=horizon, threshold=threshold) == signals
    assert rows_of(bars, source="context", horizon=horizon, bullish=bullish, bearish=bearish) == contexts
