"""Trainings on a CUDA device: what it makes is whole, repeatable, resumable, and of use where there is none."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from ktrdr.async_infrastructure import ThreadCancellationToken
from ktrdr.errors import CancellationError, TrainingError
from ktrdr.storage import ModelStorage
from ktrdr.strategy import load_strategy
from ktrdr.training import CheckpointPolicy, TrainingExecutor, detect_device
from tests.fakes.checkpoints import CutAt, MemoryCheckpoints, PowerCut
from tests.ktrdr.training.strategies import bundled_data, document, small_strategy
from tests.ktrdr.training.test_resume import STRATEGIES, Keeping, settled, strategy_of

WIDE = {"model.architecture.hidden_layers": [2048] * 10}

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")


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


def peak_of(strategy):
    """Return the bytes that a training takes at most."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    execute(strategy)
    return torch.cuda.max_memory_reserved()


def test_a_batch_that_does_not_fit_is_refused_with_the_largest_size_that_does():
    sizes = {n_rows: load_strategy(document(epochs=1), WIDE | {"training.batch_size": n_rows}) for n_rows in (16, 512)}
    small, large = (peak_of(strategy) for strategy in sizes.values())
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((small + (large - small) / 2) / total)
    try:
        with pytest.raises(TrainingError, match=r"A batch of 512 rows does not fit .*; \d+ rows do") as caught:
            execute(sizes[512])
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    n_fitting = int(str(caught.value).split("; ")[1].split()[0])
    assert 16 <= n_fitting < 512
