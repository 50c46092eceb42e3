"""What the store answers when a commit depends on it: damage is one thing, a disk that cannot be read now another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.storage import ModelStorage, ModelVersion
from tests.fakes.artifacts import FEATURES, trained_artifact
from tests.fakes.results import a_result

FILES = ["metadata.json", "metrics.json", "model.pt"]
SHA256, TRAINING_SHA256 = "ab" * 32, "cd" * 32
METADATA = {**a_result().metadata.model_dump(mode="json"), "training_sha256": TRAINING_SHA256}
RESULT = a_result(feature_names=list(FEATURES), metadata=METADATA)


def saved(store: ModelStorage, operation_id: str = "train-1") -> ModelVersion:
    metrics = RESULT.model_dump(mode="json", exclude={"metadata", "success", "model_id", "model_path"})
    artifact = trained_artifact(metrics=metrics, metadata=METADATA)
    return store.save_model(artifact, operation_id=operation_id, artifact_sha256=SHA256)


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Let every attempt to open a file fail for a while; not because it is not there."""
    aside = path.with_name("aside")
    path.rename(aside)
    path.symlink_to(path.name)  # a link to itself
    yield
    path.unlink()
    aside.rename(path)


def test_the_result_of_a_training_is_told_from_its_model(store: ModelStorage) -> None:
    saved(store)
    saved(store, "train-2")
    assert store.result_of("train-1") == RESULT.saved_as("trend/SP500_1d_v1", "models/trend/SP500_1d_v1")
    assert store.result_of("train-3") is None


@pytest.mark.parametrize("file", FILES)
def test_what_cannot_be_read_just_now_does_not_say_that_nothing_was_committed(
    store: ModelStorage, root: Path, file: str
) -> None:
    version = saved(store)
    folder = root / "trend" / version.name
    with unreadable(folder / file):
        for ask in (lambda: store.result_of("train-1"), lambda: saved(store)):
            with pytest.raises(StorageError, match=file) as refused:
                ask()
            assert not isinstance(refused.value, DamagedModel)
        assert store.identical("trend", ["SP500"], "1d", TRAINING_SHA256) is None
    assert saved(store) == version
    assert len(store.list_models()) == 1
    assert store.identical("trend", ["SP500"], "1d", TRAINING_SHA256) is not None


@pytest.mark.parametrize("file", FILES)
def test_a_version_that_is_damaged_is_not_what_was_handed_over_and_a_second_one_is_saved(
    store: ModelStorage, root: Path, file: str
) -> None:
    version = saved(store)
    (root / "trend" / version.name / file).write_bytes(b"{")
    assert saved(store).version == 2
    assert saved(store).version == 2
    result = store.result_of("train-1")
    assert result is not None
    assert result.model_id == "trend/SP500_1d_v2"
