"""A store on a small file system that runs full."""

import re

import pytest

from ktrdr.errors import StorageError
from ktrdr.storage import AnnotationChange, ModelStorage
from tests.fakes.artifacts import trained_artifact
from tests.fakes.disks import mounted

FULL = r"is full; ([\d,]+) bytes are needed"


@pytest.fixture
def disk(tmp_path):
    with mounted(tmp_path / "models", "1m") as disk:
        yield disk


@pytest.fixture
def store(disk):
    """Return a store with two versions, the first one the champion."""
    store = ModelStorage(disk.folder)
    for seed in range(2):
        store.save_model(trained_artifact(seed))
    store.set_alias("trend", "SP500_1d_v1", "champion")
    return store


def contents(disk):
    return {path: path.read_bytes() for path in disk.files() if path.name != "ballast"}


@pytest.mark.parametrize("leaving", [0, 4096, 16 * 1024])
def test_what_there_is_no_room_for_is_not_saved_and_the_old_state_stands(store, disk, leaving):
    before = contents(disk)
    disk.fill(leaving)
    with pytest.raises(StorageError, match=FULL) as full:
        store.save_model(trained_artifact(2))
    needed = int(re.search(FULL, str(full.value))[1].replace(",", ""))
    assert needed >= 2 * trained_artifact(2).weights.size
    assert contents(disk) == before
    assert store.load("trend", "SP500_1d_latest").metadata["seed"] == 1
    disk.make_room()
    assert store.save_model(trained_artifact(2)).version == 3


def test_what_is_said_of_models_stands_while_there_is_no_room_to_change_it(store, disk):
    before = contents(disk)
    disk.fill()
    for change in (
        lambda: store.set_alias("trend", "SP500_1d_v2", "champion"),
        lambda: store.remove_alias("trend", "SP500_1d_v1", "champion"),
        lambda: store.annotate("trend", "SP500_1d_v2", AnnotationChange(note="x")),
    ):
        with pytest.raises(StorageError, match=FULL):
            change()
    assert contents(disk) == before
    assert store.describe("trend", "SP500_1d@champion")["version"] == 1


def test_on_a_full_disk_a_delete_makes_room(store, disk):
    disk.fill()
    assert store.prune(1).deleted == ()
    assert store.delete_model("trend", "SP500_1d_latest").latest == "trend/SP500_1d_v1"
    assert store.load("trend", "SP500_1d_latest").metadata["seed"] == 0
    assert store.annotate("trend", "SP500_1d_v1", AnnotationChange(note="x")).note == "x"
