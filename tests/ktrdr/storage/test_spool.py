from __future__ import annotations

import errno
import hashlib
import os
import stat
import tracemalloc
from pathlib import Path

import pytest

from ktrdr.errors import StorageError, UnknownArtifact
from ktrdr.storage import Spool
from ktrdr.storage.spool import KEPT_S, LEFTOVER_S, N_KEPT
from tests.fakes.files import FailingFiles, QuickFiles

BLOB = b"packed" * 100
SHA256 = hashlib.sha256(BLOB).hexdigest()
OTHER = b"another"
OTHER_SHA256 = hashlib.sha256(OTHER).hexdigest()


def spool_in(folder: Path, now_s: float | None = None) -> Spool:
    if now_s is None:
        return Spool(folder / "spool", QuickFiles())
    return Spool(folder / "spool", QuickFiles(), clock=lambda: now_s)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "spool").iterdir())


def test_what_is_kept_is_read_again_and_seen_by_nobody_else(tmp_path: Path) -> None:
    path = spool_in(tmp_path).keep("train-1", SHA256, BLOB)
    assert bytes(spool_in(tmp_path).read("train-1", SHA256)) == BLOB
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert names(tmp_path) == [f"train-1.{SHA256}.artifact"]


def test_a_disk_that_gives_up_at_any_step_leaves_the_old_artifact_or_the_new(tmp_path: Path) -> None:
    n_steps = 0
    for step in range(1, 50):
        folder = tmp_path / str(step)
        folder.mkdir()
        spool_in(folder).keep("train-1", OTHER_SHA256, OTHER)
        failing = FailingFiles(step, step, errno.ENOSPC)
        spool = Spool(folder / "spool", failing)
        try:
            spool.keep("train-1", SHA256, BLOB)
        except StorageError as error:
            assert f"{len(BLOB):,} bytes are needed" in str(error)
        kept = {path.read_bytes() for path in (folder / "spool").glob("train-1.*.artifact")}
        assert kept & {OTHER, BLOB} and kept <= {OTHER, BLOB}
        if failing.n_steps < step:
            n_steps = step
            break
    assert n_steps > 3
    assert kept == {BLOB}


def test_a_newer_artifact_takes_the_place_of_the_operations_earlier_one_alone(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    spool.keep("train-1", OTHER_SHA256, OTHER)
    spool.keep("train-2", OTHER_SHA256, OTHER)
    spool.keep("train-1", SHA256, BLOB)
    assert names(tmp_path) == sorted([f"train-1.{SHA256}.artifact", f"train-2.{OTHER_SHA256}.artifact"])


def test_a_changed_byte_is_refused_and_named(tmp_path: Path) -> None:
    path = spool_in(tmp_path).keep("train-1", SHA256, BLOB)
    path.write_bytes(BLOB[:-1] + b"?")
    with pytest.raises(StorageError, match="is damaged") as refused:
        spool_in(tmp_path).read("train-1", SHA256)
    assert str(path) in str(refused.value)


def test_what_is_read_is_not_held_in_memory_cannot_be_changed_and_outlives_its_file(tmp_path: Path) -> None:
    large = bytes(20_000_000)
    sha256 = hashlib.sha256(large).hexdigest()
    spool = spool_in(tmp_path)
    spool.keep("train-1", sha256, large)
    tracemalloc.start()
    try:
        blob = spool.read("train-1", sha256)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(ValueError, match="read-only"):
        blob[0] = 1
    spool.forget("train-1")
    assert hashlib.sha256(blob).hexdigest() == sha256


def test_one_that_was_cut_to_nothing_is_damaged(tmp_path: Path) -> None:
    spool_in(tmp_path).keep("train-1", SHA256, BLOB).write_bytes(b"")
    with pytest.raises(StorageError, match="is damaged"):
        spool_in(tmp_path).read("train-1", SHA256)


def test_parts_make_up_the_whole(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    spool.keep("train-1", SHA256, BLOB)
    assert b"".join(spool.part("train-1", SHA256, at, 250) for at in range(0, 750, 250)) == BLOB
    assert spool.part("train-1", SHA256, 600, 250) == b""


@pytest.mark.parametrize("operation_id", ["train-2", "../train-1", "train/1", "a\0b", "", "x" * 10_000])
def test_what_is_not_there_or_no_id_is_unknown(tmp_path: Path, operation_id: str) -> None:
    spool = spool_in(tmp_path)
    spool.keep("train-1", SHA256, BLOB)
    with pytest.raises(UnknownArtifact):
        spool.read(operation_id, SHA256)
    with pytest.raises(UnknownArtifact):
        spool.part(operation_id, SHA256, 0, 10)
    with pytest.raises(UnknownArtifact):
        spool.read("train-1", "../" + SHA256)


def test_what_is_forgotten_is_gone_and_may_be_forgotten_again(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    spool.forget("train-1")
    spool.keep("train-1", SHA256, BLOB)
    spool.keep("train-2", SHA256, BLOB)
    spool.forget("train-1")
    spool.forget("train-1")
    assert names(tmp_path) == [f"train-2.{SHA256}.artifact"]


def test_what_is_old_is_swept_when_another_comes_and_nothing_that_is_not_ours(tmp_path: Path) -> None:
    path = spool_in(tmp_path).keep("train-1", SHA256, BLOB)
    leftover, foreign = path.parent / f".tmp-{'a' * 32}", path.parent / "notes.txt"
    for other in (leftover, foreign):
        other.write_bytes(b"x")
    written_s = path.stat().st_mtime
    spool_in(tmp_path, written_s + LEFTOVER_S - 10).keep("train-2", SHA256, BLOB)
    assert leftover.exists()
    spool_in(tmp_path, written_s + KEPT_S - 10).keep("train-2", SHA256, BLOB)
    assert path.exists() and not leftover.exists()
    spool_in(tmp_path, written_s + KEPT_S + 10).keep("train-3", SHA256, BLOB)
    assert not path.exists() and foreign.exists()


def test_of_too_many_the_oldest_go(tmp_path: Path) -> None:
    spool = spool_in(tmp_path, 1e9 + N_KEPT)
    for number in range(N_KEPT + 2):
        path = spool.keep(f"train-{number}", OTHER_SHA256, OTHER)
        os.utime(path, (1e9 + number, 1e9 + number))
    assert len(names(tmp_path)) == N_KEPT
    gone = {f"train-{number}.{OTHER_SHA256}.artifact" for number in (0, 1)}
    assert not gone & set(names(tmp_path))


def test_of_too_much_the_oldest_go_and_the_newest_stays_however_large(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = Spool(tmp_path / "spool", QuickFiles(), lambda: 1e9 + 10, kept_bytes=2 * len(BLOB))
    paths = []
    for number in range(3):
        paths.append(spool.keep(f"train-{number}", SHA256, BLOB))
        os.utime(paths[-1], (1e9 + number, 1e9 + number))
    assert [path.exists() for path in paths] == [False, True, True]
    assert str(paths[0]) in caplog.text and "too much" in caplog.text
    large = BLOB * 3
    newest = spool.keep("train-3", hashlib.sha256(large).hexdigest(), large)
    assert names(tmp_path) == [newest.name]
