"""A failing disk or a dying process at every call of the file layer, in everything that changes the store.

The calls are counted first: what changes come to need is covered by itself.
"""

import shutil
from dataclasses import dataclass

import pytest

from ktrdr.errors import KtrdrError, StorageError
from ktrdr.storage import AnnotationChange, ModelStorage
from tests.fakes.artifacts import trained_artifact
from tests.fakes.faults import HAS_A_MIDDLE, Died, Fault, FaultyFiles
from tests.fakes.files import QuickFiles

ARTIFACTS = [trained_artifact(seed) for seed in range(4)]
N_BEFORE = 3
LATEST = "SP500_1d_latest"


@dataclass(frozen=True)
class State:
    """What a store shows: the seed that each version was trained with, what aliases name, what is said of version 2."""

    versions: dict[int, int]
    champion: int | None = 1
    n_changes: int = 1
    note: str | None = "old"

    @classmethod
    def of(cls, root):
        """Load every version that is listed, the latest and the champion, verified."""
        store = ModelStorage(root, QuickFiles())
        listed = store.list_models()
        asked = {model["version"]: LATEST if model["is_latest"] else model["name"] for model in listed}
        seeds = {version: store.load("trend", name).metadata["seed"] for version, name in asked.items()}
        assert (root / "trend" / LATEST / "manifest.json").is_file()  # for those who read the tree
        [aliases] = store.list_aliases("trend")
        assert aliases["damaged"] is None
        champions = [model["version"] for model in listed if "champion" in model["aliases"]]
        notes = [model["note"] for model in listed if model["version"] == 2]
        return cls(seeds, *(champions or [None]), len(aliases["history"]), *(notes or ["gone"]))


@dataclass(frozen=True)
class Change:
    """Something that changes a store, and the state after it."""

    make: object
    after: State
    is_undone: bool = False
    """Whether an error leaves the state before; the others take or give one name, and may be told of it too late."""


BEFORE = State({1: 0, 2: 1, 3: 2})
CHANGES = {
    "save": Change(
        lambda store: store.save_model(ARTIFACTS[3], operation_id="train-4", artifact_sha256="cd" * 32),
        State({1: 0, 2: 1, 3: 2, 4: 3}),
        is_undone=True,
    ),
    "delete": Change(lambda store: store.delete_model("trend", "SP500_1d_v3"), State({1: 0, 2: 1})),
    "prune": Change(lambda store: store.prune(1), State({1: 0, 3: 2}, note="gone")),
    "set an alias": Change(
        lambda store: store.set_alias("trend", "SP500_1d_v2", "champion"),
        State(BEFORE.versions, champion=2, n_changes=2),
    ),
    "remove an alias": Change(
        lambda store: store.remove_alias("trend", "SP500_1d_v1", "champion"),
        State(BEFORE.versions, champion=None, n_changes=2),
    ),
    "annotate": Change(
        lambda store: store.annotate("trend", "SP500_1d_v2", AnnotationChange(note="new")),
        State(BEFORE.versions, note="new"),
    ),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Return a store with three versions, the first one the champion, the second one with a note."""
    root = tmp_path_factory.mktemp("template") / "models"
    store = ModelStorage(root, QuickFiles())
    for artifact in ARTIFACTS[:N_BEFORE]:
        store.save_model(artifact)
    store.set_alias("trend", "SP500_1d_v1", "champion")
    store.annotate("trend", "SP500_1d_v2", AnnotationChange(note="old"))
    assert State.of(root) == BEFORE
    return root


def stores_with_a_fault(template, folder, change, fault):
    """Yield a store after each call at which the fault came, and the error that the change then ended with."""
    files = FaultyFiles()
    change.make(ModelStorage(shutil.copytree(template, folder / "0", symlinks=True), files))
    assert State.of(folder / "0") == change.after
    assert len(files.calls) > 1
    for at in places(fault, files.calls):
        root = shutil.copytree(template, folder / str(at), symlinks=True)
        try:
            change.make(ModelStorage(root, FaultyFiles(at, fault)))
        except (KtrdrError, Died) as error:
            yield root, error
        else:
            yield root, None
        shutil.rmtree(root)


def places(fault, calls):
    """Return the calls at which a fault leaves something that no other does: after one is before the next."""
    if fault is Fault.DIES_AFTER:
        return [len(calls)]
    return [at for at, name in enumerate(calls, 1) if fault is not Fault.DIES_IN_IT or name in HAS_A_MIDDLE]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", CHANGES)
def test_at_every_call_the_store_is_as_before_or_as_after(template, tmp_path, name, fault):
    change, seen = CHANGES[name], []
    for root, error in stores_with_a_fault(template, tmp_path, change, fault):
        state = State.of(root)
        assert state in (BEFORE, change.after), root.name
        if isinstance(error, KtrdrError):
            assert isinstance(error, StorageError), root.name
            assert str(error).startswith("Could not")
            assert error.suggestion
            assert state == BEFORE or not change.is_undone or fault is Fault.FAILS_FOR_GOOD, root.name
        if error is None:  # only tidying failed
            assert state == change.after, root.name
        check_that_it_goes_on(root, state)
        seen.append(state)
    if fault in (Fault.DIES_BEFORE, Fault.FAILS_FOR_GOOD):
        assert BEFORE in seen
        assert change.after in seen


def check_that_it_goes_on(root, state):
    """Sweep as a service does when it starts, then save: nothing is left, nothing is lost, no number comes again."""
    store = ModelStorage(root, QuickFiles())
    store.sweep()
    assert list((root / ".tmp").iterdir()) == []
    assert store.load("trend", LATEST).metadata["seed"] == state.versions[max(state.versions)]
    assert (root / "trend" / LATEST).readlink().name == f"SP500_1d_v{max(state.versions)}"
    version = store.save_model(ARTIFACTS[3], operation_id="train-4", artifact_sha256="cd" * 32).version
    if 4 in state.versions:
        assert version == 4  # handed over again: the version that it made
        version = store.save_model(ARTIFACTS[0]).version
    assert version > max(N_BEFORE, *state.versions)
    assert {model["version"] for model in store.list_models()} >= {*state.versions, version}
