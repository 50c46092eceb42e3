"""Numbers worked out by hand, and the readings of a market that does not move."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import talib

from ktrdr.indicators import build
from tests.ktrdr.indicators.examples import flat, frame, walk

NEUTRAL = [
    ({"type": "rsi"}, [50.0]),
    ({"type": "rsi", "period": 2, "source": "hlc3"}, [50.0]),
    ({"type": "stochastic"}, [50.0, 50.0]),
    ({"type": "williamsr"}, [-50.0]),
    ({"type": "cci"}, [0.0]),
    ({"type": "cci", "period": 7}, [0.0]),
    ({"type": "mfi"}, [50.0]),
    ({"type": "bollingerbandwidth"}, [0.0]),
    ({"type": "cmf"}, [0.0]),
    ({"type": "aroon"}, [100.0, 100.0, 0.0]),
    ({"type": "adx"}, [0.0, 0.0, 0.0]),
    ({"type": "fishertransform"}, [0.0, 0.0]),
    ({"type": "rvi"}, [0.0, 0.0]),
    ({"type": "volumeratio"}, [1.0]),
    ({"type": "distancefromma"}, [0.0]),
    ({"type": "distancefromma", "ma_type": "ema"}, [0.0]),
    ({"type": "squeezeintensity"}, [0.0]),
]
# those that remember more than a window of prices
LASTING = ("rsi", "adx", "fishertransform", "volumeratio", "squeezeintensity")


def closes(*prices: float) -> pd.DataFrame:
    return frame(*(np.array(prices, dtype=float) for _ in range(4)), np.ones(len(prices)))


def test_sma_is_the_mean_of_the_window() -> None:
    values = build({"type": "sma", "period": 3}).compute(closes(1, 2, 6, 4, 11))["value"]
    np.testing.assert_allclose(values, [np.nan, np.nan, 3, 4, 7])


def test_ema_is_seeded_by_the_mean_and_weighs_two_over_period_plus_one() -> None:
    # (1 + 2 + 6) / 3 = 3; then half of the new price and half of the average before
    values = build({"type": "ema", "period": 3}).compute(closes(1, 2, 6, 4, 11))["value"]
    np.testing.assert_allclose(values, [np.nan, np.nan, 3, 3.5, 7.25])


def test_rsi_is_the_share_of_gains_in_wilders_averages() -> None:
    # changes +1 +1 -1 +2: of the first three gains 2/3, losses 1/3; then (2 * 2/3 + 2) / 3 = 10/9 and 2/3 * 1/3 = 2/9
    values = build({"type": "rsi", "period": 3}).compute(closes(10, 11, 12, 11, 13))["value"]
    np.testing.assert_allclose(values, [np.nan, np.nan, np.nan, 200 / 3, 250 / 3])


def test_stochastic_is_the_place_in_the_range() -> None:
    # ranges of two bars: the close at the top, at the top, at the bottom, at the top
    values = build({"type": "stochastic", "k_period": 2, "smooth_k": 2, "d_period": 2}).compute(closes(1, 2, 3, 2, 5))
    np.testing.assert_allclose(values["k"], [np.nan, np.nan, np.nan, 50, 50])
    np.testing.assert_allclose(values["d"], [np.nan, np.nan, np.nan, 75, 50])


def test_bands_are_population_deviations_wide() -> None:
    values = build({"type": "bollingerbands", "period": 2, "multiplier": 3.0}).compute(closes(1, 3))
    np.testing.assert_allclose(values.iloc[1], [2 + 3, 2, 2 - 3])


@pytest.mark.parametrize("price", [0.1, 1 / 3, 1e-6, 100.0, 2506.850098])
@pytest.mark.parametrize(("config", "neutral"), NEUTRAL)
def test_a_market_that_did_not_move_reads_neutral(
    config: dict[str, object], neutral: list[float], price: float
) -> None:
    indicator = build(config)
    values = indicator.compute(flat(price))
    # averages of one price may round
    tolerance = 1e-9 if config["type"] == "distancefromma" else 0
    np.testing.assert_allclose(
        values.iloc[indicator.warmup :], [neutral] * (100 - indicator.warmup), rtol=0, atol=tolerance
    )
    assert values.iloc[: indicator.warmup].isna().any(axis=1).all()


@pytest.mark.parametrize(
    ("config", "neutral"), [item for item in NEUTRAL if item[0]["type"] not in LASTING and "ma_type" not in item[0]]
)
def test_a_market_that_stops_reads_neutral_once_the_window_is_still(
    config: dict[str, object], neutral: list[float]
) -> None:
    bars = walk(100)
    bars.iloc[60:, :4] = 47.3
    values = build(config).compute(bars)
    # TA-Lib's running means leave a rounding error in the smoothed stochastic
    np.testing.assert_allclose(values.iloc[90:], [neutral] * 10, rtol=0, atol=1e-9)
    assert not np.isclose(values.iloc[40:61], neutral).all(axis=1).any()


def test_rsi_reads_50_only_until_the_first_move_and_then_holds() -> None:
    prices = [10.0] * 30 + [11.0] + [11.0] * 1000
    values = build({"type": "rsi", "period": 5}).compute(closes(*prices))["value"]
    assert (values.iloc[5:30] == 50).all()
    assert (values.iloc[30:] == 100).all()
    bars = walk(60)
    bars = closes(*bars["close"], *[float(bars["close"].iloc[-1])] * 300)
    values = build({"type": "rsi", "period": 5}).compute(bars)["value"]
    np.testing.assert_allclose(values.iloc[60:], values.iloc[59])


def test_a_still_close_inside_a_moving_range_is_no_still_market() -> None:
    bars = walk(60)
    bars["close"] = bars["open"] = bars["high"].min()
    expected = talib.WILLR(*(bars[name].to_numpy().copy() for name in ("high", "low", "close")), 14)
    np.testing.assert_array_equal(build({"type": "williamsr"}).compute(bars)["value"], expected)


def test_a_close_that_moves_in_a_still_range_is_no_still_market() -> None:
    bars = walk(60)
    bars["high"], bars["low"] = bars["close"].max(), bars["close"].min()
    expected = talib.WILLR(*(bars[name].to_numpy().copy() for name in ("high", "low", "close")), 14)
    np.testing.assert_array_equal(build({"type": "williamsr"}).compute(bars)["value"], expected)
    assert not (expected == -50).any()


def test_one_still_window_counts_as_50_in_the_smoothed_stochastic() -> None:
    # ranges of two bars: top (100), still (50), still (50), top (100)
    values = build({"type": "stochastic", "k_period": 2, "smooth_k": 2, "d_period": 2}).compute(closes(1, 2, 2, 2, 3))
    np.testing.assert_allclose(values["k"].iloc[3:], [50, 75])


def test_mfi_without_volume_is_neutral() -> None:
    bars = walk(60)
    bars["volume"] = 0.0
    assert (build({"type": "mfi"}).compute(bars)["value"].iloc[14:] == 50).all()
    bars.loc[bars.index[30], "volume"] = 1e6
    values = build({"type": "mfi"}).compute(bars)["value"]
    assert set(values.iloc[30:44]) <= {0.0, 100.0}
    assert (values.iloc[44:] == 50).all()
