"""Every function of TA-Lib through the type `talib`: the promises of an indicator, and TA-Lib's values."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import talib
import talib.abstract
from pydantic import TypeAdapter

from ktrdr.data import COLUMNS, Bars
from ktrdr.declaration import build_declared
from ktrdr.errors import BadBars, StrategyError
from ktrdr.indicators import AnyIndicator, TALib, build
from ktrdr.indicators.functions import NAMES, WITHOUT_BARS, Function, bounds, function_named
from tests.ktrdr.indicators.examples import bundled, walk

OUTSIDE_PRICES = {"ACOS", "ASIN"}  # of numbers in [-1, 1]: no price has a value
INDEX = bundled().iloc[-400:]


def _other_parameters(name: str) -> list[dict[str, Any]]:
    """No parameters, the least that TA-Lib accepts, and greater ones with another average and halves."""
    function = function_named(name)
    if not function.parameters:
        return [{}]
    whole = [key for key, default in function.parameters if isinstance(default, int)]
    least = {key: bounds(function, key)[0] for key in whole}
    greater = {key: 5 if "matype" in key else default + 3 for key, default in function.parameters if key in whole}
    halves = {key: default / 2 for key, default in function.parameters if key not in whole}
    if name == "MAMA":
        halves = {"fastlimit": 0.9, "slowlimit": 0.01}
    return [{}, least, {**greater, **halves}]


def configs_of(name: str) -> list[dict[str, Any]]:
    return [{"type": "talib", "function": name, **given} for given in _other_parameters(name)]


each_function = pytest.mark.parametrize("name", NAMES)


def inputs_of(function: str, bars: Bars) -> list[Any]:
    names: list[str] = []
    for source in talib.abstract.Function(function).input_names.values():
        names += [source] if isinstance(source, str) else source
    return [bars[name].to_numpy().copy() for name in names]


def test_every_function_is_there_but_for_one_that_bars_cannot_feed() -> None:
    assert set(NAMES) | {"MAVP"} == set(talib.get_functions())
    assert len(NAMES) >= 150
    assert set(WITHOUT_BARS) == {"MAVP"}


@each_function
def test_later_bars_change_nothing_earlier(name: str) -> None:
    bars = INDEX
    for config in configs_of(name):
        indicator = build(config)
        whole = indicator.compute(bars).to_numpy()
        for n_bars in (1, indicator.warmup + 1, indicator.warmup + 9, 300):
            earlier = indicator.compute(bars.iloc[:n_bars]).to_numpy()
            np.testing.assert_array_equal(earlier, whole[:n_bars], err_msg=str(config))
            changed = bars.copy()
            changed.iloc[n_bars:] = bars.iloc[n_bars:].to_numpy()[::-1] * 1.5
            earlier = indicator.compute(changed).to_numpy()[:n_bars]
            np.testing.assert_array_equal(earlier, whole[:n_bars], err_msg=str(config))


@each_function
def test_values_are_those_of_talib_and_nan_is_in_the_rows_of_warm_up_only(name: str) -> None:
    bars = walk(500, seed=5)
    outputs = tuple(talib.abstract.Function(name).output_names)
    for config in configs_of(name):
        indicator = build(config)
        values = indicator.compute(bars)
        parameters = {key: value for key, value in config.items() if key not in ("type", "function")}
        expected = getattr(talib, name)(*inputs_of(name, bars), **parameters)
        expected = expected if isinstance(expected, list | tuple) else [expected]
        assert tuple(values.columns) == indicator.outputs == outputs
        assert (values.dtypes == "float64").all()
        for output, array in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(values[output].iloc[indicator.warmup :], array[indicator.warmup :])
        n_nan = len(bars) if name in OUTSIDE_PRICES else indicator.warmup
        is_nan = values.isna().to_numpy()
        assert is_nan[:n_nan].all()
        assert not is_nan[n_nan:].any()
    pd.testing.assert_frame_equal(bars, walk(500, seed=5), check_exact=True)


@each_function
def test_a_config_pickles_dumps_flat_and_rebuilds(name: str) -> None:
    for config in configs_of(name):
        indicator = build(config)
        again = pickle.loads(pickle.dumps(indicator))
        assert again == indicator
        assert again.model_dump(exclude_unset=True) == config
        assert indicator.model_dump(exclude_unset=True, mode="json") == config
        assert json.loads(indicator.model_dump_json(exclude_unset=True)) == config
        whole = {key: value for key, value in indicator.model_dump().items() if value is not None}
        assert build(whole) == indicator
        assert hash(build(whole)) == hash(indicator)
        assert dict(function_named(name).parameters).keys() <= whole.keys()


@each_function
def test_missing_columns_are_named_and_short_bars_give_nan(name: str) -> None:
    indicator = build({"type": "talib", "function": name})
    with pytest.raises(BadBars, match="have no column"):
        indicator.compute(walk(5).drop(columns=list(COLUMNS)))
    for n_bars in (0, 1, indicator.warmup):
        values = indicator.compute(walk(300).iloc[:n_bars])
        assert values.shape == (n_bars, len(indicator.outputs))
        assert values.iloc[: indicator.warmup].isna().all(axis=None)


@pytest.mark.parametrize("name", ["CDLDOJI", "MAXINDEX", "HT_TRENDMODE", "SUPERTREND", "SMA"])
def test_missing_bars_at_the_start_only_move_the_warm_up(name: str) -> None:
    indicator, bars = build({"type": "talib", "function": name}), walk(200)
    bars.iloc[:5] = np.nan
    is_nan = indicator.compute(bars).isna().any(axis=1)
    assert is_nan.tolist() == [n < indicator.warmup + 5 for n in range(200)]
    bars.iloc[:] = np.nan
    assert indicator.compute(bars).isna().all(axis=None)


@each_function
def test_parameters_are_strict_and_bounded_as_talib_bounds_them(name: str) -> None:
    function = function_named(name)
    for parameter, default in function.parameters:
        least, greatest = bounds(function, parameter)
        step = 1 if isinstance(default, int) else 1e-3
        wrong: list[Any] = [None, True, "3", float("nan"), 1e38, -1e38]
        wrong += [least - step, greatest + step] if greatest < 1e30 else []
        wrong += [float(default), 2**31, -(2**31)] if isinstance(default, int) else []
        for value in wrong:
            with pytest.raises(StrategyError) as caught:
                build({"type": "talib", "function": name, parameter: value})
            assert [problem.path for problem in caught.value.problems] == [parameter]
    with pytest.raises(StrategyError, match="unknown key 'length'"):
        build({"type": "talib", "function": name, "length": 3})


@pytest.mark.parametrize(
    ("function", "parameter", "least", "greatest"),
    [
        ("SMA", "timeperiod", 1, 100000),
        ("RSI", "timeperiod", 2, 100000),
        ("MA", "matype", 0, 13),
        ("MAMA", "fastlimit", 0.01, 0.99),
        ("T3", "vfactor", 0.0, 1.0),
        ("SAR", "acceleration", 0.0, 3e37),
        ("STDDEV", "nbdev", -3e37, 3e37),
    ],
)
def test_bounds_are_those_that_talib_documents(function: str, parameter: str, least: float, greatest: float) -> None:
    assert bounds(function_named(function), parameter) == (least, greatest)


@pytest.mark.parametrize(
    ("config", "path", "words"),
    [
        ({"function": "STOCHX"}, "function", "TA-Lib has no function 'STOCHX'. Did you mean 'STOCH'?"),
        ({"function": "stochf"}, "function", "Did you mean 'STOCHF'?"),
        ({"function": "MAVP"}, "function", "MAVP averages over a period of its own at every bar"),
        ({}, "function", "missing key 'function'"),
        ({"functon": "SMA"}, "function", "Is 'functon' meant to be 'function'?"),
        ({"function": 3}, "function", "expected a text, got 3"),
        ({"function": "SMA", "timeperod": 3}, "timeperod", "unknown key 'timeperod'. Did you mean 'timeperiod'?"),
        ({"function": "SMA", "timeperiod": 0}, "timeperiod", "must be at least 1, got 0"),
        ({"function": "SMA", "timeperiod": 3.0}, "timeperiod", "expected a whole number, got 3.0"),
        ({"function": "SMA", "parameters": [["timeperiod", 3]]}, "parameters", "unknown key 'parameters'"),
        ({"function": "SMA", "source": "clse"}, "source", "Did you mean 'close'?"),
        ({"function": "ATR", "source": "close"}, "source", "ATR reads high, low, close: there is no source to choose"),
        ({"function": "BETA", "source": "close"}, "source", "BETA reads high, low: there is no source to choose"),
        ({"function": "SMA", "data_source": "a b"}, "data_source", "'a b' is not a symbol"),
        ({"function": "SMA", "data_source": None}, "data_source", "nothing is given"),
    ],
)
def test_what_is_wrong_is_said_in_plain_words_at_its_key(config: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(StrategyError) as caught:
        build({"type": "talib", **config})
    (problem,) = caught.value.problems
    assert problem.path == path
    assert words in str(problem)


def test_everything_wrong_is_found_at_once_and_at_its_place_among_others() -> None:
    indicators = TypeAdapter(dict[str, AnyIndicator])
    faulty = {"a": {"type": "talib", "function": "MA", "timeperiod": "3", "matyp": 1, "source": "clse"}}
    with pytest.raises(StrategyError) as caught:
        build_declared(indicators, {**faulty, "b": {"type": "macd", "fast_period": 30}}, "indicators")
    assert {problem.path for problem in caught.value.problems} == {"a.timeperiod", "a.matyp", "a.source", "b"}
    right = {"a": {"type": "talib", "function": "MA", "timeperiod": 3}, "b": {"type": "bbands"}}
    dumped = indicators.dump_python(build_declared(indicators, right, "indicators"), exclude_unset=True)
    assert dumped == {**right, "b": {"type": "bollingerbands"}}


def test_parameters_that_talib_refuses_together_are_refused_by_build(monkeypatch: pytest.MonkeyPatch) -> None:
    # no function of this release does; each number is in its own range
    monkeypatch.setattr(Function, "lookback", lambda self, given: None)
    with pytest.raises(StrategyError, match="TA-Lib refuses these parameters of MACD together"):
        build({"type": "talib", "function": "MACD", "fastperiod": 12})


@pytest.mark.parametrize("source", ["open", "volume", "hl2", "ohlc4"])
def test_a_price_of_choice_is_read_from_its_source(source: str) -> None:
    bars = walk(60)
    means = {"hl2": ["high", "low"], "ohlc4": ["open", "high", "low", "close"]}
    price = bars[means.get(source, [source])].mean(axis=1).to_numpy()
    values = build({"type": "talib", "function": "VWMA", "timeperiod": 5, "source": source}).compute(bars)["real"]
    np.testing.assert_allclose(values, talib.VWMA(price, bars["volume"].to_numpy().copy(), 5), rtol=1e-12)


def test_two_reals_are_high_and_low_as_in_talib() -> None:
    bars = walk(60)
    expected = talib.CORREL(bars["high"].to_numpy().copy(), bars["low"].to_numpy().copy(), 10)
    values = build({"type": "talib", "function": "CORREL", "timeperiod": 10}).compute(bars)["real"]
    np.testing.assert_array_equal(values, expected)


def test_a_default_that_is_given_makes_no_difference() -> None:
    short, long = ({"type": "talib", "function": "SMA", **more} for more in ({}, {"timeperiod": 30, "source": "close"}))
    assert build(short) == build(long) == TALib(**long)
    assert build(short) != build({**short, "timeperiod": 29})
    assert build(short).model_dump() == build(long).model_dump()


def test_it_is_frozen_and_closed() -> None:
    indicator = build({"type": "talib", "function": "SMA"})
    for name in ("function", "parameters", "timeperiod"):
        with pytest.raises(ValueError, match=r"frozen|no field"):
            setattr(indicator, name, 3)


def test_a_parameter_that_ta_lib_does_not_read_is_no_parameter():
    with pytest.raises(StrategyError, match="unknown key 'nbdev'"):
        build({"type": "talib", "function": "VAR", "nbdev": 1.5})


@pytest.mark.parametrize(
    ("function", "key"), [("MA", "matype"), ("MACDEXT", "signalmatype"), ("STOCH", "slowk_matype")]
)
def test_a_kind_of_average_that_reads_no_period_is_refused_beside_one(function, key):
    with pytest.raises(StrategyError, match="reads no period"):
        build({"type": "talib", "function": function, key: 7})
    assert build({"type": "talib", "function": "BBANDS", "matype": 7}).warmup > 0
