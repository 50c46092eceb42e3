"""Weights and bundles that are small and would take all the memory, or all the time, there is."""

import pickle
import pickletools

import pytest
import torch

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.storage import ModelStorage, pack
from ktrdr.storage.agreement import check_bundle
from ktrdr.storage.contents import from_json, read_contract
from ktrdr.storage.pickles import MAX_RECORD, MAX_STEPS, check_pickle
from ktrdr.storage.weights import read_bundle, read_weights, weights_of
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import QuickFiles
from tests.ktrdr.storage.tampering import replace, saved_by_torch, shared, with_pickle

NAME = "SP500_1d_v1"
WHOLE = bytes(trained_artifact().weights)
FOUR_TERABYTES = b"\x80\x02c__builtin__\nbytearray\nq\x00\x8a\x06" + (2**42).to_bytes(6, "little") + b"\x85Rq\x01."
A_KEY = b"\x80\x02}q\xfe" + pickle.dumps(shared(30, tuple), protocol=2)[2:-1] + b"K\x01s."

BOMBS = {
    "shared": (saved_by_torch({"output.weight": shared(30)}), "one thing stands in two places"),
    "key": (with_pickle(WHOLE, A_KEY), "one thing stands in two places"),
    "bytearray": (with_pickle(WHOLE, FOUR_TERABYTES), "asks for __builtin__ bytearray"),
    "lists": (with_pickle(WHOLE, b"\x80\x02" + b"]" * 3_000_000 + b"."), "torch did not write it"),
    "remembered": (with_pickle(WHOLE, b"\x80\x02" + b"]q\x00" * 1_300_000 + b"."), f"more than {MAX_STEPS:,} steps"),
    "large": (with_pickle(WHOLE, b"\x80\x02" + bytes(MAX_RECORD)), "data.pkl is larger than 4 MiB"),
}


@pytest.fixture
def store(tmp_path):
    store = ModelStorage(tmp_path, QuickFiles())
    store.save_model(trained_artifact())
    return store


@pytest.mark.parametrize("file", ["model.pt", "model_full.pt"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_on_load_before_it_is_read(store, tmp_path, file, bomb):
    content, said = BOMBS[bomb]
    replace(tmp_path / "trend" / NAME, file, content)
    with pytest.raises(DamagedModel, match=said) as damaged:
        store.load("trend", NAME)
    assert damaged.value.file == file


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_that_was_handed_over_is_refused_before_it_is_read(store, bomb):
    content, said = BOMBS[bomb]
    packed = pack(trained_artifact(weights=content))
    with (
        store.receive(packed.blob, packed.sha256) as received,
        pytest.raises(StorageError, match=said),
    ):
        store.save_received(received, "train-1")


def test_what_a_bundle_repeats_is_looked_at_no_further_than_the_model_goes(store, tmp_path):
    folder = tmp_path / "trend" / NAME
    contract = read_contract(from_json((folder / "features.json").read_bytes(), "features.json"))
    state, bundle = read_weights(folder / "model.pt"), read_bundle(folder / "model_full.pt")
    for key in ("model_id", "features", "architecture", "scalers"):
        for bomb in (shared(30), {name: shared(30) for name in bundle["architecture"]}):
            with pytest.raises(StorageError, match=f"not say the same {key}"):
                check_bundle({**bundle, key: bomb}, contract, state, f"trend/{NAME}")
    assert check_bundle(bundle, contract, state, f"trend/{NAME}") is None


@pytest.mark.parametrize("wrong", [True, 1.0, "1", None, [1]])
def test_a_bundle_says_the_same_in_values_of_the_same_kind(store, tmp_path, wrong):
    folder = tmp_path / "trend" / NAME
    contract = read_contract(from_json((folder / "features.json").read_bytes(), "features.json"))
    state, bundle = read_weights(folder / "model.pt"), read_bundle(folder / "model_full.pt")
    with pytest.raises(StorageError, match="not say the same format_version"):
        check_bundle({**bundle, "format_version": wrong}, contract, state, f"trend/{NAME}")


def test_weights_of_hundreds_of_layers_are_read_and_leave_much_room(tmp_path):
    state = {f"hidden_{layer}.{part}": torch.zeros(2) for layer in range(500) for part in ("weight", "bias")}
    path = tmp_path / "model.pt"
    path.write_bytes(bytes(weights_of(state)))
    assert read_weights(path).keys() == state.keys()
    assert path.stat().st_size < MAX_RECORD
    content = path.read_bytes()
    start = content.index(b"\x80\x02}")
    assert 20 * sum(1 for _ in pickletools.genops(content[start:])) < MAX_STEPS


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"\x80\x02", b"\x80\x02X\xff\xff\xff\xff", b"\x80\x02cno\n", b"\x80\x02h\x07."]
)
def test_a_pickle_that_ends_early_or_recalls_nothing_is_refused(content):
    with pytest.raises(StorageError):
        check_pickle(content)
