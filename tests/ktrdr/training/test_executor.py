from __future__ import annotations

import io
import json
import logging

import numpy as np
import pytest
import torch

from ktrdr.async_infrastructure import STEPS, GenericProgressManager, ThreadCancellationToken
from ktrdr.errors import CancellationError, NoGpu, NotEnoughBars, OneClassLabels, RequestError, UnknownSymbol
from ktrdr.model.network import network_from
from ktrdr.results import TrainingResult
from ktrdr.storage import ModelStorage
from ktrdr.strategy import load_strategy
from ktrdr.training import TrainingExecutor, plan_training
from tests.ktrdr.training.strategies import bundled_data, document, small_strategy

DATES = ("2008-01-01", "2012-12-31")


class RecordingStorage:
    """Keeps what it is handed and saves it for real."""

    def __init__(self, root):
        self.artifacts = []
        self._storage = ModelStorage(root)

    def save_model(self, artifact):
        self.artifacts.append(artifact)
        return self._storage.save_model(artifact)


def _execute(strategy=None, symbols=None, keys=None, **kwargs):
    executor = TrainingExecutor(strategy or small_strategy(), data=bundled_data(), device="cpu", **(keys or {}))
    return executor.execute(symbols or ["SP500"], ["1d"], *DATES, **kwargs)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    storage = RecordingStorage(tmp_path_factory.mktemp("store") / "models")
    result = _execute(keys={"model_storage": storage}, symbols=["SP500", "NASDAQ"], run_name="first")
    return result, storage.artifacts[0]


def test_the_result_is_complete_and_plain_json(saved):
    result, _ = saved
    assert TrainingResult.model_validate(json.loads(json.dumps(result))).model_dump() == result
    assert result["success"]
    assert result["model_id"] == "small/SP500+NASDAQ_1d_v1"
    assert result["model_path"] == "models/small/SP500+NASDAQ_1d_v1"
    assert result["training_metrics"]["epochs"] == [1, 2]
    assert result["feature_names"] == [f"1d_{name}" for name in ("rsi_low", "rsi_middle", "rsi_high")] + [
        "1d_roc_falling",
        "1d_roc_rising",
    ]
    assert set(result["feature_importance"]) == set(result["feature_names"])
    assert set(result["fuzzy_coverage"]) == {"1d_rsi", "1d_roc"}
    assert sum(result["label_distribution"].values()) == pytest.approx(1)


def test_every_bar_is_accounted_for(saved):
    summary = saved[0]["data_summary"]
    bars = bundled_data().load(["SP500", "NASDAQ"], ["1d"], *DATES)
    assert summary["rows_loaded"] == sum(map(len, bars.series.values()))
    parts = ("warmup", "unlabelled", "purged", "embargoed", "train", "validation", "test")
    assert summary["rows_loaded"] == sum(summary[f"rows_{part}"] for part in parts)
    # warm-up is taken from the bars before the start; only the last bars have no label
    assert (summary["rows_warmup"], summary["rows_unlabelled"]) == (0, 2 * 10)
    per_symbol = saved[0]["per_symbol_metrics"]
    assert sum(of["rows_loaded"] for of in per_symbol.values()) == summary["rows_loaded"]


def test_accuracy_over_symbols_adds_up(saved):
    result, _ = saved
    rows = {symbol: of["rows_test"] for symbol, of in result["per_symbol_metrics"].items()}
    n_right = sum(result["per_symbol_metrics"][symbol]["accuracy"] * n_rows for symbol, n_rows in rows.items())
    assert result["test_metrics"]["accuracy"] == pytest.approx(n_right / sum(rows.values()))


def test_the_artifact_predicts_its_probe(saved):
    features = saved[1].features
    network = network_from(features["architecture"])
    network.load_state_dict(torch.load(io.BytesIO(bytes(saved[1].weights)), weights_only=True))
    network.eval()
    got = network(torch.tensor(features["probe"]["rows"])).detach().numpy()
    assert len(got) == 10
    assert np.allclose(got, features["probe"]["outputs"], atol=1e-6)


def test_the_artifact_carries_strategy_request_and_metadata(saved):
    result, artifact = saved
    assert artifact.config["strategy"] == small_strategy().document()
    assert artifact.config["request"] == {
        "symbols": ["SP500", "NASDAQ"],
        "timeframes": ["1d"],
        "start_date": DATES[0],
        "end_date": DATES[1],
        "validation_split": 0.2,
        "seed": 7,
        "run_name": "first",
    }
    assert artifact.metadata == result["metadata"]
    assert artifact.metrics["test_metrics"] == result["test_metrics"]
    assert artifact.metadata["torch_threads"] == 1
    assert artifact.metadata["strategy_sha256"] == small_strategy().sha256


def test_training_twice_gives_the_same_model(tmp_path):
    storage = RecordingStorage(tmp_path / "models")
    first, second = (_execute(keys={"model_storage": storage}) for _ in range(2))
    assert storage.artifacts[0].weights == storage.artifacts[1].weights
    for name in ("test_metrics", "feature_importance", "data_summary"):
        assert first[name] == second[name]
    assert second["model_id"].endswith("_v2")


def test_the_requests_seed_and_overrides_win():
    first = _execute(seed=1)
    assert first["metadata"]["seed"] == 1
    assert first["training_metrics"]["train_loss"] != _execute(seed=2)["training_metrics"]["train_loss"]
    assert first["metadata"]["strategy_sha256"] == small_strategy().sha256
    assert _execute(overrides={"training.epochs": 3})["training_metrics"]["epochs_completed"] == 3


def test_the_log_tells_every_step_once_at_its_begin_and_once_at_its_end(caplog):
    with caplog.at_level(logging.INFO, logger="ktrdr.training"):
        result = _execute()
    messages = [message for message in caplog.messages if message.startswith("Step ")]
    assert messages[0] == "Step 1: Loading market data for SP500 1d"
    assert messages[1].startswith("Step 1: 1279 bars in ")
    assert len(messages) == 24
    for number, name in enumerate(STEPS, start=1):
        assert messages[2 * number - 2].startswith(f"Step {number}: {name}")
    assert messages[19].startswith("Step 10: not saved")
    assert (result["model_id"], result["model_path"]) == (None, None)


def test_progress_goes_through_every_step_and_carries_epochs():
    updates = []
    progress = GenericProgressManager("train-1", callback=updates.append)
    _execute(keys={"progress": progress})
    assert sorted({update.current_step for update in updates}) == list(range(1, 13))
    assert [update.percentage for update in updates] == sorted(update.percentage for update in updates)
    assert updates[-1].percentage == 100
    in_training = [update for update in updates if update.current_step == 7]
    assert in_training[-1].context["epoch"] == 2
    assert any(update.context["indicator"] for update in updates if update.current_step == 2)


def test_a_progress_callback_is_used_in_place_of_the_managers():
    updates, calls = [], []
    progress = GenericProgressManager("train-1", callback=updates.append)
    _execute(keys={"progress": progress, "progress_callback": lambda *call: calls.append(call)})
    assert [call[0] for call in calls if call[2]["progress_type"] == "epoch"] == [1, 2]
    assert all(update.context["epoch"] is None for update in updates)


@pytest.mark.parametrize("step", range(1, 11))
def test_cancelling_in_any_step_up_to_saving_leaves_no_model(tmp_path, step):
    token, reached = ThreadCancellationToken(), []

    def cancel(update):
        reached.append(update.current_step)
        if update.current_step == step - 1 or step == 1:
            token.cancel("Stop")

    storage = RecordingStorage(tmp_path / "models")
    progress = GenericProgressManager("train-1", callback=cancel)
    keys = {"progress": progress, "cancellation_token": token, "model_storage": storage}
    with pytest.raises(CancellationError, match="Stop"):
        _execute(keys=keys)
    assert max(reached) <= max(step - 1, 1)
    assert storage.artifacts == []


def test_a_stop_asked_for_while_saving_comes_too_late(tmp_path):
    token = ThreadCancellationToken()
    progress = GenericProgressManager("train-1", callback=lambda u: token.cancel() if u.current_step == 10 else None)
    storage = RecordingStorage(tmp_path / "models")
    keys = {"progress": progress, "cancellation_token": token, "model_storage": storage}
    assert _execute(keys=keys)["model_id"] is not None


def test_labels_of_one_class_fail_in_step_five():
    steps = []
    progress = GenericProgressManager("train-1", callback=lambda update: steps.append(update.current_step))
    labels = {"source": "triple_barrier", "pt_multiplier": 1e6, "sl_multiplier": 1e6, "expiry_band": 1e6}
    with pytest.raises(OneClassLabels, match="HOLD"):
        _execute(small_strategy(labels=labels), keys={"progress": progress})
    assert max(steps) == 5


def test_history_that_is_not_there_is_demanded_and_without_a_start_used_up():
    strategy = document()
    strategy["training_data"]["history_required"] = 100
    executor = TrainingExecutor(load_strategy(strategy), data=bundled_data(), device="cpu")
    first = bundled_data().load(["SP500"], ["1d"], None, None).series[("SP500", "1d")].index[5].date().isoformat()
    with pytest.raises(NotEnoughBars, match="history_required"):
        executor.execute(["SP500"], ["1d"], first, None)
    del strategy["training_data"]["date_range"]["start"]
    strategy["training_data"]["date_range"]["end"] = "2003-12-31"
    executor = TrainingExecutor(load_strategy(strategy), data=bundled_data(), device="cpu")
    assert executor.execute(None, None, None, None)["data_summary"]["rows_warmup"] == 100


@pytest.mark.parametrize(
    ("error", "kwargs"),
    [
        (TypeError, {"sed": 1}),
        (RequestError, {"data_mode": "remote"}),
        (RequestError, {"validation_split": 2.0}),
        (NoGpu, {"require_gpu": True}),
        (UnknownSymbol, {"symbols": ["SPX500"]}),
    ],
)
def test_what_cannot_be_trained_is_refused(error, kwargs):
    with pytest.raises(error):
        _execute(**kwargs)


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("symbols", {"symbols": [5]}),
        ("symbols", {"symbols": 5}),
        ("timeframes", {"timeframes": "1d"}),
        ("timeframes", {"timeframes": 1}),
        ("start_date", {"start_date": "2030-01-01", "end_date": None}),
        ("validation_split", {"validation_split": "0.2"}),
        ("device", {"device": "cpu:x"}),
        ("device", {"device": "cpu:5"}),
        ("device", {"device": "gpu"}),
        ("require_gpu", {"require_gpu": "no"}),
        ("overrides", {"overrides": "training.epochs=5"}),
        ("run_name", {"run_name": 5}),
    ],
)
def test_arguments_of_another_kind_are_refused_before_the_first_step(path, given):
    updates = []
    progress = GenericProgressManager("train-1", callback=updates.append)
    arguments = {"symbols": None, "timeframes": None, "start_date": None, "end_date": None, **given}
    device = arguments.pop("device", "cpu")
    executor = TrainingExecutor(small_strategy(), data=bundled_data(), progress=progress, device=device)
    with pytest.raises(RequestError) as caught:
        executor.execute(**arguments)
    assert caught.value.path == path
    assert caught.value.suggestion
    assert updates == []


def test_the_plan_counts_what_the_training_counts():
    result = _execute()
    plan = plan_training(small_strategy(), bundled_data(), None, *DATES)
    summary = result["data_summary"]
    assert plan.rows.model_dump() == {name: summary[name] for name in plan.rows.model_dump()}
    assert plan.label_shares == result["label_distribution"]
    assert plan.features == result["feature_names"]
    assert plan.n_parameters == result["metadata"]["n_parameters"]
    assert plan.data_sha256 == summary["data_sha256"]
