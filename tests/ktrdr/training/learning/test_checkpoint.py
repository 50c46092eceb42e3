"""A state as bytes: whole or not at all, and never executed."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import BadCheckpoint
from ktrdr.training.learning.checkpoint import Checkpoint, LearnerState, read_checkpoint, rows_sha256, write_checkpoint
from tests.fakes.checkpoints import MemoryCheckpoints
from tests.ktrdr.training.learning.resuming import attempt
from tests.ktrdr.training.small_training import KINDS, config_of


def _content(kind="mlp", **keys):
    store = MemoryCheckpoints()
    attempt(config_of(epochs=2, early_stopping={"patience": 2}, **keys), store, kind=kind)
    return store.latest()


CONTENT = _content()
PLAIN = torch.load(io.BytesIO(CONTENT), weights_only=True)


def _written(value):
    torch.save(value, buffer := io.BytesIO())
    return buffer.getvalue()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read_and_written_again(kind, optimizer):
    content = _content(kind, optimizer=optimizer, lr_scheduler={"type": "reduce_on_plateau"})
    first, again = (
        _leaves(torch.load(io.BytesIO(written), weights_only=True))
        for written in (content, write_checkpoint(read_checkpoint(content)))
    )
    assert len(first) > 40
    for value, other in zip(first, again, strict=True):
        assert type(value) is type(other)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other


def _leaves(value):
    if isinstance(value, dict):
        return [leaf for key in value for leaf in (key, *_leaves(value[key]))]
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


def test_it_holds_plain_values_and_tensors_on_the_cpu_with_nothing_behind_them():
    found = _leaves(PLAIN)
    assert {type(leaf) for leaf in found} <= {torch.Tensor, int, float, str, bool, type(None)}
    for tensor in (leaf for leaf in found if isinstance(leaf, torch.Tensor)):
        assert tensor.device.type == "cpu"
        assert not tensor.requires_grad
        assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


class Malicious:
    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return open, (str(self._path), "w")


@pytest.mark.parametrize("place", ["alone", "origin", "network", "schedule"])
@pytest.mark.parametrize("write", [_written, pickle.dumps], ids=["torch", "pickle"])
def test_a_pickle_in_it_is_not_executed(tmp_path, place, write):
    evil, plain = Malicious(tmp_path / "executed"), pickle.loads(pickle.dumps(PLAIN))
    if place == "network":
        plain["learner"]["network"]["output.bias"] = evil
    elif place == "schedule":
        plain["learner"]["schedule"]["x"] = evil
    elif place == "origin":
        plain["origin"] = evil
    content = write(evil if place == "alone" else plain)
    with pytest.raises(BadCheckpoint):
        read_checkpoint(content)
    assert not (tmp_path / "executed").exists()


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(content):
    with pytest.raises(BadCheckpoint):
        read_checkpoint(content)


@pytest.mark.parametrize("value", [[], 3, "x", {}, {"format_version": 1}, torch.zeros(2), {1: 2}])
def test_so_are_other_values(value):
    with pytest.raises(BadCheckpoint):
        read_checkpoint(_written(value))


PATHS = [(name,) for name in Checkpoint.model_fields if name != "format_version"]
PATHS += [("learner", name) for name in LearnerState.model_fields]
PATHS += [(part, name) for part in ("origin", "circumstances") for name in PLAIN[part]]


SINCE = [("is_mixed",), ("circumstances", "code")]
"""What states of earlier versions do not have."""


@pytest.mark.parametrize(
    ("change", "path"),
    [("missing", path) for path in PATHS if path not in SINCE] + [("another kind", path) for path in PATHS],
)
def test_every_field_must_be_there_and_of_its_kind(change, path):
    plain = pickle.loads(pickle.dumps(PLAIN))
    part = plain[path[0]] if len(path) == 2 else plain
    if change == "missing":
        del part[path[-1]]
    else:
        part[path[-1]] = b"something else"
    with pytest.raises(BadCheckpoint, match=path[-1]):
        read_checkpoint(_written(plain))


@pytest.mark.parametrize("path", SINCE, ids=".".join)
def test_a_state_of_an_earlier_version_is_read(path):
    plain = pickle.loads(pickle.dumps(PLAIN))
    del (plain[path[0]] if len(path) == 2 else plain)[path[-1]]
    state = read_checkpoint(_written(plain))
    assert state.is_mixed is False
    assert path == ("is_mixed",) or state.circumstances.code == "unknown"


def test_nothing_else_may_be_there_and_no_other_format():
    for changed in ({**PLAIN, "more": 1}, {**PLAIN, "format_version": 2}):
        with pytest.raises(BadCheckpoint, match="format 1"):
            read_checkpoint(_written(changed))


def test_the_hash_of_rows_tells_values_order_kind_shape_and_place_apart():
    X = np.arange(6, dtype=np.float32).reshape(2, 3)
    others = [(X[::-1],), (X.astype(np.float64),), (X.reshape(3, 2),), (X, None), (None, X), (X, X), (X + 1,)]
    hashes = {rows_sha256(*arrays) for arrays in [(X,), *others]}
    assert len(hashes) == len(others) + 1
    assert rows_sha256(np.asfortranarray(X)) == rows_sha256(X)
