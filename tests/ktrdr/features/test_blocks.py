from __future__ import annotations

from ktrdr.data import SeriesKey
from ktrdr.features import InputBlock, lagged_names
from ktrdr.fuzzy import FittedSet, FuzzySet

DECLARED = FuzzySet.model_validate({"indicator": "rsi_14", "low": [0, 20, 40], "high": [60, 80, 100]})
FITTED = FittedSet.model_validate({"indicator": "macd.line", "fit": "quantiles", "terms": ["down", "up"]})


def test_a_set_gives_a_column_for_each_term_named_by_timeframe_set_and_term():
    block = InputBlock.of_set("1w", None, ("rsi_14", ""), "rsi", DECLARED)
    assert block.names == ("1w_rsi_low", "1w_rsi_high")
    assert block.table_names == block.names
    assert block.is_settled


def test_a_fitted_set_is_one_value_until_it_is_fitted():
    block = InputBlock.of_set("1d", None, ("macd", "line"), "trend", FITTED)
    assert block.names == ("1d_trend_down", "1d_trend_up")
    assert block.table_names == ("1d_trend (value)",)
    assert not block.is_settled


def test_a_raw_input_is_named_by_its_indicator_and_the_output_that_was_asked_for():
    assert InputBlock.of_raw("1d", None, ("macd", "histogram"), "zscore").names == ("1d_macd.histogram_raw",)
    assert InputBlock.of_raw("1d", None, ("rsi_14", ""), "none").names == ("1d_rsi_14_raw",)


def test_a_block_reads_the_rows_own_symbol_unless_it_has_a_source():
    assert InputBlock.of_raw("1w", None, ("roc", ""), "none").key_for("SP500") == SeriesKey("SP500", "1w")
    assert InputBlock.of_raw("1w", "NASDAQ", ("roc", ""), "none").key_for("SP500") == SeriesKey("NASDAQ", "1w")


def test_lags_follow_all_features_one_lag_after_the_other():
    assert lagged_names(["a", "b"], 2) == ("a", "b", "a_lag_1", "b_lag_1", "a_lag_2", "b_lag_2")
    assert lagged_names(["a"], 0) == ("a",)
