"""Trainings on a CUDA device: what it makes is whole, repeatable, resumable, and of use where there is none."""

from __future__ import annotations

import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from ktrdr.async_infrastructure import ThreadCancellationToken
from ktrdr.errors import CancellationError, TrainingError
from ktrdr.model import MLP
from ktrdr.model.network import build_network
from ktrdr.storage import ModelStorage
from ktrdr.strategy import load_strategy
from ktrdr.training import CheckpointPolicy, ModelTrainer, TrainingExecutor, detect_device
from tests.fakes.checkpoints import CutAt, MemoryCheckpoints, PowerCut
from tests.ktrdr.prediction.trained import DOCUMENTS, train_and_load
from tests.ktrdr.training.small_training import config_of
from tests.ktrdr.training.strategies import bundled_data, document, small_strategy
from tests.ktrdr.training.test_resume import STRATEGIES, Keeping, settled, strategy_of

GB = 1e9

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")


@contextmanager
def room(n_bytes):
    """Let torch take no more of the card's memory than this."""
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(n_bytes / torch.cuda.get_device_properties(0).total_memory)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def executor_of(strategy, *, device="cuda", storage=None, checkpoints=None, token=None, on_epoch=None):
    return TrainingExecutor(
        strategy,
        data=bundled_data(),
        model_storage=storage,
        progress_callback=on_epoch,
        cancellation_token=token,
        checkpoints=checkpoints,
        device=device,
        checkpoint_policy=CheckpointPolicy(every_epochs=1),
    )


def execute(strategy, **keys):
    return executor_of(strategy, **keys).execute(None, None, None, None)


def test_the_best_device_here_is_cuda_and_a_gpu_may_be_required():
    assert detect_device() == "cuda"
    result = executor_of(strategy_of(), device=None).execute(None, None, None, None, require_gpu=True)
    assert result["metadata"]["device"].startswith("cuda")


@pytest.mark.parametrize("kind", STRATEGIES)
def test_its_model_is_read_back_and_predicts_on_the_cpu_what_was_evaluated_on_the_card(kind, tmp_path):
    store = ModelStorage(tmp_path / "models")
    result = execute(strategy_of(kind), storage=store)
    model = store.load("small", result["model_id"].partition("/")[2])
    assert {tensor.device.type for tensor in model.network.state_dict().values()} == {"cpu"}
    assert model.metadata["device"].startswith("cuda")


@pytest.mark.parametrize("case", DOCUMENTS)
def test_the_cpu_predicts_what_was_evaluated_on_the_card_but_for_rounding(case, tmp_path):
    trained = train_and_load(case, bundled_data(), tmp_path, "cuda")
    start, end = trained.dates
    predicted = trained.predictor.predict(start_date=start or "1900-01-01", end_date=end)
    at = predicted.index.get_indexer(trained.part.index)
    np.testing.assert_allclose(predicted.outputs[at], trained.outputs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", STRATEGIES)
def test_the_same_seed_gives_the_same_bits_twice(kind):
    kept = [Keeping(), Keeping()]
    results = [execute(strategy_of(kind), storage=storage) for storage in kept]
    assert settled(results[0]) == settled(results[1])
    assert kept[0].artifacts[0].weights == kept[1].artifacts[0].weights


@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_training_that_was_cut_ends_with_the_bits_of_one_that_was_not(kind):
    whole, resumed, store = Keeping(), Keeping(), MemoryCheckpoints()
    expected = execute(strategy_of(kind), storage=whole)
    with pytest.raises(PowerCut):
        execute(strategy_of(kind), checkpoints=store, token=CutAt(45, cancels=False))
    assert store.states
    result = execute(strategy_of(kind), checkpoints=store, storage=resumed)
    assert settled(result)["training_metrics"] == settled(expected)["training_metrics"]
    assert resumed.artifacts[0].weights == whole.artifacts[0].weights


def test_it_starts_from_the_weights_of_the_cpu_and_learns_alike():
    on_card, on_cpu = (execute(strategy_of(), device=device)["training_metrics"] for device in ("cuda", "cpu"))
    # dropout draws from another generator: near, not equal
    np.testing.assert_allclose(on_card["val_loss"], on_cpu["val_loss"], atol=0.05)


def test_without_dropout_the_losses_are_those_of_the_cpu_but_for_rounding():
    strategy = load_strategy(document(epochs=3))
    on_card, on_cpu = (execute(strategy, device=device)["training_metrics"] for device in ("cuda", "cpu"))
    np.testing.assert_allclose(on_card["train_loss"], on_cpu["train_loss"], rtol=1e-3)


def test_a_cancel_ends_it_within_a_batch_and_gives_its_memory_back():
    token, asked_at = ThreadCancellationToken(), []

    def cancel(epoch, total_epochs, metrics):
        if epoch == 2 and not asked_at:
            asked_at.append(time.perf_counter())
            token.cancel()

    before = torch.cuda.memory_allocated()
    with pytest.raises(CancellationError):
        execute(small_strategy(epochs=1000), token=token, on_epoch=cancel)
    assert torch.cuda.memory_allocated() == before


def test_a_batch_that_does_not_fit_is_refused_with_the_largest_size_that_does():
    config = config_of(batch_size=32_768, epochs=1)
    network = build_network(MLP(type="mlp", architecture={"hidden_layers": (4096,)}), 5, 3)
    random = np.random.default_rng(0)
    X, y = random.random((40_000, 5), dtype=np.float32), random.integers(0, 3, 40_000)
    trainer = ModelTrainer(config, device=torch.device("cuda"))
    with room(1.0 * GB), pytest.raises(TrainingError, match=r"A batch of 32768 rows does not fit") as caught:
        trainer.train(X, y, X[:100], y[:100], network=network, n_outputs=3)
    n_fitting = int(str(caught.value).split("; ")[1].split()[0])
    assert 1024 <= n_fitting < 32_768
    fitting = ModelTrainer(config.model_copy(update={"batch_size": n_fitting}), device=torch.device("cuda"))
    with room(1.0 * GB):
        assert fitting.train(X, y, X[:100], y[:100], network=network, n_outputs=3).epochs_completed == 1


def test_a_network_that_does_not_fit_is_said_in_words():
    strategy = load_strategy(document(epochs=1), {"model.architecture.hidden_layers": [2048] * 10})
    with room(0.1 * GB), pytest.raises(TrainingError, match=r"memory of cuda\S* is full while training") as caught:
        execute(strategy)
    assert "smaller" in str(caught.value.suggestion)
