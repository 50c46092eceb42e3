"""A small training in attempts: each but the last is cut, and the next goes on from what was kept."""

from __future__ import annotations

import pytest

from ktrdr.errors import CancellationError
from ktrdr.training import CheckpointPolicy, ModelTrainer
from ktrdr.training.checkpoints import Checkpointing
from tests.fakes.checkpoints import CutAt, MemoryCheckpoints, PowerCut
from tests.ktrdr.training.small_training import n_outputs_of, network_of, rows_for

N_ROWS = 90
LOOKS_AN_EPOCH = 4
"""Before and after the epoch, and before each of its two batches."""
EVERY_EPOCH = CheckpointPolicy(every_epochs=1)


def look_in(epoch, look=3):
    """Return the number of a look in an epoch: by default the one before its second batch."""
    return (epoch - 1) * LOOKS_AN_EPOCH + look


def attempt(config, store=None, token=None, *, kind="mlp", policy=EVERY_EPOCH, hashes=("s", "d", "c"), **keys):
    """Train until the end or the cut; return the network, the history and the trainer."""
    rows, weights = keys.pop("rows", None) or rows_for(kind, config, N_ROWS), keys.pop("weights", None)
    network = keys.pop("network", None) or network_of(config.seed, 0.3, kind, n_outputs_of(config))
    checkpoints = None if store is None else Checkpointing(store, policy, *hashes)
    trainer = ModelTrainer(config, cancellation_token=token, checkpoints=checkpoints, **keys)
    history = trainer.train(*rows, network=network, n_outputs=n_outputs_of(config), weights_train=weights)
    return network, history, trainer


def cut(config, store, look, *, cancels=True, **keys):
    """Train up to the cut."""
    with pytest.raises(CancellationError if cancels else PowerCut):
        attempt(config, store, CutAt(look, cancels=cancels), **keys)


def in_attempts(config, *looks, cancels=True, **keys):
    """Train in one attempt more than there are cuts, each at so many looks into its attempt."""
    store = MemoryCheckpoints()
    for look in looks:
        cut(config, store, look, cancels=cancels, **keys)
    return attempt(config, store, **keys)
