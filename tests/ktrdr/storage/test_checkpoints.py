"""States as files: whole ones only, whatever happens to the disk."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import StorageError
from ktrdr.storage import FileCheckpointStore
from tests.fakes.files import FailingFiles, QuickFiles

NEVER = 10_000


def _store(folder, *states):
    store = FileCheckpointStore(folder / "run", QuickFiles())
    for state in states:
        store.save(state)
    return store


def _files(folder):
    return sorted((folder / "run").iterdir())


def test_the_newest_state_is_given_back_also_to_another_process(tmp_path):
    store = _store(tmp_path)
    assert store.latest() is None
    for state in (b"one", b"two", b"two", b""):
        store.save(state)
        assert store.latest() == state
        assert FileCheckpointStore(tmp_path / "run").latest() == state


def test_the_latest_two_are_kept_and_named_by_number_and_hash(tmp_path):
    FileCheckpointStore(tmp_path / "a" / "run").save(b"on a real disk")
    assert FileCheckpointStore(tmp_path / "a" / "run").latest() == b"on a real disk"
    _store(tmp_path, b"one", b"two", b"three")
    assert [path.read_bytes() for path in _files(tmp_path)] == [b"two", b"three"]
    assert [path.name.split(".")[0] for path in _files(tmp_path)] == ["00000002", "00000003"]


def test_numbers_go_on_in_another_process(tmp_path):
    for number in range(12):
        _store(tmp_path, b"%d" % number)
    assert [path.read_bytes() for path in _files(tmp_path)] == [b"10", b"11"]


@given(cut=st.integers(0, 9), flipped=st.integers(0, 7), how=st.sampled_from(["cut", "flip", "more"]))
def test_a_damaged_state_is_logged_and_the_one_before_given(tmp_path_factory, cut, flipped, how):
    folder = tmp_path_factory.mktemp("damaged")
    store = _store(folder, b"the older", b"the newest")
    content = b"the newest"
    spoiled = bytearray(content)
    spoiled[cut] ^= 1 << flipped
    _files(folder)[-1].write_bytes({"cut": content[:cut], "flip": bytes(spoiled), "more": content + b"!"}[how])
    assert store.latest() == b"the older"


def test_the_log_names_the_damaged_file(tmp_path, caplog):
    store = _store(tmp_path, b"older", b"newest")
    newest = _files(tmp_path)[-1]
    newest.write_bytes(b"newes")
    store.latest()
    assert [str(newest) in record.getMessage() for record in caplog.records] == [True]


def test_if_both_are_damaged_there_is_none(tmp_path):
    store = _store(tmp_path, b"older", b"newest")
    for path in _files(tmp_path):
        path.write_bytes(b"")
    assert store.latest() is None
    store.save(b"anew")
    assert store.latest() == b"anew"
    assert len(_files(tmp_path)) == 1


def test_a_damaged_state_does_not_push_out_a_sound_one(tmp_path):
    store = _store(tmp_path, b"older", b"newest")
    _files(tmp_path)[-1].write_bytes(b"")
    assert store.latest() == b"older"
    store.save(b"third")
    assert [path.read_bytes() for path in _files(tmp_path)] == [b"older", b"third"]


def _n_steps(tmp_path, change):
    files = FailingFiles(NEVER, NEVER)
    _store(tmp_path / "count", b"one", b"two")
    change(FileCheckpointStore(tmp_path / "count" / "run", files))
    return files.n_steps


@pytest.mark.parametrize("last", [0, NEVER], ids=["once", "from there on"])
def test_a_crash_at_any_step_of_a_save_leaves_the_state_before_or_the_new_one(tmp_path, last):
    n_steps = _n_steps(tmp_path, lambda store: store.save(b"three"))
    assert n_steps == 4
    for step in range(1, n_steps + 1):
        folder = tmp_path / str(step)
        _store(folder, b"one", b"two")
        try:
            FileCheckpointStore(folder / "run", FailingFiles(step, max(step, last))).save(b"three")
        except StorageError as error:
            assert "Could not save a checkpoint" in str(error)
        again = _store(folder)
        assert again.latest() in ((b"two",) if step < 3 else (b"three",))
        again.save(b"four")
        assert again.latest() == b"four"
        assert len(_files(folder)) == 2  # what was left behind is gone


def test_a_full_disk_says_how_much_is_needed(tmp_path):
    store = FileCheckpointStore(tmp_path / "run", FailingFiles(1, NEVER, errno.ENOSPC))
    with pytest.raises(StorageError, match=r"the disk under .* is full; 1,000 bytes are needed"):
        store.save(bytes(1000))


def test_clearing_forgets_everything_and_leaves_no_folder(tmp_path):
    store = _store(tmp_path, b"one", b"two")
    (tmp_path / "run" / f".tmp-{'0' * 32}").write_bytes(b"half")
    store.clear()
    assert store.latest() is None
    assert list(tmp_path.iterdir()) == []
    store.clear()


def test_clearing_leaves_alone_what_is_not_its_own(tmp_path):
    store = _store(tmp_path, b"one")
    for name in ("notes.txt", "model.pt", ".tmp-mine"):
        (tmp_path / "run" / name).write_text("mine")
    store.save(b"two")
    store.save(b"three")
    store.clear()
    assert sorted(path.name for path in _files(tmp_path)) == [".tmp-mine", "model.pt", "notes.txt"]


def test_what_cannot_be_looked_at_is_an_error_and_not_no_state(tmp_path):
    store = _store(tmp_path, b"one")
    newest = _files(tmp_path)[0]
    newest.unlink()
    newest.mkdir()
    with pytest.raises(StorageError, match="Could not read a checkpoint"):
        store.latest()


def test_what_cannot_be_removed_is_an_error(tmp_path):
    _store(tmp_path, b"one")
    with pytest.raises(StorageError, match="Could not remove the checkpoints"):
        FileCheckpointStore(tmp_path / "run", FailingFiles(1, NEVER)).clear()
