"""A hand-over made again, over the model store as a plain object and a spool in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ray.exceptions as ray_errors

from actors.model_storage import ModelStorageActor
from actors.transfer_task import Transfer
from ktrdr.errors import CancellationError, UnknownArtifact
from ktrdr.operations import KeptArtifact
from ktrdr.storage import ModelArtifact, ModelStorage, pack
from tests.fakes.artifacts import trained_artifact
from tests.fakes.handles import Handle, get_now
from tests.fakes.results import a_result
from tests.fakes.spools import node_spool, spooled


class Operations:
    def __init__(self, *, grants: bool = True) -> None:
        self.grants, self.n_asked = grants, 0

    def begin_commit(self, operation_id: str, attempt: int) -> bool:
        self.n_asked += 1
        return self.grants


class Scene:
    """A trained model in the spool, and a store that has none yet."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.operations = folder, Operations()
        self.storage = ModelStorageActor(
            ModelStorage(folder / "models"), Handle(self.operations), folder / "checkpoints", get=get_now
        )
        self.spool = node_spool(folder)
        self.artifact = self.keep(finished())

    def keep(self, trained: ModelArtifact) -> KeptArtifact:
        packed = pack(trained)
        self.spool.keep(packed.blob, packed.sha256)
        assert self.spool.kept is not None
        return self.spool.kept

    def transfer(self, get: Any = get_now) -> Transfer:
        operations, storage = Handle(self.operations), Handle(self.storage)
        spool = node_spool(self.folder)
        return Transfer(("train-1", 1), operations, storage, spool, get, lambda blob: blob, lambda _: None)

    @property
    def models(self) -> list[str]:
        return [model["model_id"] for model in self.storage.list_models()]


def finished(seed: int = 0) -> ModelArtifact:
    """Return a model with the whole result of its training."""
    whole = a_result().model_dump(mode="json")
    metadata = whole.pop("metadata")
    for name in ("success", "model_id", "model_path", "feature_names"):
        del whole[name]
    return trained_artifact(seed, metrics=whole, metadata=metadata)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_what_is_kept_is_stored_and_let_go_of_and_its_result_returned(scene: Scene, tmp_path: Path) -> None:
    result = scene.transfer().made(scene.artifact)
    assert scene.models == [result["model_id"]]
    assert spooled(tmp_path) == []


def test_one_that_is_stored_already_is_completed_also_where_nothing_is_kept_any_more(
    scene: Scene, tmp_path: Path
) -> None:
    first = scene.transfer().made(scene.artifact)
    n_asked = scene.operations.n_asked
    assert scene.transfer().made(scene.artifact) == first
    assert (scene.operations.n_asked, len(scene.models)) == (n_asked + 1, 1)
    scene.keep(finished())
    scene.transfer().made(scene.artifact)
    assert spooled(tmp_path) == []


def test_one_that_is_stored_and_was_cancelled_meanwhile_stays_so(scene: Scene) -> None:
    scene.transfer().made(scene.artifact)
    scene.operations.grants = False
    with pytest.raises(CancellationError):
        scene.transfer().made(scene.artifact)


def test_the_model_of_an_earlier_training_of_the_operation_is_not_taken_for_this_one(scene: Scene) -> None:
    first = scene.transfer().made(scene.artifact)
    second = scene.transfer().made(scene.keep(finished(seed=1)))
    assert second["model_id"] != first["model_id"]
    assert len(scene.models) == 2


def test_an_answer_that_is_lost_after_the_commit_leaves_what_is_kept(scene: Scene, tmp_path: Path) -> None:
    n_answers = 0

    def get(answer: Any) -> Any:
        nonlocal n_answers
        n_answers += 1
        if n_answers == 3:  # not stored before, saved, and then
            raise ray_errors.ActorUnavailableError("model_storage restarts", None)
        return get_now(answer)

    with pytest.raises(ray_errors.ActorUnavailableError):
        scene.transfer(get).made(scene.artifact)
    assert (len(scene.models), len(spooled(tmp_path))) == (1, 1)


def test_one_that_is_to_stop_hands_nothing_over_and_keeps_it(scene: Scene, tmp_path: Path) -> None:
    def check() -> None:
        raise CancellationError("The service was stopped")

    operations, storage = Handle(scene.operations), Handle(scene.storage)
    stopping = Transfer(("train-1", 1), operations, storage, scene.spool, get_now, check=check)
    with pytest.raises(CancellationError, match="The service was stopped"):
        stopping.made(scene.artifact)
    assert (scene.models, len(spooled(tmp_path))) == ([], 1)


def test_what_is_neither_kept_nor_stored_is_unknown(scene: Scene) -> None:
    scene.spool.forget()
    with pytest.raises(UnknownArtifact):
        scene.transfer().made(scene.artifact)
