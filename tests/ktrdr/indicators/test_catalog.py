"""The indicators as they are described to people."""

from __future__ import annotations

import json
import pickle
from typing import Any, get_args

import pytest
import talib.abstract

from ktrdr.errors import UnknownIndicator
from ktrdr.indicators import AnyIndicator, build
from ktrdr.indicators.catalog import describe, describe_all, describe_talib
from ktrdr.indicators.functions import NAMES

# the table of the specification: parameters and defaults, outputs
TABLE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "sma": ({"period": 20, "source": "close"}, ["value"]),
    "ema": ({"period": 20, "source": "close"}, ["value"]),
    "wma": ({"period": 20, "source": "close"}, ["value"]),
    "rsi": ({"period": 14, "source": "close"}, ["value"]),
    "macd": (
        {"fast_period": 12, "slow_period": 26, "signal_period": 9, "source": "close"},
        ["line", "signal", "histogram"],
    ),
    "atr": ({"period": 14}, ["value"]),
    "bollingerbands": ({"period": 20, "multiplier": 2.0, "source": "close"}, ["upper", "middle", "lower"]),
    "bollingerbandwidth": ({"period": 20, "multiplier": 2.0}, ["value"]),
    "stochastic": ({"k_period": 14, "d_period": 3, "smooth_k": 3}, ["k", "d"]),
    "williamsr": ({"period": 14}, ["value"]),
    "cci": ({"period": 20}, ["value"]),
    "roc": ({"period": 10, "source": "close"}, ["value"]),
    "momentum": ({"period": 10, "source": "close"}, ["value"]),
    "mfi": ({"period": 14}, ["value"]),
    "obv": ({}, ["value"]),
    "adline": ({}, ["line"]),
    "cmf": ({"period": 21}, ["value"]),
    "adx": ({"period": 14}, ["adx", "plus_di", "minus_di"]),
    "aroon": ({"period": 14}, ["up", "down", "oscillator"]),
    "parabolicsar": ({"initial_af": 0.02, "step_af": 0.02, "max_af": 0.2}, ["value"]),
    "donchianchannels": ({"period": 20}, ["upper", "middle", "lower"]),
    "keltnerchannels": ({"period": 20, "atr_period": 10, "multiplier": 2.0}, ["upper", "middle", "lower"]),
    "supertrend": ({"period": 10, "multiplier": 3.0}, ["trend", "direction"]),
    "ichimoku": (
        {"tenkan": 9, "kijun": 26, "senkou": 52, "displacement": 26},
        ["tenkan", "kijun", "senkou_a", "senkou_b"],
    ),
    "fishertransform": ({"period": 10, "smoothing": 3}, ["fisher", "signal"]),
    "rvi": ({"period": 10, "signal": 4}, ["rvi", "signal"]),
    "vwap": ({"period": 20}, ["value"]),
    "volumeratio": ({"period": 20}, ["value"]),
    "distancefromma": ({"period": 20, "ma_type": "sma", "source": "close"}, ["value"]),
    "squeezeintensity": (
        {"bb_period": 20, "bb_multiplier": 2.0, "kc_period": 20, "kc_multiplier": 2.0},
        ["value"],
    ),
}


def test_the_table_is_what_there_is_and_talib_comes_last() -> None:
    assert [info.type for info in describe_all()] == [kind.names()[0] for kind in get_args(get_args(AnyIndicator)[0])]
    assert {info.type for info in describe_all()} == {*TABLE, "talib"}
    assert describe_all()[-1].type == "talib"


@pytest.mark.parametrize("name", TABLE)
def test_a_type_is_described_as_the_table_has_it(name: str) -> None:
    parameters, outputs = TABLE[name]
    info = describe(name).as_dict()
    assert {one["name"]: one["default"] for one in info["parameters"]} == {**parameters, "data_source": None}
    assert info["outputs"] == outputs
    assert info["warmup"] == build({"type": name}).warmup
    assert info["summary"].endswith(".")
    assert "TA-Lib" in info["source"]
    assert all(one["range"] and one["kind"] for one in info["parameters"])
    assert json.loads(json.dumps(info)) == info


@pytest.mark.parametrize(
    ("alias", "kind"),
    [
        ("simplemovingaverage", "sma"),
        ("exponentialmovingaverage", "ema"),
        ("weightedmovingaverage", "wma"),
        ("bbands", "bollingerbands"),
    ],
)
def test_an_alias_describes_its_type(alias: str, kind: str) -> None:
    assert describe(alias) == describe(kind)
    assert describe(kind).aliases == (alias,)
    assert sum(len(info.aliases) for info in describe_all()) == 4


@pytest.mark.parametrize(
    ("name", "parameter", "words"),
    [
        ("sma", "period", "2..500"),
        ("ema", "period", "1..500"),
        ("vwap", "period", "0 or 2..500"),
        ("ichimoku", "displacement", "0..500"),
        ("supertrend", "multiplier", "over 0 to 10"),
        ("rsi", "source", "open, high, low, close, volume, hl2, hlc3, ohlc4"),
        ("distancefromma", "ma_type", "sma, ema"),
        ("STOCHF", "fastd_matype", "0..13"),
        ("talib:MAMA", "fastlimit", "0.01..0.99"),
        ("SAR", "acceleration", "at least 0"),
        ("STDDEV", "nbdev", "any"),
        ("STDDEV", "source", "open, high, low, close, volume, hl2, hlc3, ohlc4"),
    ],
)
def test_ranges_are_said_in_words(name: str, parameter: str, words: str) -> None:
    assert {one.name: one.range for one in describe(name).parameters}[parameter] == words


@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_described_as_talib_describes_it(name: str) -> None:
    info, function = describe(name), talib.abstract.Function(name)
    assert info == describe(f"talib:{name}")
    assert info.type == f"talib:{name}"
    assert info.group == function.info["group"]
    assert info.summary.startswith(function.info["display_name"])
    assert list(info.outputs) == function.output_names
    assert info.warmup == function.lookback
    own = {one.name: one.default for one in info.parameters if one.name not in ("source", "data_source")}
    assert own == {key: value for key, value in function.parameters.items() if (name, key) != ("VAR", "nbdev")}
    has_source = "source" in {one.name for one in info.parameters}
    assert has_source == ("price" in function.input_names)
    assert json.loads(json.dumps(info.as_dict())) == info.as_dict()


def test_the_generic_type_says_that_functions_have_their_own_parameters() -> None:
    info = describe("talib")
    assert [one.name for one in info.parameters] == ["function", "source", "data_source"]
    assert info.parameters[0].is_required
    assert "STOCHF" in info.parameters[0].description
    assert (info.outputs, info.warmup) == ((), None)
    assert "`talib:NAME` describes each function" in info.summary
    assert {one.type for one in describe_talib()} == {f"talib:{name}" for name in NAMES}
    assert describe_talib()[0].group == "Cycle Indicators"


@pytest.mark.parametrize(
    ("wrong", "suggestion"),
    [
        ("rsii", "Did you mean 'rsi'?"),
        ("Bbands", "Did you mean 'bbands'?"),
        ("stochf", "Did you mean 'STOCHF'?"),
        ("STOCHX", "Did you mean 'STOCH'?"),
        ("talib:STOCHX", "Did you mean 'STOCH'?"),
        ("", "Known indicators: adline, adx,"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(wrong: str, suggestion: str) -> None:
    with pytest.raises(UnknownIndicator) as caught:
        describe(wrong)
    assert suggestion in str(caught.value.suggestion)
    assert caught.value.kind == "config"
    assert "...." not in caught.value.suggestion
    assert [problem.path for problem in caught.value.problems] == [""]


@pytest.mark.parametrize(
    ("name", "reason", "advice"),
    [
        ("zigzag", "zigzag repaints", "training.labels: {source: zigzag}"),
        ("MAVP", "a period of its own at every bar", "indicators list --talib"),
        ("talib:MAVP", "a period of its own at every bar", "indicators list --talib"),
    ],
)
def test_what_is_left_out_on_purpose_says_why(name: str, reason: str, advice: str) -> None:
    with pytest.raises(UnknownIndicator, match=reason) as caught:
        describe(name)
    assert advice in str(caught.value.suggestion)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
