"""Building and running several indicators."""

from __future__ import annotations

from types import MappingProxyType

import pandas as pd
import pytest

from ktrdr.errors import StrategyError
from ktrdr.indicators import MACD, RSI, build, compute_all
from tests.ktrdr.indicators.examples import walk


def test_build_fills_in_the_defaults() -> None:
    assert build({"type": "rsi"}) == RSI(type="rsi", period=14, source="close")
    assert build(MappingProxyType({"type": "macd"})) == MACD(
        type="macd", fast_period=12, slow_period=26, signal_period=9
    )


@pytest.mark.parametrize(("wrong", "meant"), [("rsii", "rsi"), ("RSI", "rsi"), ("bolingerbands", "bollingerbands")])
def test_an_unknown_type_suggests_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(StrategyError, match=f"Did you mean '{meant}'"):
        build({"type": wrong})


def test_a_config_without_a_type_or_that_is_no_mapping_is_refused() -> None:
    for config in ({}, {"period": 3}, None, ["rsi"], "rsi"):
        with pytest.raises(StrategyError):
            build(config)  # type: ignore[arg-type]


def test_every_wrong_parameter_is_reported() -> None:
    with pytest.raises(StrategyError) as caught:
        build({"type": "macd", "fast_period": "12", "slow_period": 0, "source": "clse", "extra": 1})
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["macd.fast_period", "macd.slow_period", "macd.source", "macd.extra"]
    assert caught.value.problems[2].suggestion == "Did you mean 'close'?"


@pytest.mark.parametrize(("fast", "slow"), [(26, 12), (12, 12)])
def test_macd_must_have_its_fast_period_below_its_slow_one(fast: int, slow: int) -> None:
    with pytest.raises(StrategyError, match=f"fast_period {fast} must be less than slow_period {slow}"):
        build({"type": "macd", "fast_period": fast, "slow_period": slow})


def test_all_are_computed_by_id_and_reported_in_order() -> None:
    bars = walk()
    indicators = {"fast": build({"type": "sma", "period": 5}), "rsi_14": build({"type": "rsi"})}
    reported: list[str] = []
    values = compute_all(indicators, bars, reported.append)
    assert reported == list(values) == ["fast", "rsi_14"]
    for name, indicator in indicators.items():
        pd.testing.assert_frame_equal(values[name], indicator.compute(bars))
    assert compute_all({}, bars) == {}
