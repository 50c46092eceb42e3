"""A disk that is full or forgets, and what a sweep puts right."""

import errno

import pytest

from ktrdr.errors import StorageError
from ktrdr.storage import ModelStorage
from ktrdr.storage.writing import FileLayer, lock
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import FailingFiles, QuickFiles

ARTIFACTS = [trained_artifact(seed) for seed in range(3)]
NEVER = 10_000


def seeds_stored(root):
    """Load every version there is, verified, and return the seeds it was trained with."""
    store = ModelStorage(root, QuickFiles())
    return {model["version"]: store.load("trend", model["name"]).metadata["seed"] for model in store.list_models()}


def save_two(root):
    for artifact in ARTIFACTS[:2]:
        ModelStorage(root, QuickFiles()).save_model(artifact)


@pytest.mark.parametrize("step", [1, 8, 12])
def test_a_full_disk_says_how_many_bytes_were_needed(tmp_path, step):
    files = FailingFiles(step, NEVER, code=errno.ENOSPC)
    with pytest.raises(StorageError, match=r"the disk under .* is full; [0-9]{1,3}(,[0-9]{3})* bytes are needed"):
        ModelStorage(tmp_path / "models", files).save_model(ARTIFACTS[0])


class ForgetfulFiles(FileLayer):
    """Writes something other than it was given, without a word."""

    def write_from(self, path, fill):
        super().write_from(path, fill)
        if path.name == "model.pt":
            path.write_bytes(path.read_bytes()[:-1] + b"?")


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
