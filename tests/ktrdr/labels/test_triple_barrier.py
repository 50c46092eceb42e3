"""Triple-barrier labels, counted by hand and against a slow reading of the definition."""

import itertools
import math
import statistics
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.labels import Signal
from tests.ktrdr.labels import readings
from tests.ktrdr.labels.readings import Rows
from tests.ktrdr.labels.series import bars_of, random_bars

BUY, HOLD, SELL = Signal.BUY, Signal.HOLD, Signal.SELL


def rows_of(bars: pd.DataFrame, **config: Any) -> Rows:
    return readings.rows_of(bars, source="triple_barrier", **config)


def after_a_range_of_two(
    closes: list[float], highs: dict[int, float] | None = None, lows: dict[int, float] | None = None
) -> pd.DataFrame:
    """Return two bars at 100 with a range of 2 (ATR(1) = 2 at the second, a volatility of 0.02), then `closes`."""
    every = [100.0, 100.0, *closes]
    high, low = [101.0, 101.0, *closes], [99.0, 99.0, *closes]
    for at, price in (highs or {}).items():
        high[at] = price
    for at, price in (lows or {}).items():
        low[at] = price
    return bars_of(every, high, low)


def first_row(bars: pd.DataFrame, **config: Any) -> tuple[int, int, int]:
    """Return the row of bar 1: barriers at 104 and 97 with the default multipliers."""
    row = rows_of(bars, vol_span=1, max_holding_period=3, **config)[0]
    assert row[0] == 1
    return row


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        (after_a_range_of_two([100, 100, 100], highs={3: 104.0}), (1, BUY, 3)),
        (after_a_range_of_two([100, 100, 100], highs={3: 103.99}), (1, HOLD, 4)),
        (after_a_range_of_two([100, 100, 100], lows={2: 97.0}), (1, SELL, 2)),
        (after_a_range_of_two([100, 100, 100], lows={2: 97.01}), (1, HOLD, 4)),
        (after_a_range_of_two([100, 100, 100], highs={2: 104.0}, lows={3: 97.0}), (1, BUY, 2)),
        (after_a_range_of_two([100, 100, 100], highs={3: 104.0}, lows={2: 97.0}), (1, SELL, 2)),
        (after_a_range_of_two([100, 100, 100], highs={4: 105.0}), (1, BUY, 4)),
    ],
)
def test_the_first_bar_that_touches_a_barrier_decides(bars: pd.DataFrame, expected: tuple[int, int, int]) -> None:
    assert first_row(bars) == expected


def test_a_bar_that_touches_both_barriers_is_read_as_the_stop() -> None:
    bars = after_a_range_of_two([100, 100, 100], highs={2: 110.0}, lows={2: 90.0})
    assert first_row(bars) == (1, SELL, 2)


def test_the_entry_bars_own_range_touches_nothing() -> None:
    assert first_row(after_a_range_of_two([100, 100, 100]), pt_multiplier=0.4, sl_multiplier=0.4) == (1, HOLD, 4)


@pytest.mark.parametrize(
    ("last", "band", "label"),
    [
        # 0.02 sqrt(3) = 0.0346; half of it is 0.0173
        (101.7, 0.5, HOLD),
        (101.8, 0.5, BUY),
        (98.3, 0.5, HOLD),
        (98.2, 0.5, SELL),
        (100.1, 0.0, BUY),
        (99.9, 0.0, SELL),
        (100.0, 0.0, HOLD),
        (103.0, 1.0, HOLD),
    ],
)
def test_at_expiry_the_return_decides_outside_the_band(last: float, band: float, label: int) -> None:
    assert first_row(after_a_range_of_two([100, 100, last]), expiry_band=band) == (1, label, 4)


def test_a_row_needs_the_whole_holding_period_even_if_touched_sooner() -> None:
    bars = after_a_range_of_two([110, 100])
    assert rows_of(bars, vol_span=1, max_holding_period=3) == []
    assert rows_of(bars, vol_span=1, max_holding_period=2)[0] == (1, BUY, 2)


def test_bars_without_volatility_have_no_row() -> None:
    bars = bars_of([100.0, 100, 100, 100, 110, 110, 110, 110, 110, 110])
    # ATR(1) is the true range: 0 but at bar 4
    assert [row for row, _, _ in rows_of(bars, vol_span=1, max_holding_period=2)] == [4]
    # of the last three returns one moves at bars 4, 5 and 6
    assert [row for row, _, _ in rows_of(bars, vol_span=3, vol_method="close", max_holding_period=2)] == [4, 5, 6]


def test_the_first_row_has_a_full_window_behind_it() -> None:
    bars = random_bars(60, seed=1)
    for method in ("atr", "close"):
        assert rows_of(bars, vol_span=7, max_holding_period=4, vol_method=method)[0][0] == 7


def by_definition(bars: pd.DataFrame, volatility: list[float], config: dict[str, Any]) -> Rows:
    """Triple barrier read word by word, a row at a time."""
    high, low, close = (bars[name].tolist() for name in ("high", "low", "close"))
    horizon = config["max_holding_period"]
    rows = []
    for t in range(len(close) - horizon):
        vol = volatility[t]
        if math.isnan(vol) or vol == 0:
            continue
        result = close[t + horizon] / close[t] - 1
        is_small = abs(result) < config["expiry_band"] * vol * math.sqrt(horizon) or result == 0
        label, known = HOLD if is_small else BUY if result > 0 else SELL, t + horizon
        for j in range(t + 1, t + horizon + 1):
            if low[j] <= close[t] * (1 - config["sl_multiplier"] * vol):
                label, known = SELL, j
                break
            if high[j] >= close[t] * (1 + config["pt_multiplier"] * vol):
                label, known = BUY, j
                break
        rows.append((t, int(label), known))
    return rows


def deviations(closes: list[float], span: int) -> list[float]:
    """Return the sample deviation of the last `span` log returns at each bar."""
    returns = [math.log(b / a) for a, b in itertools.pairwise(closes)]
    return [statistics.stdev(returns[t - span : t]) if t >= span else math.nan for t in range(len(closes))]


@given(
    seed=st.integers(0, 2**32 - 1),
    n_bars=st.integers(1, 70),
    pt_multiplier=st.sampled_from([0.1, 0.7, 2.0, 1e9]),
    sl_multiplier=st.sampled_from([0.1, 0.9, 1.5, 1e9]),
    max_holding_period=st.integers(1, 12),
    vol_span=st.integers(2, 9),
    expiry_band=st.sampled_from([0, 0.5, 3.0]),
)
def test_labels_equal_a_slow_reading_of_the_definition(seed: int, n_bars: int, **config: Any) -> None:
    bars = random_bars(n_bars, seed)
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    by_atr = (talib.ATR(high, low, close, timeperiod=config["vol_span"]) / close).tolist()
    assert rows_of(bars, **config) == by_definition(bars, by_atr, config)
    by_closes = deviations(close.tolist(), config["vol_span"])
    assert rows_of(bars, vol_method="close", **config) == by_definition(bars, by_closes, config)


def test_long_series_are_computed_in_pieces_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = random_bars(400, seed=3)
    whole = rows_of(bars, vol_span=20, vol_method="close")
    monkeypatch.setattr("ktrdr.labels.triple_barrier._WINDOW_VALUES", 100)
    assert rows_of(bars, vol_span=20, vol_method="close") == whole


@pytest.mark.filterwarnings("error")
def test_enormous_multipliers_are_never_touched() -> None:
    bars = random_bars(60, seed=4)
    rows = rows_of(bars, vol_span=3, max_holding_period=5, pt_multiplier=1e308, sl_multiplier=1e308, expiry_band=1e308)
    assert {label for _, label, _ in rows} == {HOLD}
    assert all(known == row + 5 for row, _, known in rows)


def test_a_move_long_ago_leaves_no_volatility_behind() -> None:
    closes = [1.0, 1e6, 1.0, 3.0, *[100.0] * 30]
    rows = rows_of(bars_of(closes), vol_span=5, vol_method="close", max_holding_period=2)
    assert max(row for row, _, _ in rows) == 8
    assert np.isfinite([row for row, _, _ in rows]).all()
