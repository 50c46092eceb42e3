"""Building and running several indicators."""

from __future__ import annotations

from types import MappingProxyType

import jsonschema
import pandas as pd
import pytest
from pydantic import TypeAdapter

from ktrdr.errors import StrategyError
from ktrdr.indicators import MACD, RSI, AnyIndicator, build, compute_all
from ktrdr.indicators.functions import NAMES
from tests.ktrdr.indicators.examples import EXAMPLES, walk


def test_build_fills_in_the_defaults() -> None:
    assert build({"type": "rsi"}) == RSI(type="rsi", period=14, source="close")
    assert build(MappingProxyType({"type": "macd"})) == MACD(
        type="macd", fast_period=12, slow_period=26, signal_period=9
    )


@pytest.mark.parametrize(("wrong", "meant"), [("rsii", "rsi"), ("RSI", "rsi"), ("bolingerbands", "bollingerbands")])
def test_an_unknown_type_suggests_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(StrategyError, match=f"Did you mean '{meant}'"):
        build({"type": wrong})


@pytest.mark.parametrize(
    ("alias", "kind"),
    [
        ("simplemovingaverage", "sma"),
        ("exponentialmovingaverage", "ema"),
        ("weightedmovingaverage", "wma"),
        ("bbands", "bollingerbands"),
    ],
)
def test_an_alias_builds_its_type_and_is_dumped_as_it(alias: str, kind: str) -> None:
    built = build({"type": alias, "period": 7})
    assert built == build({"type": kind, "period": 7})
    assert built.model_dump(exclude_unset=True) == {"type": kind, "period": 7}
    with pytest.raises(StrategyError, match=f"unknown type '{alias}x'. Did you mean '{alias}'"):
        build({"type": f"{alias}x"})
    with pytest.raises(StrategyError, match=r"unknown key 'perod'. Did you mean 'period'"):
        build({"type": alias, "perod": 7})


def test_the_json_schema_accepts_what_is_built_and_refuses_what_is_not() -> None:
    schema = TypeAdapter(AnyIndicator).json_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    right = [example.config for example in EXAMPLES]
    right += [{"type": "bbands"}, {"type": "rsi", "data_source": "NASDAQ"}]
    right += [{"type": "talib", "function": name} for name in NAMES[::9]]
    right += [{"type": "talib", "function": "MAMA", "fastlimit": 0.4, "source": "hl2", "data_source": "NASDAQ"}]
    for config in right:
        build(config)
        assert validator.is_valid(config), config
    wrong: list[dict[str, object]] = [
        {"type": "rsii"},
        {"type": "sma", "period": 1},
        {"type": "sma", "perod": 3},
        {"type": "vwap", "period": 1},
        {"type": "talib"},
        {"type": "talib", "function": "MAVP"},
        {"type": "talib", "function": "SMA", "timeperiod": "3"},
        {"type": "talib", "function": "SMA", "source": "clse"},
    ]
    for config in wrong:
        with pytest.raises(StrategyError):
            build(config)
        assert not validator.is_valid(config), config


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"initial_af": 0.3}, "initial_af 0.3 must not be greater than max_af 0.2"),
        ({"max_af": 0.01}, "initial_af 0.02 must not be greater than max_af 0.01"),
        ({"step_af": 0.3}, "step_af 0.3 must not be greater than max_af 0.2"),
    ],
)
def test_a_stop_accelerates_up_to_its_maximum_only(given: dict[str, float], words: str) -> None:
    with pytest.raises(StrategyError, match=words):
        build({"type": "parabolicsar", **given})


def test_a_config_without_a_type_or_that_is_no_mapping_is_refused() -> None:
    for config in ({}, {"period": 3}, None, ["rsi"], "rsi"):
        with pytest.raises(StrategyError):
            build(config)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"type": "rsii"}, "type", "unknown type 'rsii'. Did you mean 'rsi'?"),
        ({"type": "rsi", "perod": 3}, "perod", "unknown key 'perod'. Did you mean 'period'?"),
        ({"type": "rsi", "period": "14"}, "period", "expected a whole number, got '14' (text)"),
        ({"type": "rsi", "period": 0}, "period", "must be at least 2, got 0"),
        ({"period": 3}, "type", "missing key 'type'. One of: sma, ema, "),
        ({"typ": "rsi"}, "typ", "unknown key 'typ'. Did you mean 'type'?"),
        ({"type": "zigzag"}, "type", "zigzag repaints: its last leg changes when later bars come"),
        ({"type": "NATR"}, "type", "a function of TA-Lib, not a type. Write {type: talib, function: NATR}."),
        ({"type": "natr", "x": 1}, "type", "Write {type: talib, function: NATR}."),
        ({"type": "talib:RSI"}, "type", "Write {type: talib, function: RSI}."),
        ({"type": "MAVP"}, "type", "a period of its own at every bar"),
        ({"type": "talib"}, "function", "missing key 'function'. Name one of TA-Lib's: {type: talib, function: NATR}."),
    ],
)
def test_what_is_wrong_is_said_in_plain_words_at_its_key(config: dict[str, object], path: str, words: str) -> None:
    with pytest.raises(StrategyError) as caught:
        build(config)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert words in str(problem)


def test_a_fast_period_that_is_not_faster_is_found_beside_other_faults() -> None:
    with pytest.raises(StrategyError) as caught:
        build({"type": "macd", "fast_period": 30, "source": "clse"})
    assert [problem.path for problem in caught.value.problems] == ["source", ""]


def test_every_wrong_parameter_is_reported() -> None:
    with pytest.raises(StrategyError) as caught:
        build({"type": "macd", "fast_period": "12", "slow_period": 0, "source": "clse", "extra": 1})
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["fast_period", "slow_period", "source", "extra"]
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
