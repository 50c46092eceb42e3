"""What the grammar means once it is read: the whole of it, beyond one timeframe, classes and fuzzy inputs."""

from __future__ import annotations

import copy
import itertools

import numpy as np
import pytest

from ktrdr.data import SeriesKey
from ktrdr.strategy import Strategy, load_strategy, validate_strategy
from tests.ktrdr.strategy.texts import VALID


def _document(**changes) -> dict:
    document = load_strategy(VALID).document()
    for path, value in changes.items():
        *parents, last = path.split("__")
        section = document
        for key in parents:
            section = section.setdefault(key, {})
        section[last] = copy.deepcopy(value)
    return document


def _load(**changes) -> Strategy:
    return load_strategy(_document(**changes))


def _messages(**changes) -> list[str]:
    return [f"{found.path}: {found.message}" for found in validate_strategy(_document(**changes)).problems]


TWO = {"mode": "multi_timeframe", "list": ["1d", "1w"]}
REGRESSION = {
    "decisions": {"output_format": "regression", "cost_model": {"round_trip_cost": 0.002}},
    "training__labels": {"source": "forward_return", "horizon": 5},
}


class TestTimeframes:
    @pytest.mark.parametrize(("listed", "base"), [(["1w", "1d"], "1d"), (["1d", "4h", "1w"], "4h"), (["1w"], "1w")])
    def test_the_base_is_the_fastest_unless_it_is_named(self, listed, base):
        inputs = [{"fuzzy_set": "momentum"}]
        timeframes = {"mode": "multi_timeframe", "list": listed}
        assert _load(training_data__timeframes=timeframes, nn_inputs=inputs).base_timeframe == base
        named = _load(training_data__timeframes=timeframes | {"base_timeframe": listed[0]}, nn_inputs=inputs)
        assert named.base_timeframe == listed[0]

    def test_a_base_outside_the_list_is_refused(self):
        (message,) = _messages(training_data__timeframes=TWO | {"base_timeframe": "1h"})
        assert message == "training_data.timeframes.base_timeframe: base_timeframe 1h is not in the list"

    def test_features_go_through_inputs_then_timeframes_then_terms(self):
        assert _load(training_data__timeframes=TWO).features == (
            "1d_momentum_low", "1d_momentum_high", "1w_momentum_low", "1w_momentum_high",
            "1d_direction_down", "1d_direction_up",
        )  # fmt: skip

    def test_an_input_on_a_timeframe_that_is_not_read_is_refused(self):
        (message,) = _messages(
            training_data__timeframes=TWO, nn_inputs=[{"fuzzy_set": "momentum", "timeframes": ["1d", "1h"]}]
        )
        assert message == "nn_inputs.0.timeframes.1: '1h' is not among the timeframes trained on"

    def test_warm_up_is_counted_on_each_timeframe_by_what_is_read_there(self):
        strategy = _load(training_data__timeframes=TWO)
        assert strategy.warmup == 33  # the MACD, on days alone
        assert strategy.joined_lookback == {"1w": 14}  # the RSI


class TestRawInputs:
    INPUTS = ({"raw_indicator": "macd.histogram", "normalization": "zscore"}, {"raw_indicator": "rsi_14"})

    def test_a_raw_input_is_one_feature(self):
        assert _load(nn_inputs=self.INPUTS).features == ("1d_macd.histogram_raw", "1d_rsi_14_raw")

    def test_the_same_output_under_two_names_is_the_same_feature_twice(self):
        (message,) = _messages(nn_inputs=[{"raw_indicator": "macd"}, {"raw_indicator": "macd.line"}])
        assert "'macd.line' on 1d is an input already (nn_inputs.0)" in message

    def test_what_it_names_must_exist(self):
        unknown, output = _messages(nn_inputs=[{"raw_indicator": "rsi14"}, {"raw_indicator": "macd.lime"}])
        assert unknown == "nn_inputs.0.raw_indicator: there is no indicator 'rsi14'"
        assert output == "nn_inputs.1.raw_indicator: the indicator 'macd' has no output 'lime'"

    def test_a_raw_feature_and_a_term_of_the_same_name_are_refused(self):
        sets = {"rsi_14": {"indicator": "macd", "raw": [0, 1, 2]}}
        (message,) = _messages(fuzzy_sets=sets, nn_inputs=[{"fuzzy_set": "rsi_14"}, {"raw_indicator": "rsi_14"}])
        assert message == (
            "nn_inputs: the feature '1d_rsi_14_raw' is of the fuzzy set 'rsi_14' and of the raw input 'rsi_14'"
        )

    def test_an_input_is_a_set_or_an_indicator_and_not_both(self):
        assert _messages(nn_inputs=[{"fuzzy_set": "momentum", "raw_indicator": "macd"}]) == [
            "nn_inputs.0.raw_indicator: an input is a fuzzy_set or a raw_indicator, not both"
        ]
        assert _messages(nn_inputs=[{"timeframes": "all"}]) == [
            "nn_inputs.0: an input names a fuzzy_set or a raw_indicator"
        ]

    @pytest.mark.parametrize("key", ["fuzzy_sett", "raw_indicater"])
    def test_a_misspelled_name_is_one_problem(self, key):
        (message,) = _messages(nn_inputs=[{key: "macd"}])
        assert message == f"nn_inputs.0.{key}: unknown key '{key}'"

    def test_one_timeframe_is_a_list_as_well(self):
        (message,) = _messages(nn_inputs=[{"fuzzy_set": "momentum", "timeframes": "1d"}])
        assert message == "nn_inputs.0.timeframes: one timeframe is a list as well, got '1d'"


class TestOtherSymbols:
    def test_an_indicator_on_another_symbol_is_read_on_every_timeframe_of_its_inputs(self):
        strategy = _load(
            training_data__timeframes=TWO,
            indicators={"ndq": {"type": "roc", "period": 10, "data_source": "NASDAQ"}, "rsi_14": {"type": "rsi"}},
            fuzzy_sets={"lead": {"indicator": "ndq", "down": [-9, -3, 0], "up": [0, 3, 9]}},
            nn_inputs=[{"fuzzy_set": "lead"}, {"raw_indicator": "rsi_14", "timeframes": ["1d"]}],
        )
        assert strategy.context == (SeriesKey("NASDAQ", "1d"), SeriesKey("NASDAQ", "1w"))
        assert list(strategy.indicators_on("1d", None)) == ["rsi_14"]
        assert list(strategy.indicators_on("1w", "NASDAQ")) == ["ndq"]
        assert strategy.joined_lookback == {"1d": 10, "1w": 10}

    @pytest.mark.parametrize("path", ["context_data", "training_data__context_data"])
    def test_context_data_is_refused_with_what_stands_for_it(self, path):
        (found,) = validate_strategy(_document(**{path: [{"provider": "fred"}]})).problems
        assert found.message == "context_data is not read"
        assert "data_source" in found.suggestion


class TestFittedSets:
    SETS = {"direction": {"indicator": "macd.line", "fit": "quantiles", "terms": ["down", "flat", "up"]}}

    def test_terms_of_a_fitted_set_are_features_in_their_order(self):
        strategy = _load(fuzzy_sets=self.SETS, nn_inputs=[{"fuzzy_set": "direction"}])
        assert strategy.features == ("1d_direction_down", "1d_direction_flat", "1d_direction_up")

    def test_it_reads_back_as_it_was_written(self):
        strategy = _load(fuzzy_sets=self.SETS, nn_inputs=[{"fuzzy_set": "direction"}])
        assert strategy.document()["fuzzy_sets"] == self.SETS
        assert load_strategy(strategy.document()) == strategy

    def test_its_indicator_must_exist(self):
        sets = {"direction": self.SETS["direction"] | {"indicator": "macdd"}}
        (message,) = _messages(fuzzy_sets=sets, nn_inputs=[{"fuzzy_set": "direction"}])
        assert message == "fuzzy_sets.direction.indicator: there is no indicator 'macdd'"


class TestLagsAndWindows:
    def test_lags_follow_all_features(self):
        names = _load(model__features={"lookback_periods": 2}).features
        assert len(names) == 12
        assert names[4] == "1d_momentum_low_lag_1"
        assert names[-1] == "1d_direction_up_lag_2"

    @pytest.mark.parametrize(("kind", "lags"), itertools.product(["lstm", "gru"], [0, 3]))
    def test_a_window_needs_its_bars_of_warm_up(self, kind, lags):
        model = {"type": kind, "architecture": {"sequence_length": 10}, "features": {"lookback_periods": lags}}
        assert _load(model=model).warmup == 33 + 9 + lags

    def test_a_recurrent_network_needs_to_be_told_the_length_of_its_window(self):
        assert _messages(model={"type": "lstm", "architecture": {}}) == [
            "model.architecture.sequence_length: missing key 'sequence_length'"
        ]
        assert _messages(model={"type": "gru"}) == ["model.architecture: missing key 'architecture'"]

    def test_rules_do_not_exist_yet_and_that_is_said(self):
        assert _messages(model={"type": "tsk"}) == ["model.type: model type tsk does not exist yet"]

    def test_lags_count_for_the_size_of_the_network(self):
        layers = {"type": "mlp", "architecture": {"hidden_layers": [100_000]}}
        assert _messages(model=layers) == []
        (message,) = _messages(model=layers | {"features": {"lookback_periods": 500}})
        assert "parameters; at most 150,000,000" in message


class TestRegression:
    def test_it_needs_labels_that_are_returns_and_a_cost_model(self):
        assert _messages(**REGRESSION) == []
        (message,) = _messages(decisions=REGRESSION["decisions"])
        assert "regression needs labels that are returns" in message
        (message,) = _messages(training__labels=REGRESSION["training__labels"])
        assert "forward_return without a threshold gives returns, not classes" in message
        (message,) = _messages(**REGRESSION | {"decisions": {"output_format": "regression"}})
        assert "regression needs a cost_model" in message

    def test_a_threshold_makes_classes_of_returns(self):
        labels = REGRESSION["training__labels"] | {"threshold": 0.01}
        assert _messages(training__labels=labels) == []
        assert "regression needs labels" in _messages(**REGRESSION | {"training__labels": labels})[0]

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            ("training__class_weights", "balanced", "class_weights has no effect"),
            ("training__loss", "focal", "loss focal does not judge returns"),
            ("training__focal_gamma", 1.0, "focal_gamma has no effect with loss huber"),
            ("decisions__confidence_threshold", 0.5, "confidence_threshold has no effect"),
        ],
    )
    def test_keys_of_classes_are_refused(self, path, value, message):
        assert message in _messages(**REGRESSION, **{path: value})[0]

    def test_costs_without_returns_have_no_effect(self):
        (message,) = _messages(decisions={"cost_model": {"round_trip_cost": 0.01}})
        assert "cost_model has no effect with output_format classification" in message

    def test_a_default_that_would_stop_every_regression_early_is_a_note(self):
        assert "min_delta" in validate_strategy(_document(**REGRESSION, training__early_stopping={})).notes[-1]
        for stopping in ({"min_delta": 0.0}, {"monitor": "val_accuracy"}):
            found = validate_strategy(_document(**REGRESSION, training__early_stopping=stopping))
            assert not [note for note in found.notes if "min_delta" in note]

    def test_the_loss_is_one_that_judges_returns(self):
        assert _load(**REGRESSION).training.loss_in_use == "huber"
        assert _load(**REGRESSION, training__loss="mse").training.loss_in_use == "mse"
        assert _load().training.loss_in_use == "cross_entropy"


def test_a_schedule_may_be_its_type_alone():
    assert _load(training__lr_scheduler="cosine") == _load(training__lr_scheduler={"type": "cosine"})
    assert _load(training__lr_scheduler="none").training.lr_scheduler == _load().training.lr_scheduler


def test_the_batch_size_may_be_left_to_the_machine():
    assert _load(training__batch_size="auto").training.batch_size == "auto"
    assert "must be at least 1" in _messages(training__batch_size=0)[0]


def test_an_override_may_use_older_spellings_inside_a_mapping():
    macd = {"type": "macd", "fast": 5, "slow": 20}
    found = validate_strategy(load_strategy(VALID).document(), {"indicators.macd": macd})
    assert found.problems == ()
    assert found.strategy.indicators["macd"].fast_period == 5
    assert "'indicators.macd.fast' is read as 'indicators.macd.fast_period', its present spelling." in found.notes


def test_a_key_of_the_other_kind_of_input_has_no_effect_and_that_is_said():
    (found,) = validate_strategy(_document(nn_inputs=[{"fuzzy_set": "momentum", "normalization": "zscore"}])).problems
    assert (found.path, found.message) == (
        "nn_inputs.0.normalization",
        "normalization has no effect on a fuzzy set",
    )


def test_terms_of_two_sets_may_share_a_column_where_their_features_differ():
    sets = {
        "a": {"indicator": "rsi_14", "b_c": [0, 50, 100]},
        "a_b": {"indicator": "rsi_14", "c": [0, 50, 100]},
    }
    inputs = [{"fuzzy_set": "a", "timeframes": ["1d"]}, {"fuzzy_set": "a_b", "timeframes": ["1w"]}]
    assert _messages(fuzzy_sets=sets, training_data__timeframes=TWO, nn_inputs=inputs) == []
    (message,) = _messages(fuzzy_sets=sets, nn_inputs=[{"fuzzy_set": "a"}, {"fuzzy_set": "a_b"}])
    assert message == "nn_inputs: the feature '1d_a_b_c' is of the fuzzy set 'a' and of the fuzzy set 'a_b'"


def test_numbers_and_arrays_of_numpy_count_as_plain_ones():
    sets = {"momentum": {"indicator": "rsi_14", "low": np.array([0, 25, 40]), "high": [np.int64(60), 80, 100]}}
    plain = {"momentum": {"indicator": "rsi_14", "low": [0, 25, 40], "high": [60, 80, 100]}}
    inputs = [{"fuzzy_set": "momentum"}]
    assert _load(fuzzy_sets=sets, nn_inputs=inputs) == _load(fuzzy_sets=plain, nn_inputs=inputs)


def test_two_overrides_of_one_key_are_refused():
    (found,) = validate_strategy(
        load_strategy(VALID).document(), {"training.epochs": 3, "model.training.epochs": 4}
    ).problems
    assert found.message == "'training.epochs' is set twice"


def test_a_missing_section_says_what_it_needs():
    (found,) = validate_strategy(_document(model={"type": "gru"})).problems
    assert found.suggestion == "It needs: sequence_length."


def test_dates_may_be_called_by_their_longer_names():
    dates = {"start_date": "2001-01-01", "end_date": "2002-01-01"}
    found = validate_strategy(_document(training_data__date_range=dates))
    assert found.strategy.training_data.date_range.end == "2002-01-01"
    assert len(found.notes) == 2


@pytest.mark.parametrize("key", ["description", "hypothesis", "scope", "deployment"])
def test_what_is_kept_without_effect_may_be_anything(key):
    strategy = _load(**{key: ["a", {"b": 1}]})
    assert load_strategy(strategy.document()) == strategy
    assert strategy.sha256 == _load().sha256
