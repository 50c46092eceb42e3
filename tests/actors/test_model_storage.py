"""ModelStorageActor and the saver that hands over to it, as plain objects."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray.exceptions as ray_errors

from actors.meters import STORAGE_METRICS
from actors.model_storage import ModelStorageActor
from actors.remote_storage import RemoteModelSaver
from ktrdr.errors import CancellationError, ResultTransferError, StorageError
from ktrdr.storage import Encoding, ModelStorage, pack
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import FailingFiles
from tests.fakes.handles import Handle, get_now
from tests.fakes.scrape import families, value
from tests.fakes.spools import node_spool


class Operations:
    """Grants every commit, unless told not to."""

    def __init__(self) -> None:
        self.grants = True

    def begin_commit(self, operation_id: str, attempt: int) -> bool:
        return self.grants


class Road:
    """Between the node and the head: loses or spoils the first of what it carries, by `faults`."""

    def __init__(self, *faults: str) -> None:
        self._faults = list(faults)
        self.pauses: list[float] = []

    def get(self, answer: Any) -> Any:
        fault = self._faults.pop(0) if self._faults else None
        if fault == "away":
            raise ray_errors.ActorUnavailableError("model_storage restarts", None)
        return answer()


class Spoiling:
    """Gives the first `n` blobs with one byte changed."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self, answer: Any) -> Any:
        if isinstance(answer, np.ndarray) and self._left:
            self._left -= 1
            return np.append(answer[:-1], answer[-1] ^ 1)
        return get_now(answer)


def actor_in(folder: Path, get: Any = get_now, operations: Operations | None = None) -> ModelStorageActor:
    handle = Handle(operations or Operations())
    return ModelStorageActor(ModelStorage(folder / "models"), handle, folder / "checkpoints", get=get)


def saver_of(
    actor: ModelStorageActor, road: Road, folder: Path, encoding: Encoding = Encoding.GZIP
) -> RemoteModelSaver:
    return RemoteModelSaver(
        Handle(actor),
        "train-1",
        1,
        node_spool(folder),
        get=road.get,
        put=lambda blob: blob,
        sleep=road.pauses.append,
        encoding=encoding,
    )


def test_every_metric_is_there_before_anything_is_saved(tmp_path: Path) -> None:
    assert families(actor_in(tmp_path).exposition()) == sorted(metric.name for metric in STORAGE_METRICS)


@pytest.mark.parametrize("encoding", list(Encoding))
def test_an_artifact_that_is_saved_is_measured_before_and_after_compression(tmp_path: Path, encoding: Encoding) -> None:
    actor, artifact = actor_in(tmp_path), trained_artifact()
    version = saver_of(actor, Road(), tmp_path, encoding).save_model(artifact)
    packed = pack(artifact, encoding)
    text = actor.exposition()
    assert version.model_id == "trend/SP500_1d_v1"
    assert value(text, "ktrdr_artifact_raw_bytes_sum") == packed.raw_size
    assert value(text, "ktrdr_artifact_compressed_bytes_sum") == packed.packed_size
    assert value(text, "ktrdr_artifact_raw_bytes_count") == 1
    assert value(text, "ktrdr_transfer_retries_total") == 0
    assert value(text, "ktrdr_damaged_artifacts_total") == 0


@pytest.mark.parametrize("encoding", list(Encoding))
def test_an_artifact_is_a_view_into_the_object_store_that_nobody_may_change(tmp_path: Path, encoding: Encoding) -> None:
    packed = pack(trained_artifact(), encoding)
    loaded = pickle.loads(pickle.dumps(packed.blob, 5, buffer_callback=(sent := []).append), buffers=[sent[0].raw()])
    assert not loaded.flags.owndata
    assert not loaded.flags.writeable
    assert actor_in(tmp_path).save("train-1", 1, packed.sha256, [loaded]).version == 1


def test_a_disk_without_room_is_no_damage(tmp_path: Path) -> None:
    files = FailingFiles(4, 4, errno.ENOSPC)
    actor = ModelStorageActor(ModelStorage(tmp_path, files), Handle(Operations()), tmp_path / "states", get=get_now)
    packed = pack(trained_artifact())
    with pytest.raises(StorageError, match=r"is full; [0-9,]+ bytes are needed"):
        actor.save("train-1", 1, packed.sha256, [packed.blob])
    assert value(actor.exposition(), "ktrdr_damaged_artifacts_total") == 0
    assert actor.save("train-1", 1, packed.sha256, [packed.blob]).version == 1


def test_a_second_try_is_counted_as_one_retry(tmp_path: Path) -> None:
    actor, road = actor_in(tmp_path), Road("away")
    saver_of(actor, road, tmp_path).save_model(trained_artifact())
    assert value(actor.exposition(), "ktrdr_transfer_retries_total") == 1
    assert road.pauses == [1.0]


def test_an_artifact_that_came_damaged_is_counted_and_handed_over_again(tmp_path: Path) -> None:
    actor, road = actor_in(tmp_path, get=Spoiling(2)), Road()
    version = saver_of(actor, road, tmp_path).save_model(trained_artifact())
    text = actor.exposition()
    assert version.version == 1
    assert value(text, "ktrdr_damaged_artifacts_total") == 2
    assert value(text, "ktrdr_transfer_retries_total") == 2
    assert value(text, "ktrdr_artifact_raw_bytes_count") == 1
    assert road.pauses == [1.0, 2.0]


def test_after_four_tries_the_transfer_has_failed(tmp_path: Path) -> None:
    actor, road = actor_in(tmp_path, get=Spoiling(9)), Road()
    with pytest.raises(ResultTransferError, match="SHA-256"):
        saver_of(actor, road, tmp_path).save_model(trained_artifact())
    text = actor.exposition()
    assert value(text, "ktrdr_damaged_artifacts_total") == 4
    assert value(text, "ktrdr_transfer_retries_total") == 3
    assert value(text, "ktrdr_artifact_raw_bytes_count") == 0
    assert road.pauses == [1.0, 2.0, 4.0]


def test_one_that_cannot_be_unpacked_is_damaged_whatever_its_checksum(tmp_path: Path) -> None:
    actor = actor_in(tmp_path)
    sha256_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    with pytest.raises(StorageError):
        actor.save("train-1", 1, sha256_of_nothing, [b""])
    assert value(actor.exposition(), "ktrdr_damaged_artifacts_total") == 1


def test_a_model_that_may_not_be_committed_is_neither_damaged_nor_measured(tmp_path: Path) -> None:
    operations = Operations()
    operations.grants = False
    actor = actor_in(tmp_path, operations=operations)
    with pytest.raises(CancellationError):
        saver_of(actor, Road(), tmp_path).save_model(trained_artifact())
    text = actor.exposition()
    assert value(text, "ktrdr_damaged_artifacts_total") == 0
    assert value(text, "ktrdr_artifact_raw_bytes_count") == 0


def test_a_committed_model_that_is_damaged_since_is_none_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    actor = actor_in(tmp_path)
    version = saver_of(actor, Road(), tmp_path).save_model(trained_artifact())
    (tmp_path / "models" / "trend" / version.name / "model.pt").write_bytes(b"")
    with caplog.at_level("WARNING", "ktrdr.model_storage"):
        assert actor.result_of("train-1") is None
    assert "trend/SP500_1d_v1 is damaged: model.pt" in caplog.text
