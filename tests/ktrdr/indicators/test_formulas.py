"""The project's own formulas against slow loops of their definitions, on markets that stand still and trade nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ktrdr.data import COLUMNS, Bars
from ktrdr.indicators import build
from tests.ktrdr.indicators.examples import EXAMPLES, frame, walk
from tests.ktrdr.indicators.slow import FORMULAS, Market

SMALL = st.integers(2, 6)
MULTIPLIER = st.sampled_from([0.5, 1.0, 2.0, 10.0])
PARAMETERS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "bollingerbandwidth": {"period": SMALL, "multiplier": MULTIPLIER},
    "cmf": {"period": SMALL},
    "donchianchannels": {"period": SMALL},
    "keltnerchannels": {"period": SMALL, "atr_period": SMALL, "multiplier": MULTIPLIER},
    "ichimoku": {"tenkan": SMALL, "kijun": SMALL, "senkou": SMALL, "displacement": st.integers(0, 30)},
    "fishertransform": {"period": SMALL, "smoothing": SMALL},
    "rvi": {"period": SMALL, "signal": SMALL},
    "vwap": {"period": st.just(0) | SMALL},
    "volumeratio": {"period": SMALL},
    "distancefromma": {
        "period": SMALL,
        "ma_type": st.sampled_from(["sma", "ema"]),
        "source": st.sampled_from(["open", "high", "low", "close", "volume", "hl2", "hlc3", "ohlc4"]),
    },
    "squeezeintensity": {
        "bb_period": SMALL, "bb_multiplier": MULTIPLIER, "kc_period": SMALL, "kc_multiplier": MULTIPLIER,
    },
}  # fmt: skip


@st.composite
def markets(draw: st.DrawFn) -> Bars:
    """Bars with prices from few, so that they repeat; often without range or volume, or the same for a while."""
    price = st.integers(1, 4)
    prices = st.tuples(price, price, price, price) | price.map(lambda still: (still,) * 4)
    one = st.tuples(prices, st.sampled_from([0, 0, 1, 5, 1000]), st.integers(1, 9))
    rows = [
        (of_bar[0], max(of_bar), min(of_bar), of_bar[1], volume)
        for of_bar, volume, n_times in draw(st.lists(one, min_size=0, max_size=9))
        for _ in range(n_times)
    ]
    return frame(*(np.array([row[at] for row in rows], dtype=float) for at in range(5)))


def test_every_formula_without_one_of_talib_is_compared() -> None:
    assert PARAMETERS.keys() == FORMULAS.keys()
    assert FORMULAS.keys() == {example.config["type"] for example in EXAMPLES if example.formula is None}


@pytest.mark.parametrize("kind", FORMULAS)
@settings(max_examples=30, deadline=None)
@given(choices=st.data())
def test_values_are_those_of_the_definition(kind: str, choices: st.DataObject) -> None:
    bars = choices.draw(markets())
    parameters = {name: choices.draw(values, name) for name, values in PARAMETERS[kind].items()}
    indicator = build({"type": kind, **parameters})
    values = indicator.compute(bars)
    slow = FORMULAS[kind](Market(bars), **parameters)
    for name, expected in zip(indicator.outputs, slow, strict=True):
        np.testing.assert_allclose(values[name], np.array(expected), rtol=1e-7, atol=1e-7, equal_nan=True)


@pytest.mark.parametrize("period", [7, 21])
@pytest.mark.parametrize("kind", ["cmf", "vwap", "volumeratio"])
def test_a_window_without_trades_is_neutral_after_any_trades(kind: str, period: int) -> None:
    # running sums keep what rounding left of great volumes, on this walk for either period
    bars = walk(200, seed=2)
    bars.iloc[100:, 4] = 0.0
    values = build({"type": kind, "period": period}).compute(bars)["value"].iloc[100 + period :]
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3
    neutral = {"cmf": 0.0, "volumeratio": 1.0, "vwap": typical.rolling(period).mean().iloc[100 + period :]}[kind]
    np.testing.assert_allclose(values, neutral, rtol=1e-12)


def test_the_cloud_is_the_present_one_of_as_many_bars_ago() -> None:
    bars = walk(120)
    keys = {"type": "ichimoku", "tenkan": 3, "kijun": 5, "senkou": 7}
    now, later = (build({**keys, "displacement": n}).compute(bars) for n in (0, 10))
    for name in ("senkou_a", "senkou_b"):
        np.testing.assert_array_equal(later[name].iloc[10:], now[name].iloc[:-10])
    np.testing.assert_array_equal(later["tenkan"], now["tenkan"])


def test_fisher_stays_finite_at_the_ends_of_its_range() -> None:
    prices = np.arange(1.0, 400.0)
    values = build({"type": "fishertransform"}).compute(frame(prices, prices, prices, prices, prices))["fisher"]
    # ln(1.999 / 0.001) / 2 and halves of the ones before: twice as much in the end
    assert values.iloc[-1] == pytest.approx(np.log(1999))


def test_a_stochastic_of_a_market_that_stopped_moving_is_50_exactly():
    moving = walk(300)
    after = moving.index + 2 * (moving.index[-1] - moving.index[0])
    still = pd.concat([moving, pd.DataFrame(100.0, after, COLUMNS)])
    values = build({"type": "stochastic"}).compute(still)
    assert (values.iloc[300 + 17 :] == 50).all(axis=None)
