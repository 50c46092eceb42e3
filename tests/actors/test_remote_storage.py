"""The saver of a training task, over the model store as a plain object and a spool in a folder."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import ray.exceptions as ray_errors

from actors.model_storage import ModelStorageActor
from actors.remote_storage import RemoteModelSaver
from ktrdr.errors import CancellationError, ResultTransferError, StoreUnavailable
from ktrdr.operations import KeptArtifact
from ktrdr.storage import ModelStorage, pack
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import FailingFiles
from tests.fakes.handles import Handle, get_now
from tests.fakes.spools import NODE, node_spool, spooled


class Operations:
    """Grants a commit or does not; sees what lies in the spool when it is asked."""

    def __init__(self, folder: Path, *, grants: bool = True) -> None:
        self._folder, self._grants = folder, grants
        self.seen: list[list[Path]] = []

    def begin_commit(self, operation_id: str, attempt: int) -> bool:
        self.seen.append(spooled(self._folder))
        return self._grants


class Away:
    """The road to a store that never answers."""

    def __init__(self) -> None:
        self.n_tries = 0

    def __call__(self, answer: object) -> object:
        self.n_tries += 1
        raise ray_errors.ActorDiedError


def storage_in(folder: Path, operations: Operations | None = None) -> ModelStorageActor:
    handle = Handle(operations or Operations(folder))
    return ModelStorageActor(ModelStorage(folder / "models"), handle, folder / "checkpoints", get=get_now)


def saver(folder: Path, storage: ModelStorageActor, get=get_now, **spool) -> RemoteModelSaver:
    of_node = node_spool(folder, **spool)
    return RemoteModelSaver(
        Handle(storage), "train-1", 1, of_node, get=get, put=lambda blob: blob, sleep=lambda _: None
    )


def test_a_model_is_kept_and_told_of_before_it_is_handed_over_and_let_go_of_once_it_is_stored(tmp_path: Path) -> None:
    operations, told = Operations(tmp_path), []
    saver(tmp_path, storage_in(tmp_path, operations), tell=told.append).save_model(trained_artifact())
    packed = pack(trained_artifact())
    [[path]] = operations.seen
    assert told == [
        KeptArtifact(node="node-1", address="127.0.0.1", path=str(path), sha256=packed.sha256, size=packed.packed_size)
    ]
    assert spooled(tmp_path) == []


def test_a_store_that_never_takes_it_leaves_it_on_the_node_and_says_where_and_what_to_do(tmp_path: Path) -> None:
    away = Away()
    with pytest.raises(ResultTransferError) as failed:
        saver(tmp_path, storage_in(tmp_path), get=away).save_model(trained_artifact())
    assert away.n_tries == 4
    [path] = spooled(tmp_path)
    assert path.read_bytes() == bytes(pack(trained_artifact()).blob)
    assert f"kept on node {NODE.node_id} at {NODE.address} as {path}" in str(failed.value)
    assert "`ktrdr operations retry-transfer train-1`" in str(failed.value.suggestion)
    assert failed.value.artifact is not None and failed.value.artifact["path"] == str(path)


@pytest.mark.parametrize("n_full", [1, 3, 4])
def test_an_object_store_without_room_is_a_try_that_failed(tmp_path: Path, n_full: int) -> None:
    n_puts = 0

    def put(blob: object) -> object:
        nonlocal n_puts
        n_puts += 1
        if n_puts <= n_full:
            raise ray_errors.ObjectStoreFullError("it has no room for 4096 bytes")
        return blob

    storage = storage_in(tmp_path)
    lost = [ray_errors.ActorUnavailableError("model_storage restarts", None)]

    def get(answer: object) -> object:
        if lost:
            raise lost.pop()
        return get_now(answer)

    full = RemoteModelSaver(Handle(storage), "train-1", 1, node_spool(tmp_path), get, put, lambda _: None)
    if n_full == 4:
        with pytest.raises(ResultTransferError, match="no room for 4096 bytes") as failed:
            full.save_model(trained_artifact())
        assert failed.value.artifact is not None
        return
    if n_full == 3:
        lost.clear()
    full.save_model(trained_artifact())
    assert (n_puts, len(storage.list_models())) == (n_full + 1, 1)  # a try that fails after it was put puts nothing


def test_a_defect_of_the_store_is_named_without_its_trace(tmp_path: Path) -> None:
    def get(_: object) -> object:
        raise ray_errors.RayTaskError("save", "Traceback (most recent call last): ...", ZeroDivisionError("of it"))

    with pytest.raises(
        ResultTransferError, match=r"could not be stored: ZeroDivisionError: of it\. It is kept"
    ) as failed:
        saver(tmp_path, storage_in(tmp_path), get=get).save_model(trained_artifact())
    assert "Traceback" not in str(failed.value)


def test_what_was_kept_is_handed_over_again_as_the_same_version_with_the_same_result(tmp_path: Path) -> None:
    with pytest.raises(ResultTransferError) as failed:
        saver(tmp_path, storage_in(tmp_path), get=Away()).save_model(trained_artifact())
    kept = KeptArtifact.model_validate(failed.value.artifact)
    storage, again = storage_in(tmp_path), node_spool(tmp_path)
    hand_over = RemoteModelSaver(Handle(storage), "train-1", 1, again, get=get_now, put=lambda blob: blob).hand_over
    packed = again.take(kept)
    first, second = hand_over(packed, kept.sha256), hand_over(packed, kept.sha256)
    assert first == second
    assert [model["model_id"] for model in storage.list_models()] == [first.model_id]
    assert len(spooled(tmp_path)) == 1  # whoever hands over what was kept has no result yet


def test_a_spool_without_room_costs_a_warning_and_not_the_hand_over(tmp_path: Path) -> None:
    full = FailingFiles(1, 99, errno.ENOSPC)
    version = saver(tmp_path, storage_in(tmp_path), files=full).save_model(trained_artifact())
    assert version.version == 1


def test_where_neither_takes_it_both_reasons_are_said(tmp_path: Path) -> None:
    full = FailingFiles(1, 99, errno.ENOSPC)
    with pytest.raises(ResultTransferError) as failed:
        saver(tmp_path, storage_in(tmp_path), get=Away(), files=full).save_model(trained_artifact())
    assert "could not be kept on its node either" in str(failed.value)
    assert "bytes are needed" in str(failed.value)
    assert failed.value.artifact is None
    assert "retry-transfer" not in str(failed.value.suggestion)


def test_a_spool_that_has_room_again_after_the_last_try_keeps_it(tmp_path: Path) -> None:
    once_full = FailingFiles(1, 1, errno.ENOSPC)
    with pytest.raises(ResultTransferError) as failed:
        saver(tmp_path, storage_in(tmp_path), get=Away(), files=once_full).save_model(trained_artifact())
    assert failed.value.artifact is not None
    assert len(spooled(tmp_path)) == 1


def test_a_cancel_before_the_commit_leaves_no_model_and_what_was_kept(tmp_path: Path) -> None:
    storage = storage_in(tmp_path, Operations(tmp_path, grants=False))
    with pytest.raises(CancellationError):
        saver(tmp_path, storage).save_model(trained_artifact())
    assert storage.list_models() == []
    assert len(spooled(tmp_path)) == 1


def test_one_that_is_to_stop_while_it_is_packed_is_kept_and_not_handed_over(tmp_path: Path) -> None:
    def check() -> None:
        raise CancellationError("The service was stopped")

    storage = storage_in(tmp_path)
    stopping = RemoteModelSaver(Handle(storage), "train-1", 1, node_spool(tmp_path), get_now, check=check)
    with pytest.raises(CancellationError, match="The service was stopped"):
        stopping.save_model(trained_artifact())
    assert (storage.list_models(), len(spooled(tmp_path))) == ([], 1)


def test_an_operations_store_that_cannot_hear_of_it_costs_nothing(tmp_path: Path) -> None:
    def tell(_: KeptArtifact) -> None:
        raise StoreUnavailable("operations.db", "its disk is full")

    with pytest.raises(ResultTransferError) as failed:
        saver(tmp_path, storage_in(tmp_path), get=Away(), tell=tell).save_model(trained_artifact())
    assert failed.value.artifact is not None
