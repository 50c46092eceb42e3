"""Pruning: the newest stay, and those that an alias names."""

import pytest

from ktrdr.errors import RequestError, StorageError
from ktrdr.storage import Kept, ModelStorage
from tests.fakes.artifacts import TREND, trained_artifact
from tests.fakes.files import FailingFiles, QuickFiles


@pytest.fixture
def store(store):
    """Return a store with four versions of `trend`, the second one the champion, and two of `other`."""
    for strategy, n_versions in (("trend", 4), ("other", 2)):
        for seed in range(n_versions):
            store.save_model(trained_artifact(seed, {**TREND, "name": strategy}))
    store.set_alias("trend", "SP500_1d_v2", "champion")
    return store


def tree(root):
    return {str(path.relative_to(root)): path.lstat().st_mtime_ns for path in root.rglob("*")}


def size_of(root, *versions):
    return sum(path.stat().st_size for name in versions for path in (root / name).iterdir())


def test_the_newest_of_every_name_stay_and_those_that_an_alias_names(store, root):
    n_bytes = size_of(root, "trend/SP500_1d_v1", "trend/SP500_1d_v3", "other/SP500_1d_v1")
    pruned = store.prune(1)
    assert pruned.deleted == ("other/SP500_1d_v1", "trend/SP500_1d_v1", "trend/SP500_1d_v3")
    assert pruned.kept == (
        Kept("other/SP500_1d_v2", "newest"),
        Kept("trend/SP500_1d_v2", "champion"),
        Kept("trend/SP500_1d_v4", "newest"),
    )
    assert (pruned.n_bytes, pruned.dry_run) == (n_bytes, False)
    assert {model["model_id"] for model in store.list_models()} == {kept.model_id for kept in pruned.kept}
    assert store.load("trend", "SP500_1d_latest").metadata["seed"] == 3
    assert store.load("trend", "SP500_1d@champion").metadata["seed"] == 1
    assert store.prune(1).deleted == ()


def test_a_dry_run_says_the_same_and_touches_nothing(store, root):
    before = tree(root)
    said = store.prune(1, dry_run=True)
    assert tree(root) == before
    assert said.dry_run
    done = store.prune(1)
    assert (said.deleted, said.kept, said.n_bytes) == (done.deleted, done.kept, done.n_bytes)


def test_only_one_strategy_is_pruned_where_one_is_named(store):
    assert store.prune(1, "other").deleted == ("other/SP500_1d_v1",)
    assert len(store.list_models("trend")) == 4
    assert store.prune(1, "nobody").deleted == ()


@pytest.mark.parametrize(("keep", "n_left"), [(1, 2), (2, 3), (3, 3), (4, 4), (99, 4)])
def test_as_many_stay_as_are_to_be_kept(store, keep, n_left):
    store.prune(keep, "trend")
    assert len(store.list_models("trend")) == n_left


@pytest.mark.parametrize("keep", [0, -1])
def test_nothing_is_pruned_to_nothing(store, keep):
    with pytest.raises(RequestError) as refused:
        store.prune(keep)
    assert refused.value.path == "keep"
    assert len(store.list_models()) == 6


def test_numbers_that_were_pruned_are_not_used_again(store, root):
    store.prune(1)
    assert ModelStorage(root, QuickFiles()).save_model(trained_artifact()).version == 5


def test_a_model_whose_aliases_cannot_be_read_is_kept_whole(store, root):
    (root / "trend" / ".aliases" / "SP500_1d.json").write_text("?")
    pruned = store.prune(1)
    assert pruned.deleted == ("other/SP500_1d_v1",)
    assert [kept.why for kept in pruned.kept if kept.model_id.startswith("trend/")] == [
        *["its aliases cannot be read"] * 3,
        "newest",
    ]


def test_where_a_version_cannot_be_deleted_the_link_names_the_highest_that_there_is(tmp_path):
    n_refused = 0
    for step in range(1, 20):
        root = tmp_path / str(step)
        for seed in range(2):
            ModelStorage(root, QuickFiles()).save_model(trained_artifact(seed))
        files = FailingFiles(step, step)
        try:
            ModelStorage(root, files).delete_model("trend", "SP500_1d_v2")
        except StorageError:
            n_refused += 1
        highest = max(path.name for path in (root / "trend").glob("SP500_1d_v*"))
        assert str((root / "trend" / "SP500_1d_latest").readlink()) == highest
        if files.n_steps < step:
            break
    assert n_refused > 3
    assert highest == "SP500_1d_v1"
