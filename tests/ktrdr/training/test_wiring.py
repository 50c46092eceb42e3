"""What steps 8 to 11 measure, recomputed from the parts of the data set and the saved weights."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from ktrdr.model.network import network_from
from ktrdr.strategy import load_strategy
from ktrdr.training import TrainingExecutor
from ktrdr.training.evaluation.importance import permutation_importance
from ktrdr.training.rows.dry_run import prepare_rows
from ktrdr.training.scope import settle_scope
from ktrdr.training.steps import unreported
from tests.ktrdr.training.strategies import bundled_data, document

# Neither is a trading day: the first and the last bar stand inside. BUY is most frequent in training, HOLD in 2008.
DATES = ("2003-01-01", "2009-01-01")
THRESHOLD = 0.38
SEED = 11
BUY, HOLD = 0, 1


def _strategy():
    labels = {"source": "triple_barrier", "pt_multiplier": 1.5, "sl_multiplier": 3.0, "max_holding_period": 10}
    keys = document(labels={**labels, "vol_span": 20}, class_weights="balanced", learning_rate=0.02, seed=3)
    return load_strategy({**keys, "decisions": {"confidence_threshold": THRESHOLD}})


def _dataset(strategy):
    prepared = prepare_rows(strategy, bundled_data(), settle_scope(strategy, None, *DATES))
    return prepared.dataset, prepared.tables["SP500"]


class KeepingStorage:
    def save_model(self, artifact):
        self.artifact = artifact
        return SimpleNamespace(model_id="small/SP500_1d_v1", path="models/small/SP500_1d_v1")


@pytest.fixture(scope="module")
def trained():
    strategy, storage = _strategy(), KeepingStorage()
    executor = TrainingExecutor(strategy, data=bundled_data(), model_storage=storage, device="cpu")
    result = executor.execute(None, None, *DATES, seed=SEED)
    dataset, features = _dataset(strategy)
    network = network_from(storage.artifact.features["architecture"])
    network.load_state_dict(torch.load(io.BytesIO(bytes(storage.artifact.weights)), weights_only=True))
    network.eval()

    def logits_of(X):
        with torch.no_grad():
            return network(torch.from_numpy(X)).numpy()

    return SimpleNamespace(
        result=result, metrics=result["test_metrics"], dataset=dataset, features=features, logits_of=logits_of
    )


def test_the_majority_is_that_of_the_training_rows(trained):
    train, test = trained.dataset.train, trained.dataset.test
    assert (np.bincount(train.y).argmax(), np.bincount(test.y).argmax()) == (BUY, HOLD)
    assert trained.metrics["baseline"]["majority"] == np.mean(test.y == BUY)
    of_symbol = trained.result["per_symbol_metrics"]["SP500"]
    assert of_symbol["baseline"] == trained.metrics["baseline"]
    assert of_symbol["accuracy"] == trained.metrics["accuracy"]


def test_the_loss_that_trains_is_the_loss_that_tests(trained):
    train, validation, test = trained.dataset.train, trained.dataset.validation, trained.dataset.test
    weights = compute_class_weight("balanced", classes=np.arange(3), y=train.y)
    weights = torch.tensor(weights, dtype=torch.float32)
    losses = {
        name: functional.cross_entropy(
            torch.from_numpy(trained.logits_of(part.X)), torch.from_numpy(part.y), weight=weights
        ).item()
        for name, part in (("validation", validation), ("test", test))
    }
    assert trained.metrics["loss"] == pytest.approx(losses["test"], rel=1e-5)
    assert trained.result["training_metrics"]["best_val_loss"] == pytest.approx(losses["validation"], rel=1e-5)


def test_confidence_is_stated_at_the_strategys_threshold(trained):
    logits = torch.from_numpy(trained.logits_of(trained.dataset.test.X)).double()
    highest, predicted = functional.softmax(logits, dim=1).max(dim=1)
    is_covered = (highest >= THRESHOLD).numpy()
    assert 0 < is_covered.mean() < 1
    is_right = predicted.numpy() == trained.dataset.test.y
    assert trained.metrics["confidence"] == {
        "threshold": THRESHOLD,
        "coverage": pytest.approx(is_covered.mean()),
        "accuracy": pytest.approx(is_right[is_covered].mean()),
    }


def test_importance_is_that_of_the_test_rows_under_the_seed_that_counts(trained):
    names = trained.result["feature_names"]
    indicators = ["rsi_14"] * 3 + ["roc_10"] * 2
    expected = permutation_importance(
        trained.logits_of, trained.dataset.test, names, indicators, False, SEED, unreported
    )
    for part in ("features", "indicators"):
        got = trained.result[f"{part.removesuffix('s')}_importance"]
        assert list(got) == list(getattr(expected, part))
        for name, importance in getattr(expected, part).items():
            assert got[name] == pytest.approx(importance.model_dump(), abs=1e-9)


def test_the_fuzzy_coverage_is_that_of_the_rows_of_all_parts(trained):
    parts = (trained.dataset.train, trained.dataset.validation, trained.dataset.test)
    n_rows = sum(map(len, parts))
    assert n_rows < len(trained.features)
    X = np.concatenate([part.X for part in parts])
    for name, columns in (("1d_rsi", X[:, :3]), ("1d_roc", X[:, 3:])):
        n_terms = (columns > 0).sum(axis=1)
        assert trained.result["fuzzy_coverage"][name] == {
            "dead_zone": pytest.approx(np.mean(n_terms == 0)),
            "overlap": pytest.approx(np.mean(n_terms > 1)),
        }


def test_the_dates_are_the_requests_where_it_gives_them(trained):
    summary = trained.result["data_summary"]
    assert (summary["start_date"], summary["end_date"]) == DATES


def test_the_result_is_the_saved_models(trained):
    assert (trained.result["model_id"], trained.result["model_path"]) == (
        "small/SP500_1d_v1",
        "models/small/SP500_1d_v1",
    )
    assert trained.result["metadata"]["seed"] == SEED
