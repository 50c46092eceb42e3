"""From a blob to a version: what is unpacked lies in the store's own space, and is a version or nothing."""

import errno
import hashlib

import pytest

from ktrdr.errors import DamagedArtifact, StorageError
from ktrdr.storage import Encoding, ModelStorage, pack
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import FailingFiles, QuickFiles

PACKED = [pack(trained_artifact(seed)) for seed in range(3)]
NEVER = 10_000
N_STEPS = 25


@pytest.fixture
def store(tmp_path):
    return ModelStorage(tmp_path, QuickFiles())


def hand_over(store, packed, operation_id="train-1"):
    with store.receive(packed.blob, packed.sha256) as received:
        return store.save_received(received, operation_id)


def seeds_stored(root):
    store = ModelStorage(root, QuickFiles())
    return {model["version"]: store.load("trend", model["name"]).metadata["seed"] for model in store.list_models()}


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_version_says_how_its_artifact_travelled(store, encoding):
    packed = pack(trained_artifact(), encoding)
    hand_over(store, packed)
    metadata = store.load("trend", "SP500_1d_v1").metadata
    assert {name: value for name, value in metadata.items() if name.startswith(("artifact_", "operation_"))} == {
        "operation_id": "train-1",
        "artifact_sha256": packed.sha256,
        "artifact_encoding": str(encoding),
        "artifact_raw_size": packed.raw_size,
        "artifact_packed_size": packed.packed_size,
    }


def test_a_model_is_the_same_however_it_came(store, tmp_path):
    store.save_model(trained_artifact())
    for number, encoding in enumerate(Encoding):
        hand_over(store, pack(trained_artifact(), encoding), f"train-{number}")
    contents = [[(tmp_path / "trend" / f"SP500_1d_v{n}" / "model.pt").read_bytes()] for n in (1, 2, 3)]
    assert contents[0] == contents[1] == contents[2]


def test_the_same_blob_handed_over_again_is_the_same_version(store):
    first = hand_over(store, PACKED[0])
    assert hand_over(store, PACKED[0]) == first
    assert hand_over(store, PACKED[0], "train-2").version == 2
    assert len(store.list_models()) == 2


def test_what_is_received_and_not_saved_is_gone(store, tmp_path):
    with store.receive(PACKED[0].blob, PACKED[0].sha256) as received:
        assert received.artifact.weights.path.is_file()
    assert list((tmp_path / ".tmp").iterdir()) == []
    assert store.list_models() == []


def test_a_sweep_leaves_what_is_being_received_alone(store, tmp_path):
    with store.receive(PACKED[0].blob, PACKED[0].sha256) as received:
        assert ModelStorage(tmp_path, QuickFiles()).sweep() == 0
        assert store.save_received(received, "train-1").version == 1


def test_damage_is_said_to_be_damage_and_leaves_nothing(store, tmp_path):
    blob = PACKED[0].blob[:-20]
    with pytest.raises(DamagedArtifact, match="cut short"), store.receive(blob, hashlib.sha256(blob).hexdigest()):
        pass
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_an_error_while_it_is_held_is_left_as_it_is(store):
    with pytest.raises(TimeoutError), store.receive(PACKED[0].blob, PACKED[0].sha256):
        raise TimeoutError("the operations' actor is away")


def test_the_steps_below_are_all_there_are(store, tmp_path):
    hand_over(store, PACKED[0])
    files = FailingFiles(NEVER, NEVER)
    hand_over(ModelStorage(tmp_path, files), PACKED[1], "train-2")
    assert files.n_steps == N_STEPS


@pytest.mark.parametrize("step", range(1, N_STEPS + 1))
@pytest.mark.parametrize("is_crash", [False, True], ids=["fails once", "crash"])
def test_a_step_that_fails_leaves_the_old_state_or_the_version(store, tmp_path, step, is_crash):
    hand_over(store, PACKED[0])
    files = FailingFiles(step, NEVER if is_crash else step)
    try:
        hand_over(ModelStorage(tmp_path, files), PACKED[1], "train-2")
    except StorageError as error:
        assert not isinstance(error, DamagedArtifact)
        assert error.suggestion
        assert seeds_stored(tmp_path) in ({1: 0}, {1: 0, 2: 1}) if is_crash else {1: 0}
    else:  # only tidying failed
        assert seeds_stored(tmp_path) == {1: 0, 2: 1}
    ModelStorage(tmp_path, QuickFiles()).sweep()
    assert list((tmp_path / ".tmp").iterdir()) == []
    hand_over(store, PACKED[1], "train-2")
    assert sorted(seeds_stored(tmp_path).values()) == [0, 1]


@pytest.mark.parametrize("step", [1, 3, 4, 8, 12, 15])
def test_a_full_disk_says_how_many_bytes_were_needed(tmp_path, step):
    store = ModelStorage(tmp_path / "models", FailingFiles(step, NEVER, code=errno.ENOSPC))
    with pytest.raises(StorageError, match=r"the disk under .* is full; [0-9]{1,3}(,[0-9]{3})* bytes are needed"):
        hand_over(store, PACKED[0])
