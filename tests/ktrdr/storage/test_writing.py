"""A crash or a failing disk, at every step there is."""

import errno

import pytest

from ktrdr.errors import StorageError
from ktrdr.storage import ModelStorage
from ktrdr.storage.writing import FileLayer, lock
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import FailingFiles, QuickFiles

ARTIFACTS = [trained_artifact(seed) for seed in range(3)]
NEVER = 10_000
N_SAVE_STEPS = 21
N_DELETE_STEPS = 7


def seeds_stored(root):
    """Load every version there is, verified, and return the seeds it was trained with."""
    store = ModelStorage(root, QuickFiles())
    return {model["version"]: store.load("trend", model["name"]).metadata["seed"] for model in store.list_models()}


def save_two(root):
    for artifact in ARTIFACTS[:2]:
        ModelStorage(root, QuickFiles()).save_model(artifact)


def count_steps(root, change):
    files = FailingFiles(NEVER, NEVER)
    change(ModelStorage(root, files))
    return files.n_steps


def save_third(store):
    store.save_model(ARTIFACTS[2], operation_id="train-3", artifact_sha256="cd" * 32)


def delete_second(store):
    store.delete_model("trend", "SP500_1d_v2")


def test_the_steps_below_are_all_there_are(tmp_path):
    save_two(tmp_path / "a")
    assert count_steps(tmp_path / "a", save_third) == N_SAVE_STEPS
    save_two(tmp_path / "b")
    assert count_steps(tmp_path / "b", delete_second) == N_DELETE_STEPS


@pytest.mark.parametrize("step", range(1, N_SAVE_STEPS + 1))
def test_a_step_that_fails_once_leaves_the_old_state_or_the_version(tmp_path, step):
    save_two(tmp_path)
    files = FailingFiles(step, step)
    try:
        save_third(ModelStorage(tmp_path, files))
    except StorageError as error:
        assert seeds_stored(tmp_path) == {1: 0, 2: 1}
        assert str((tmp_path / "trend" / "SP500_1d_latest").readlink()) == "SP500_1d_v2"
        assert "Could not save trend/SP500_1d" in str(error)
        assert error.suggestion
    else:  # only tidying failed
        assert seeds_stored(tmp_path) == {1: 0, 2: 1, 3: 2}
    save_third(ModelStorage(tmp_path, QuickFiles()))
    assert sorted(seeds_stored(tmp_path).values()) == [0, 1, 2]


@pytest.mark.parametrize("step", range(1, N_SAVE_STEPS + 1))
def test_a_crash_at_any_step_of_a_save_leaves_whole_versions_only(tmp_path, step):
    save_two(tmp_path)
    try:
        save_third(ModelStorage(tmp_path, FailingFiles(step, NEVER)))
    except StorageError:
        assert seeds_stored(tmp_path) in ({1: 0, 2: 1}, {1: 0, 2: 1, 3: 2})
    ModelStorage(tmp_path, QuickFiles()).sweep()
    assert list((tmp_path / ".tmp").iterdir()) == []
    highest = max(seeds_stored(tmp_path))
    assert str((tmp_path / "trend" / "SP500_1d_latest").readlink()) == f"SP500_1d_v{highest}"
    save_third(ModelStorage(tmp_path, QuickFiles()))
    assert sorted(seeds_stored(tmp_path).values()) == [0, 1, 2]


@pytest.mark.parametrize("step", range(1, N_DELETE_STEPS + 1))
def test_a_crash_at_any_step_of_a_delete_leaves_whole_versions_and_no_number_free(tmp_path, step):
    save_two(tmp_path)
    try:
        delete_second(ModelStorage(tmp_path, FailingFiles(step, NEVER)))
    except StorageError as error:
        assert "Could not delete" in str(error)
    assert seeds_stored(tmp_path) in ({1: 0}, {1: 0, 2: 1})
    ModelStorage(tmp_path, QuickFiles()).sweep()
    assert list((tmp_path / ".tmp").iterdir()) == []
    highest = max(seeds_stored(tmp_path))
    assert str((tmp_path / "trend" / "SP500_1d_latest").readlink()) == f"SP500_1d_v{highest}"
    assert ModelStorage(tmp_path, QuickFiles()).save_model(ARTIFACTS[2]).version == 3


@pytest.mark.parametrize("step", [1, 8, 12])
def test_a_full_disk_says_how_many_bytes_were_needed(tmp_path, step):
    files = FailingFiles(step, NEVER, code=errno.ENOSPC)
    with pytest.raises(StorageError, match=r"the disk under .* is full; [0-9]{1,3}(,[0-9]{3})* bytes are needed"):
        ModelStorage(tmp_path / "models", files).save_model(ARTIFACTS[0])


class ForgetfulFiles(FileLayer):
    """Writes something other than it was given, without a word."""

    def write(self, path, content):
        super().write(path, content[:-1] + b"?" if path.name == "model.pt" else content)


def test_what_the_disk_did_not_keep_is_not_saved(tmp_path):
    with pytest.raises(StorageError, match=r"was not saved: read back from disk, model\.pt has another SHA-256"):
        ModelStorage(tmp_path, ForgetfulFiles()).save_model(ARTIFACTS[0])
    assert seeds_stored(tmp_path) == {}


def test_a_sweep_removes_leftovers_and_corrects_latest(tmp_path):
    save_two(tmp_path)
    (tmp_path / ".tmp" / "half" / "deep").mkdir(parents=True)
    (tmp_path / ".tmp" / "file").touch()
    link = tmp_path / "trend" / "SP500_1d_latest"
    link.unlink()
    (tmp_path / "trend" / "GONE_1d_latest").symlink_to("GONE_1d_v1")
    assert ModelStorage(tmp_path, QuickFiles()).sweep() == 2
    assert str(link.readlink()) == "SP500_1d_v2"
    assert not (tmp_path / "trend" / "GONE_1d_latest").is_symlink()
    assert ModelStorage(tmp_path, QuickFiles()).sweep() == 0
    assert ModelStorage(tmp_path / "nothing").sweep() == 0


def test_a_sweep_leaves_a_save_in_progress_alone(tmp_path):
    save_two(tmp_path)
    (tmp_path / ".tmp" / "half").mkdir()
    with lock(tmp_path / ".lock", is_shared=True):
        assert ModelStorage(tmp_path, QuickFiles()).sweep() == 0
    assert ModelStorage(tmp_path, QuickFiles()).sweep() == 1
