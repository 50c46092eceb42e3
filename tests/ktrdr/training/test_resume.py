"""A whole training, cut and gone on with: the artifact is that of an uninterrupted one, byte for byte."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from ktrdr.async_infrastructure import ThreadCancellationToken
from ktrdr.errors import CancellationError, OtherCheckpoint, StorageError
from ktrdr.storage import FileCheckpointStore
from ktrdr.strategy import load_strategy
from ktrdr.training import CheckpointPolicy, TrainingExecutor
from tests.fakes.checkpoints import CutAt, FullDisk, MemoryCheckpoints, PowerCut
from tests.fakes.files import QuickFiles
from tests.ktrdr.training.strategies import bundled_data, document

ROOT = Path(__file__).parents[3]
RECURRENT = {"sequence_length": 4, "hidden_size": 6, "num_layers": 2, "dropout": 0.3}
STRATEGIES = {
    "mlp": {"model.architecture.dropout": 0.3, "training.lr_scheduler": {"type": "reduce_on_plateau", "patience": 1}},
    "lstm": {"model": {"type": "lstm", "architecture": RECURRENT}, "training.optimizer": "rmsprop"},
    "weights": {"training.sample_weights": "uniqueness", "training.class_weights": "balanced"},
    "regression": {
        "decisions": {"output_format": "regression", "cost_model": {"round_trip_cost": 0.002}},
        "training.labels": {"source": "forward_return", "horizon": 5},
        "model": {"type": "gru", "architecture": RECURRENT},
        "training.early_stopping": {"patience": 2, "min_delta": 0.0},
    },
}


class Keeping:
    """Keeps artifacts, or refuses so many before."""

    def __init__(self, n_refused=0):
        self.artifacts, self._n_refused = [], n_refused

    def save_model(self, artifact):
        self._n_refused -= 1
        if self._n_refused >= 0:
            raise StorageError("Not now.")
        self.artifacts.append(artifact)
        return type("Version", (), {"model_id": "kept", "path": "models/kept"})


def strategy_of(kind="mlp", **training):
    keys = document(epochs=5, **training)
    keys["training_data"]["date_range"] = {"start": "2008-01-01", "end": "2009-12-31"}
    return load_strategy(keys, STRATEGIES[kind])


def execute(strategy, store=None, *, storage=None, token=None, on_epoch=None, every=1, **kwargs):
    executor = TrainingExecutor(
        strategy,
        data=bundled_data(),
        model_storage=storage,
        progress_callback=on_epoch,
        cancellation_token=token,
        checkpoints=store,
        device="cpu",
        checkpoint_policy=CheckpointPolicy(every_epochs=every),
    )
    return executor.execute(None, None, None, None, **kwargs)


def cancelled_after(epoch, strategy, store, **kwargs):
    """Train up to the end of an epoch, and a cancel."""
    token = ThreadCancellationToken()

    def cancel(number, total_epochs, metrics):
        if number == epoch and metrics["progress_type"] == "epoch":
            token.cancel()

    with pytest.raises(CancellationError):
        execute(strategy, store, token=token, on_epoch=cancel, **kwargs)


def settled(result):
    """All that a result says, but when and how long."""
    metadata = {k: v for k, v in result["metadata"].items() if k not in ("started_at", "ended_at", "duration_s")}
    history = {k: v for k, v in result["training_metrics"].items() if k != "training_time_s"}
    return {**result, "metadata": metadata, "training_metrics": history}


@pytest.mark.parametrize("kind", STRATEGIES)
def test_a_resumed_training_hands_over_the_artifact_of_an_uninterrupted_one(kind, tmp_path):
    strategy, storage, folder = strategy_of(kind), Keeping(), tmp_path / "run"
    whole = execute(strategy, storage=storage)
    # every attempt has a store of its own, as if each were another process
    cancelled_after(1, strategy, FileCheckpointStore(folder))
    cancelled_after(3, strategy, FileCheckpointStore(folder, QuickFiles()))
    assert len(list(folder.iterdir())) == 2
    resumed = execute(strategy, FileCheckpointStore(folder), storage=storage)
    first, second = storage.artifacts
    assert second.weights == first.weights
    assert second.features == first.features
    assert settled(resumed) == settled(whole)
    assert not folder.exists()


def test_the_log_of_step_seven_says_after_which_epoch_it_resumed(caplog):
    strategy, store = strategy_of(), MemoryCheckpoints()
    cancelled_after(2, strategy, store)
    with caplog.at_level(logging.INFO, logger="ktrdr.training"):
        execute(strategy, store)
        execute(strategy, store)
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Step 7: ")]
    assert ["Resumed after epoch 2: " in line for line in lines] == [False, True, False, False]
    assert ", 5 epochs, best was " in lines[1]


def test_a_model_that_could_not_be_saved_is_not_trained_again():
    strategy, store, storage, calls = strategy_of(), MemoryCheckpoints(), Keeping(n_refused=1), []
    with pytest.raises(StorageError, match="Not now"):
        execute(strategy, store, storage=storage)
    assert store.states
    execute(strategy, store, storage=storage, on_epoch=lambda *call: calls.append(call))
    execute(strategy, storage=storage)
    assert calls == []
    assert storage.artifacts[0].weights == storage.artifacts[1].weights
    assert store.states == []


def test_a_broken_off_training_goes_on_as_well():
    strategy, store, storage = strategy_of(), MemoryCheckpoints(), Keeping()
    with pytest.raises(PowerCut):
        execute(strategy, store, token=CutAt(60, cancels=False))
    assert store.states
    execute(strategy, store, storage=storage)
    execute(strategy, storage=storage)
    assert storage.artifacts[0].weights == storage.artifacts[1].weights


@pytest.mark.parametrize(
    ("changes", "differing"),
    [
        ({"overrides": {"training.learning_rate": 0.002}}, ("strategy",)),
        ({"seed": 8}, ("seed",)),
        ({"validation_split": 0.25}, ("rows",)),
        ({"end_date": "2009-12-30"}, ("bars",)),
    ],
    ids="-".join,
)
def test_another_training_is_refused_and_the_checkpoint_left(changes, differing):
    strategy, store = strategy_of(), MemoryCheckpoints()
    cancelled_after(2, strategy, store)
    kept = list(store.states)
    executor = TrainingExecutor(strategy, data=bundled_data(), checkpoints=store, device="cpu")
    with pytest.raises(OtherCheckpoint) as refusal:
        executor.execute(None, None, None, **{"end_date": None, **changes})
    assert set(differing) <= set(refusal.value.differing)
    assert store.states == kept


def test_a_store_that_fails_costs_warnings_and_not_the_model(caplog):
    storage = Keeping()
    execute(strategy_of(), FullDisk(), storage=storage)
    execute(strategy_of(), storage=storage)
    assert storage.artifacts[0].weights == storage.artifacts[1].weights
    assert "The training is done, but its checkpoints are left: The disk is full." in caplog.messages


KILLED = """
import os, sys
from pathlib import Path
from ktrdr.storage import FileCheckpointStore
from tests.ktrdr.training.test_resume import execute, strategy_of

def die(epoch, total_epochs, metrics):
    if epoch == 4:
        os.kill(os.getpid(), 9)

execute(strategy_of("lstm"), FileCheckpointStore(Path(sys.argv[1])), on_epoch=die)
"""


def test_what_a_killed_process_kept_another_process_goes_on_from(tmp_path):
    folder, storage = tmp_path / "run", Keeping()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, check=False, timeout=120)
    assert killed.returncode == -9
    epochs = []
    execute(
        strategy_of("lstm"),
        FileCheckpointStore(folder),
        storage=storage,
        on_epoch=lambda epoch, *rest: epochs.append(epoch),
    )
    assert epochs[0] == 4
    execute(strategy_of("lstm"), storage=storage)
    assert storage.artifacts[0].weights == storage.artifacts[1].weights
