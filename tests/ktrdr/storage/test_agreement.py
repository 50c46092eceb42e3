"""A version whose parts contradict each other is neither saved nor loaded."""

import json
from copy import deepcopy

import pytest
import torch

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.storage import ModelStorage
from tests.fakes.artifacts import FITTED, RETURNS, TREND, WINDOWS, trained_artifact
from tests.fakes.files import QuickFiles
from tests.ktrdr.storage.tampering import replace, saved_by_torch

NAME = "SP500_1d_v1"


def put(*path_and_value):
    *path, key, value = path_and_value

    def change(document):
        for step in path:
            document = document[step]
        document[key] = value

    return change


def drop(*path):
    *path, key = path

    def change(document):
        for step in path:
            document = document[step]
        del document[key]

    return change


def swap(first, second):
    def change(document):
        features = document["features"]
        features[first], features[second] = features[second], features[first]

    return change


def reordered_terms(document):
    document["fuzzy_sets"]["rsi"] = dict(sorted(document["fuzzy_sets"]["rsi"].items()))


def reordered_fitted_terms(document):
    fitted = document["fuzzy_sets"]["fit"]["fitted"]
    fitted["1w"] = dict(reversed(fitted["1w"].items()))


STEEPER = {"type": "triangular", "parameters": [0.0, 25.0, 41.0]}
SCALER = {"normalization": "zscore", "offset": 1.0, "scale": 2.0}

CONTRADICTIONS = [
    (FITTED, swap(0, 1), "features and the strategy .*: column 1 is 1d_rsi_high and should be 1d_rsi_low"),
    (FITTED, swap(2, -1), "features and the strategy .*: column 3"),
    (FITTED, put("features", 0, "1h_rsi_low"), "missing: 1d_rsi_low; not known: 1h_rsi_low"),
    (TREND, put("classes", ["SELL", "HOLD", "BUY"]), "classes and the strategy .*: column 1 is SELL and should be BUY"),
    (TREND, put("classes", ["BULLISH", "NEUTRAL", "BEARISH"]), "classes and the strategy .*missing: BUY, HOLD, SELL"),
    (TREND, put("architecture", "architecture", "activation", "tanh"), "architecture has architecture .*tanh.*relu"),
    (TREND, put("architecture", "architecture", "dropout", 0.5), "architecture has architecture .*0.5"),
    (TREND, put("architecture", "features", "lookback_periods", 1), "architecture has features .*: 1"),
    (WINDOWS, drop("architecture", "features"), "architecture and the strategy .*missing: features"),
    (RETURNS, put("classes", ["SELL", "HOLD", "BUY"]), "classes and the strategy"),
    (FITTED, put("scalers", {}), "scalers and the strategy .*missing: 1d_rsi_14_raw, 1w_macd_12.signal_raw"),
    (FITTED, put("scalers", None), "scalers is no mapping"),
    (FITTED, drop("scalers", "1d_rsi_14_raw"), "scalers and the strategy .*missing: 1d_rsi_14_raw"),
    (FITTED, put("scalers", "1d_rsi_14_raw_lag_1", SCALER), "not known: 1d_rsi_14_raw_lag_1"),
    (FITTED, put("scalers", "1d_rsi_14_raw", "scale", 0.0), "scalers.1d_rsi_14_raw cannot be rebuilt: scale"),
    (FITTED, put("scalers", "1d_rsi_14_raw", "scale", True), "scalers.1d_rsi_14_raw cannot be rebuilt: scale"),
    (FITTED, put("scalers", "1d_rsi_14_raw", "normalization", "minmax"), "is minmax, and .* says zscore"),
    (FITTED, put("fuzzy_sets", {}), "fuzzy_sets and the strategy .*missing: fit, idle, rsi"),
    (FITTED, put("fuzzy_sets", "more", {"indicator": "rsi_14", "low": STEEPER}), "not known: more"),
    (FITTED, put("fuzzy_sets", "rsi", 3), "fuzzy_sets.rsi is no mapping"),
    (FITTED, put("fuzzy_sets", "rsi", "low", STEEPER), "fuzzy_sets.rsi is not that"),
    (FITTED, put("fuzzy_sets", "rsi", "indicator", "macd_12"), "fuzzy_sets.rsi is not that"),
    (FITTED, reordered_terms, "fuzzy_sets.rsi is not that"),
    (FITTED, put("fuzzy_sets", "fit", "terms", ["bull", "flat", "bear"]), "fuzzy_sets.fit is not that"),
    (FITTED, drop("fuzzy_sets", "fit", "fitted"), "fuzzy_sets.fit.fitted and the strategy .*missing: 1d, 1w"),
    (FITTED, drop("fuzzy_sets", "fit", "fitted", "1w"), "fuzzy_sets.fit.fitted and the strategy .*missing: 1w"),
    (FITTED, put("fuzzy_sets", "fit", "fitted", "1h", {"bear": STEEPER}), "not known: 1h"),
    (FITTED, drop("fuzzy_sets", "fit", "fitted", "1w", "flat"), "fit.fitted.1w and the strategy .*missing: flat"),
    (FITTED, put("fuzzy_sets", "fit", "fitted", "1d", "more", STEEPER), "fit.fitted.1d and the strategy .*known: more"),
    (FITTED, put("fuzzy_sets", "fit", "fitted", "1d", "flat", "parameters", [3, 2, 1]), "fit.fitted.1d cannot be reb"),
    (
        FITTED,
        put("fuzzy_sets", "fit", "fitted", "1d", "indicator", "rsi_14"),
        "1d and the strategy .*known: indicator",
    ),
    (FITTED, put("fuzzy_sets", "fit", "fitted", "1d", []), "fuzzy_sets.fit.fitted.1d is no mapping"),
    (FITTED, reordered_fitted_terms, "fuzzy_sets.fit.fitted.1w and the strategy .*in another order"),
    (FITTED, put("fuzzy_sets", "idle", "fitted", {"1d": {"low": STEEPER}}), "idle.fitted and the strategy .*known: 1d"),
]


@pytest.fixture
def store(tmp_path):
    return ModelStorage(tmp_path, QuickFiles())


@pytest.mark.parametrize(("document", "change", "said"), CONTRADICTIONS)
def test_features_that_contradict_the_strategy_are_neither_saved_nor_loaded(store, tmp_path, document, change, said):
    artifact = trained_artifact(document=document)
    features = deepcopy(artifact.features)
    change(features)
    with pytest.raises(StorageError, match=rf"features\.json of {document['name']}/{NAME}: its .*{said}"):
        store.save_model(trained_artifact(document=document, features=features))
    assert store.list_models() == []
    store.save_model(artifact)
    replace(tmp_path / document["name"] / NAME, "features.json", json.dumps(features).encode())
    with pytest.raises(DamagedModel, match=said) as damaged:
        store.load(document["name"], NAME)
    assert damaged.value.file == "features.json"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("strategy", "name", "other"), "its strategy is other and the model is named after trend"),
        (
            put("strategy", "training_data", "timeframes", {"mode": "single", "timeframe": "1h"}),
            "its rows are 1h and the model is named after 1d",
        ),
    ],
)
def test_a_model_is_named_after_its_strategy(store, tmp_path, change, said):
    artifact = trained_artifact()
    config = deepcopy(artifact.config)
    change(config)
    with pytest.raises(StorageError, match=rf"config\.json of trend/{NAME}: {said}"):
        store.save_model(trained_artifact(config=config))
    store.save_model(artifact)
    replace(tmp_path / "trend" / NAME, "config.json", json.dumps(config).encode())
    with pytest.raises(DamagedModel, match=said) as damaged:
        store.load("trend", NAME)
    assert damaged.value.file == "config.json"


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "it is not there"),
        ({"strategy": "trend.yaml"}, "it is not there"),
        ({"strategy": {**TREND, "version": "4.0"}}, "version 4.0 is not read"),
        ({"strategy": {**TREND, "horoscope": True}}, "horoscope"),
        ({"strategy": {**TREND, "model": {"type": "tsk"}}}, "tsk"),
    ],
)
def test_a_strategy_that_this_version_cannot_read_is_said_and_called_no_damage(store, tmp_path, config, why):
    said = rf"This version of ktrdr cannot read the strategy in config\.json of trend/{NAME}: .*{why}"
    with pytest.raises(StorageError, match=said):
        store.save_model(trained_artifact(config=config))
    store.save_model(trained_artifact())
    replace(tmp_path / "trend" / NAME, "config.json", json.dumps(config).encode())
    with pytest.raises(StorageError, match=said) as refused:
        store.load("trend", NAME)
    assert not isinstance(refused.value, DamagedModel)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (swap(0, 1), "not say the same features as features.json"),
        (put("classes", ["SELL", "HOLD", "BUY"]), "not say the same classes as features.json"),
        (put("architecture", "architecture", "activation", "tanh"), "not say the same architecture as features.json"),
        (put("scalers", "1d_rsi_14_raw", "offset", 1e9), "not say the same scalers as features.json"),
        (drop("fuzzy_sets", "fit", "fitted", "1d"), "not say the same fuzzy_sets as features.json"),
        (reordered_fitted_terms, "not say the same fuzzy_sets as features.json"),
        (put("scalers", torch.ones(2)), "not say the same scalers as features.json"),
        (put("strategy", "other"), "not say the same strategy as fitted/SP500_1d_v1"),
        (put("model_id", "fitted/SP500_1d_v2"), "not say the same model_id as fitted/SP500_1d_v1"),
    ],
)
def test_a_bundle_that_says_something_else_than_the_other_files_is_not_loaded(store, tmp_path, change, said):
    store.save_model(trained_artifact(document=FITTED))
    folder = tmp_path / "fitted" / NAME
    bundle = torch.load(folder / "model_full.pt", weights_only=True)
    change(bundle)
    replace(folder, "model_full.pt", saved_by_torch(bundle))
    with pytest.raises(DamagedModel, match=said) as damaged:
        store.load("fitted", NAME)
    assert damaged.value.file == "model_full.pt"


def test_a_term_may_be_called_fitted(store):
    sets = {**TREND["fuzzy_sets"], "rsi": {"indicator": "rsi_14", "low": [0, 25, 40], "fitted": [60, 75, 100]}}
    assert store.save_model(trained_artifact(document={**TREND, "fuzzy_sets": sets})).version == 1


def test_a_set_on_values_that_never_end_is_rebuilt_from_its_words(store):
    shoulders = {"indicator": "rsi_14", "low": [float("-inf"), float("-inf"), 20, 40], "high": [60, 75, 100]}
    document = {**TREND, "fuzzy_sets": {**TREND["fuzzy_sets"], "rsi": shoulders}}
    store.save_model(trained_artifact(document=document))
    assert store.load("trend", NAME).config["strategy"]["fuzzy_sets"]["rsi"]["low"]["parameters"][0] == "-inf"
