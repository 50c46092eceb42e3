from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ktrdr.errors import EqualQuantiles
from ktrdr.features import InputBlock, Scaler, fit_inputs, inputs_from, state_of
from ktrdr.fuzzy import FittedSet, FuzzySet

RSI = FuzzySet.model_validate({"indicator": "rsi", "low": [0, 20, 40], "high": [60, 80, 100]})
TREND = FittedSet.model_validate({"indicator": "macd", "fit": "quantiles", "terms": ["down", "flat", "up"]})
BLOCKS = (
    InputBlock.of_set("1d", None, ("rsi", ""), "rsi", RSI),
    InputBlock.of_set("1d", None, ("macd", ""), "trend", TREND),
    InputBlock.of_set("1w", None, ("macd", ""), "trend", TREND),
    InputBlock.of_raw("1d", None, ("roc", ""), "zscore"),
)


def _table(n_rows: int = 101, seed: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    values = random.normal(size=(n_rows, 5)) * [0.1, 1, 5, 2, 1]
    return pd.DataFrame(
        values, columns=["1d_rsi_low", "1d_rsi_high", "1d_trend (value)", "1w_trend (value)", "1d_roc_raw"]
    )


def test_features_are_the_blocks_columns_with_what_was_fitted_applied():
    training, later = _table(), _table(seed=4)
    inputs = fit_inputs(BLOCKS, training)
    features = inputs.features_of(later)
    assert features.shape == (101, 2 + 3 + 3 + 1)
    np.testing.assert_array_equal(features[:, :2], later[["1d_rsi_low", "1d_rsi_high"]])
    mean, deviation = training["1d_roc_raw"].mean(), training["1d_roc_raw"].std(ddof=0)
    np.testing.assert_allclose(features[:, 8], (later["1d_roc_raw"] - mean) / deviation)


def test_a_set_is_fitted_on_each_timeframe_apart():
    training = _table()
    fitted = fit_inputs(BLOCKS, training).fitted_sets["trend"]
    for timeframe in ("1d", "1w"):
        centres = np.quantile(training[f"{timeframe}_trend (value)"], [1 / 6, 1 / 2, 5 / 6])
        assert fitted[timeframe].memberships["flat"].parameters == pytest.approx(centres)


def test_terms_of_a_fitted_set_sum_to_one_on_rows_it_was_not_fitted_on():
    features = fit_inputs(BLOCKS, _table()).features_of(_table(seed=9) * 10)
    np.testing.assert_allclose(features[:, 2:5].sum(axis=1), 1)


def test_a_missing_value_is_missing_in_its_features_alone():
    later = _table(n_rows=2)
    later.loc[0, "1w_trend (value)"] = np.nan
    features = fit_inputs(BLOCKS, _table()).features_of(later)
    assert np.isnan(features[0]).tolist() == [False] * 5 + [True] * 3 + [False]
    assert not np.isnan(features[1]).any()


def test_values_too_much_alike_name_the_set_and_the_timeframe():
    training = _table()
    training["1w_trend (value)"] = 0.0
    with pytest.raises(EqualQuantiles, match=r"trend on 1w") as caught:
        fit_inputs(BLOCKS, training)
    assert caught.value.path == "fuzzy_sets.trend"
    assert caught.value.suggestion


def test_what_is_kept_with_a_model_rebuilds_what_was_fitted():
    inputs = fit_inputs(BLOCKS, _table())
    state = json.loads(json.dumps(state_of(inputs, {"rsi": RSI, "trend": TREND}), allow_nan=False))
    assert FuzzySet.model_validate(state["fuzzy_sets"]["rsi"]) == RSI
    trend = state["fuzzy_sets"]["trend"]
    assert trend["fit"] == "quantiles"
    for timeframe, terms in trend["fitted"].items():
        rebuilt = FuzzySet.model_validate({"indicator": "macd", **terms})
        assert rebuilt == inputs.fitted_sets["trend"][timeframe]
    assert Scaler.model_validate(state["scalers"]["1d_roc_raw"]) == inputs.scalers["1d_roc_raw"]


def test_a_fitted_sets_value_is_no_others_column():
    fast = FuzzySet.model_validate({"indicator": "rsi", "fast": [0, 25, 45], "slow": [40, 70, 100]})
    fitted = FittedSet.model_validate({"indicator": "macd", "fit": "quantiles", "terms": ["low", "high"]})
    blocks = (
        InputBlock.of_set("1d", None, ("rsi", ""), "rsi", fast),
        InputBlock.of_set("1d", None, ("macd", ""), "rsi_fast", fitted),
        InputBlock.of_set("1d", None, ("macd", ""), "macd_raw", fitted),
        InputBlock.of_raw("1d", None, ("macd", ""), "none"),
    )
    names = [name for block in blocks for name in block.table_names]
    assert len(set(names)) == len(names) == 5


def test_inputs_read_back_from_json_give_the_same_features_bit_for_bit():
    inputs = fit_inputs(BLOCKS, _table())
    kept = json.loads(json.dumps(state_of(inputs, {"rsi": RSI, "trend": TREND})))
    back, later = inputs_from(BLOCKS, kept), _table(seed=5)
    assert back == inputs
    assert back.features_of(later).tobytes() == inputs.features_of(later).tobytes()
