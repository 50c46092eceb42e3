"""What every indicator promises, written once and asked of each."""

from __future__ import annotations

import doctest
import json
import pickle
import sys
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from ktrdr.data import COLUMNS, Bars
from ktrdr.errors import BadBars, StrategyError
from ktrdr.indicators import AnyIndicator, Indicator, TALib, build
from ktrdr.indicators.functions import NAMES
from tests.ktrdr.indicators.examples import EXAMPLES, Example, bundled, flat, walk

INDICATORS: tuple[type[Indicator], ...] = get_args(get_args(AnyIndicator)[0])
OWN_TYPES = tuple(indicator for indicator in INDICATORS if indicator is not TALib)  # its parameters: test_generic

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
each_indicator = pytest.mark.parametrize("indicator", INDICATORS, ids=lambda indicator: indicator.__name__)
each_own_type = pytest.mark.parametrize("indicator", OWN_TYPES, ids=lambda indicator: indicator.__name__)


def halting() -> Bars:
    """A market that stands still, moves, stands still and moves again."""
    bars = pd.concat([flat(48.1, 60), walk(200, seed=3), flat(52.3, 60), walk(200, seed=4)])
    return bars.set_axis(pd.date_range("2020-01-01", periods=len(bars), tz="UTC", name="time"))


MARKETS = {"SP500": bundled(), "NASDAQ": bundled("NASDAQ"), "walk": walk(), "halting": halting()}
each_market = pytest.mark.parametrize("bars", MARKETS.values(), ids=MARKETS.keys())


def test_every_type_has_an_example() -> None:
    assert {indicator.names()[0] for indicator in INDICATORS} == {example.config["type"] for example in EXAMPLES}


@each_market
@each_example
def test_later_bars_change_nothing_earlier(example: Example, bars: Bars) -> None:
    indicator = build(example.config)
    whole = indicator.compute(bars).to_numpy()
    for n_bars in (1, example.warmup, example.warmup + 1, 257, 500):
        np.testing.assert_array_equal(indicator.compute(bars.iloc[:n_bars]).to_numpy(), whole[:n_bars])
        changed = bars.copy()
        changed.iloc[n_bars:] = bars.iloc[n_bars:].to_numpy()[::-1] * 1.5
        np.testing.assert_array_equal(indicator.compute(changed).to_numpy()[:n_bars], whole[:n_bars])


@each_market
@each_example
def test_nan_is_in_the_rows_of_warm_up_and_in_no_other(example: Example, bars: Bars) -> None:
    indicator = build(example.config)
    assert indicator.warmup == example.warmup
    values = indicator.compute(bars)
    assert not np.isinf(values).any(axis=None)
    is_nan = values.isna()
    # an output that has begun does not stop
    assert (is_nan.to_numpy()[1:] <= is_nan.to_numpy()[:-1]).all()
    assert is_nan.any(axis=1).tolist() == [n < example.warmup for n in range(len(bars))]


@pytest.mark.parametrize(
    "bars", [bundled(), bundled("NASDAQ"), walk(), walk(seed=1)], ids=["SP500", "NASDAQ", "walk", "walk1"]
)
@each_example
def test_values_are_those_of_talib_or_of_the_slow_formula(example: Example, bars: Bars) -> None:
    indicator = build(example.config)
    bars = bars if example.formula else bars.iloc[-300:]  # loops are slow; random bars meet them in test_formulas
    values = indicator.compute(bars)
    assert tuple(values.columns) == indicator.outputs
    assert (values.dtypes == "float64").all()
    assert values.index.equals(bars.index)
    for name, expected in zip(indicator.outputs, example.expected(bars), strict=True):
        # a mean of prices may round otherwise than TA-Lib's own
        np.testing.assert_allclose(values[name], expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@each_example
def test_input_is_untouched_and_may_be_read_only(example: Example) -> None:
    bars = walk()
    values = build(example.config).compute(bars)
    values.iloc[:, :] = 0.0
    values.columns.name = "own"
    assert build(example.config).compute(bars).columns.name is None
    pd.testing.assert_frame_equal(bars, walk(), check_exact=True)


@each_example
def test_fewer_bars_than_warm_up_give_nan_and_no_error(example: Example) -> None:
    indicator = build(example.config)
    for n_bars in {0, *range(min(example.warmup, 3)), example.warmup}:
        values = indicator.compute(walk().iloc[:n_bars])
        assert values.shape == (n_bars, len(indicator.outputs))
        assert values.isna().any(axis=1).all()


@each_example
def test_missing_bars_at_the_start_only_move_the_warm_up(example: Example) -> None:
    bars = walk()
    bars.iloc[:5] = np.nan
    is_nan = build(example.config).compute(bars).isna().any(axis=1)
    assert not is_nan.iloc[example.warmup + 5 :].any()
    assert is_nan.iloc[: example.warmup].all()


def assert_no_value_rests_on_a_missing_price(indicator: Indicator) -> None:
    """Ask of every column whether it is read at all, and if so that nothing comes after a gap in it."""
    bars, at = walk(320), 260
    whole = indicator.compute(bars)
    for name in COLUMNS:
        spoilt = bars.copy()
        spoilt.iloc[at, spoilt.columns.get_loc(name)] = np.nan
        values = indicator.compute(spoilt)
        try:
            indicator.compute(bars.drop(columns=name))
        except BadBars:
            assert values.iloc[at:].isna().all(axis=None), name
            pd.testing.assert_frame_equal(values.iloc[:at], whole.iloc[:at])
        else:
            pd.testing.assert_frame_equal(values, whole)


@each_example
def test_no_value_rests_on_a_missing_price(example: Example) -> None:
    assert_no_value_rests_on_a_missing_price(build(example.config))


@pytest.mark.parametrize("function", NAMES)
def test_no_value_of_talib_rests_on_a_missing_price(function: str) -> None:
    assert_no_value_rests_on_a_missing_price(build({"type": "talib", "function": function}))


@each_example
def test_a_market_that_stands_still_after_missing_bars_reads_as_without_them(example: Example) -> None:
    late = pd.concat([flat(50.0, 7) * np.nan, flat(50.0, 200)])
    values = build(example.config).compute(late).to_numpy()
    assert np.isnan(values[:7]).all()
    np.testing.assert_array_equal(values[7:], build(example.config).compute(flat(50.0, 200)).to_numpy())


@each_example
def test_integer_prices_are_read_as_floats(example: Example) -> None:
    bars = (walk() * 100).astype("int64")
    pd.testing.assert_frame_equal(
        build(example.config).compute(bars), build(example.config).compute(bars.astype("float64"))
    )


@each_example
def test_a_missing_column_is_named_also_on_short_bars(example: Example) -> None:
    bars = walk(5)
    with pytest.raises(BadBars, match="have no column"):
        build(example.config).compute(bars.drop(columns=list(COLUMNS)))


@each_example
def test_an_indicator_pickles_and_equals_its_copy(example: Example) -> None:
    indicator = build(example.config)
    assert pickle.loads(pickle.dumps(indicator)) == indicator
    for mode in ("python", "json"):
        dumped = indicator.model_dump(exclude_unset=True, mode=mode)
        assert dumped == example.config
        assert build(dumped) == indicator
    whole = {name: value for name, value in indicator.model_dump().items() if value is not None}
    assert build(whole) == indicator
    assert json.loads(json.dumps(whole)) == whole
    assert hash(indicator) == hash(build(example.config))


@each_indicator
def test_the_docstring_cites_a_source_and_talib_and_shows_numbers(indicator: type[Indicator]) -> None:
    assert indicator.__doc__ is not None
    assert "Source: " in indicator.__doc__
    assert "TA-Lib" in indicator.__doc__.split("Source: ")[1]
    assert "First value" in " ".join(indicator.__doc__.split())
    assert ">>> " in indicator.__doc__


@each_indicator
def test_the_numbers_in_the_docstring_are_right(indicator: type[Indicator]) -> None:
    known = {**vars(sys.modules[indicator.__module__]), "pd": pd}
    (example,) = doctest.DocTestFinder(recurse=False).find(indicator, indicator.__name__, globs=known)
    results = doctest.DocTestRunner().run(example)
    assert results.attempted > 0
    assert results.failed == 0


@each_own_type
def test_parameters_are_strict_and_bounded(indicator: type[Indicator]) -> None:
    kind = indicator.names()[0]
    for name, field in indicator.model_fields.items():
        if name == "type":
            continue
        wrong: list[object] = [None, True, float("nan"), float("inf"), -1, 501, [5], "3 4"]
        wrong += [3.0] if field.annotation is int else []
        wrong += ["Close", "typical", 1] if name == "source" else []
        is_open_at_0 = name == "displacement" or kind == "vwap"
        wrong += [] if is_open_at_0 else [0]
        for value in wrong:
            with pytest.raises(StrategyError) as caught:
                build({"type": kind, name: value})
            assert name in caught.value.problems[0].path
        assert field.get_default() is not None or name == "data_source"
    with pytest.raises(StrategyError, match="unknown key 'length'"):
        build({"type": kind, "length": 3})


FROM_ONE = {("atr", "period"), ("ema", "period"), ("momentum", "period"), ("roc", "period")}
FROM_NOTHING = {("vwap", "period"), ("ichimoku", "displacement")}
WHOLE_NUMBERS = [
    (indicator.names()[0], name)
    for indicator in OWN_TYPES
    for name, field in indicator.model_fields.items()
    if field.annotation is int
]


@pytest.mark.parametrize(("kind", "name"), WHOLE_NUMBERS)
def test_whole_numbers_run_from_2_to_500_but_for_a_few(kind: str, name: str) -> None:
    least = 1 if (kind, name) in FROM_ONE else 0 if (kind, name) in FROM_NOTHING else 2
    # macd's fast period stays below its slow one
    rest = {"fast_period": {"slow_period": 500}, "slow_period": {"fast_period": 2}}.get(name, {})
    first, last = 3 if name == "slow_period" else least, 499 if name == "fast_period" else 500
    for value in (first, last):
        built = build({"type": kind, name: value, **rest})
        is_nan = built.compute(MARKETS["SP500"]).isna().any(axis=1)
        assert is_nan.sum() == built.warmup
    for value in (least - 1, 501):
        with pytest.raises(StrategyError) as caught:
            build({"type": kind, name: value, **rest})
        assert [problem.path for problem in caught.value.problems] == [name]


def test_a_volume_weighted_price_has_no_window_of_one_bar() -> None:
    with pytest.raises(StrategyError, match="period: must be 0, for all bars so far, or 2 to 500, got 1"):
        build({"type": "vwap", "period": 1})


@each_own_type
def test_each_is_told_apart_by_another_symbol(indicator: type[Indicator]) -> None:
    kind = indicator.names()[0]
    other = build({"type": kind, "data_source": "NASDAQ"})
    assert other.data_source == "NASDAQ"
    assert other != build({"type": kind})
    bars = walk(200)
    pd.testing.assert_frame_equal(other.compute(bars), build({"type": kind}).compute(bars))
    assert other.model_dump(exclude_unset=True) == {"data_source": "NASDAQ", "type": kind}
    with pytest.raises(StrategyError, match="is not a symbol"):
        build({"type": kind, "data_source": "not a symbol"})


@each_own_type
def test_an_indicator_is_frozen(indicator: type[Indicator]) -> None:
    built = build({"type": indicator.names()[0]})
    with pytest.raises(ValueError, match="frozen"):
        built.type = "other"  # type: ignore[attr-defined]
