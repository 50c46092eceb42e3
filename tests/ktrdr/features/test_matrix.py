from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ktrdr.data.bars import SeriesKey
from ktrdr.features import feature_table

TIMES = pd.date_range("2020-01-01", periods=4, tz="UTC", name="time")


def _strategy(*inputs: str) -> SimpleNamespace:
    sets = {name: SimpleNamespace(memberships=dict.fromkeys(("low", "high"))) for name in ("rsi", "trend", "unused")}
    return SimpleNamespace(
        nn_inputs=[SimpleNamespace(fuzzy_set=name, timeframes="all") for name in inputs], fuzzy_sets=sets
    )


def _degrees(first: float) -> pd.DataFrame:
    columns = [f"{name}_{term}" for name in ("rsi", "trend", "unused") for term in ("high", "low")]
    values = first + np.arange(24, dtype=float).reshape(4, 6) / 100
    return pd.DataFrame(values, index=TIMES, columns=columns)


def test_columns_follow_inputs_then_memberships_and_carry_the_timeframe():
    table = feature_table(_strategy("trend", "rsi"), {SeriesKey("A", "1d"): _degrees(0)})
    assert list(table.columns) == ["1d_trend_low", "1d_trend_high", "1d_rsi_low", "1d_rsi_high"]
    assert table["1d_rsi_low"].to_list() == pytest.approx(_degrees(0)["rsi_low"].to_list())


def test_rows_are_keyed_by_symbol_and_time_in_the_order_given():
    table = feature_table(_strategy("rsi"), {SeriesKey("B", "1d"): _degrees(0), SeriesKey("A", "1d"): _degrees(0.5)})
    assert table.index.names == ["symbol", "time"]
    assert table.index.get_level_values("symbol").to_list() == ["B"] * 4 + ["A"] * 4
    assert table.loc[("A", TIMES[0]), "1d_rsi_high"] == 0.5


def test_rows_without_a_value_of_some_feature_are_left_out_and_never_filled():
    degrees = _degrees(0)
    degrees.loc[TIMES[:2], "rsi_high"] = np.nan
    table = feature_table(_strategy("rsi", "trend"), {SeriesKey("A", "1d"): degrees})
    assert table.index.get_level_values("time").to_list() == list(TIMES[2:])


def test_what_no_input_uses_costs_no_rows():
    degrees = _degrees(0)
    degrees["unused_low"] = np.nan
    assert len(feature_table(_strategy("rsi"), {SeriesKey("A", "1d"): degrees})) == 4


def test_an_input_of_another_timeframe_gives_no_column():
    strategy = _strategy("rsi", "trend")
    strategy.nn_inputs[0].timeframes = ("1w",)
    table = feature_table(strategy, {SeriesKey("A", "1d"): _degrees(0)})
    assert list(table.columns) == ["1d_trend_low", "1d_trend_high"]


def test_the_memberships_are_not_changed():
    degrees = _degrees(0)
    before = degrees.copy()
    feature_table(_strategy("rsi"), {SeriesKey("A", "1d"): degrees})
    pd.testing.assert_frame_equal(degrees, before)
