"""What every indicator promises, written once and asked of each."""

from __future__ import annotations

import pickle
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from ktrdr.data import COLUMNS, Bars
from ktrdr.errors import BadBars, StrategyError
from ktrdr.indicators import AnyIndicator, Indicator, build
from tests.ktrdr.indicators.examples import EXAMPLES, Example, bundled, flat, walk

INDICATORS: tuple[type[Indicator], ...] = get_args(get_args(AnyIndicator)[0])

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
each_indicator = pytest.mark.parametrize("indicator", INDICATORS, ids=lambda indicator: indicator.__name__)


def halting() -> Bars:
    """A market that stands still, moves, stands still and moves again."""
    bars = pd.concat([flat(48.1, 60), walk(200, seed=3), flat(52.3, 60), walk(200, seed=4)])
    return bars.set_axis(pd.date_range("2020-01-01", periods=len(bars), tz="UTC", name="time"))


MARKETS = {"SP500": bundled(), "NASDAQ": bundled("NASDAQ"), "walk": walk(), "halting": halting()}
each_market = pytest.mark.parametrize("bars", MARKETS.values(), ids=MARKETS.keys())


def test_every_type_has_an_example() -> None:
    names = [indicator.model_fields["type"].annotation for indicator in INDICATORS]
    assert {get_args(name)[0] for name in names} == {example.config["type"] for example in EXAMPLES}


@each_market
@each_example
def test_later_bars_change_nothing_earlier(example: Example, bars: Bars) -> None:
    indicator = build(example.config)
    whole = indicator.compute(bars)
    for n_bars in (1, example.warmup, example.warmup + 1, 257, 500):
        pd.testing.assert_frame_equal(indicator.compute(bars.iloc[:n_bars]), whole.iloc[:n_bars], check_exact=True)


@each_market
@each_example
def test_nan_is_in_the_rows_of_warm_up_and_in_no_other(example: Example, bars: Bars) -> None:
    indicator = build(example.config)
    assert indicator.warmup == example.warmup
    is_nan = indicator.compute(bars).isna()
    assert is_nan.iloc[: example.warmup, 0].all()
    assert is_nan.any(axis=1).tolist() == [n < example.warmup for n in range(len(bars))]


@pytest.mark.parametrize(
    "bars", [bundled(), bundled("NASDAQ"), walk(), walk(seed=1)], ids=["SP500", "NASDAQ", "walk", "walk1"]
)
@each_example
def test_values_are_those_of_talib(example: Example, bars: Bars) -> None:
    indicator = build(example.config)
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
    pd.testing.assert_frame_equal(bars, walk(), check_exact=True)


@each_example
def test_fewer_bars_than_warm_up_give_nan_and_no_error(example: Example) -> None:
    indicator = build(example.config)
    for n_bars in {0, *range(min(example.warmup, 3)), example.warmup}:
        values = indicator.compute(walk().iloc[:n_bars])
        assert values.shape == (n_bars, len(indicator.outputs))
        assert values.iloc[:, 0].isna().all()


@each_example
def test_missing_bars_at_the_start_only_move_the_warm_up(example: Example) -> None:
    bars = walk()
    bars.iloc[:5] = np.nan
    is_nan = build(example.config).compute(bars).isna().any(axis=1)
    assert not is_nan.iloc[example.warmup + 5 :].any()
    assert is_nan.iloc[: example.warmup].all()


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
    assert build(indicator.model_dump()) == indicator
    assert hash(indicator) == hash(build(example.config))


@each_indicator
def test_the_docstring_cites_a_source_and_talib(indicator: type[Indicator]) -> None:
    assert indicator.__doc__ is not None
    assert "Source: " in indicator.__doc__
    assert "TA-Lib" in indicator.__doc__.split("Source: ")[1]
    assert "First value" in indicator.__doc__ or "First adx" in indicator.__doc__


@each_indicator
def test_parameters_are_strict_and_bounded(indicator: type[Indicator]) -> None:
    kind = get_args(indicator.model_fields["type"].annotation)[0]
    for name, field in indicator.model_fields.items():
        if name == "type":
            continue
        wrong: list[object] = ["3", None, True, float("nan"), float("inf"), -1, 0, 501, [5]]
        wrong += [3.0] if name.endswith("period") else []
        wrong += ["Close", "typical", 1] if name == "source" else []
        for value in wrong:
            with pytest.raises(StrategyError) as caught:
                build({"type": kind, name: value})
            assert name in caught.value.problems[0].path
        assert field.get_default() is not None
    with pytest.raises(StrategyError, match="unknown key 'length'"):
        build({"type": kind, "length": 3})


@each_indicator
def test_an_indicator_is_frozen(indicator: type[Indicator]) -> None:
    built = build({"type": get_args(indicator.model_fields["type"].annotation)[0]})
    with pytest.raises(ValueError, match="frozen"):
        built.type = "other"  # type: ignore[attr-defined]
