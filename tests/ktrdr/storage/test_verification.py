import io
import json
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.storage import ModelStorage
from ktrdr.storage.contents import STORED_FILES
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import QuickFiles
from tests.ktrdr.storage.tampering import replace, saved_by_torch

NAME = "SP500_1d_v1"


@pytest.fixture
def store(tmp_path):
    store = ModelStorage(tmp_path, QuickFiles())
    store.save_model(trained_artifact())
    return store


@pytest.fixture
def folder(store, tmp_path):
    return tmp_path / "trend" / NAME


class Trap:
    """A pickle that leaves a file behind when it is executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("file", STORED_FILES)
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(share=0.0, bit=0)
@example(share=0.9999999, bit=7)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_byte_is_detected_and_its_file_named(store, folder, file, share, bit):
    whole = (folder / file).read_bytes()
    content = bytearray(whole)
    content[int(len(content) * share)] ^= 1 << bit
    (folder / file).write_bytes(content)
    try:
        with pytest.raises(DamagedModel) as damaged:
            store.load("trend", NAME)
        assert (damaged.value.model_id, damaged.value.file) == (f"trend/{NAME}", file)
        assert store.describe("trend", NAME)["damaged"] == file
        assert [model["name"] for model in store.list_models()] == [NAME]
    finally:
        (folder / file).write_bytes(whole)


@pytest.mark.parametrize("file", [*STORED_FILES, "manifest.json"])
def test_a_missing_or_shortened_file_is_named(store, folder, file):
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[:-2])
    with pytest.raises(DamagedModel) as damaged:
        store.load("trend", NAME)
    assert damaged.value.file == file
    (folder / file).unlink()
    with pytest.raises(DamagedModel, match="is missing"):
        store.load("trend", NAME)
    assert store.describe("trend", NAME)["damaged"] == file


def test_a_flipped_byte_anywhere_in_the_manifest_is_detected(store, folder):
    whole = (folder / "manifest.json").read_bytes()
    for at in range(0, len(whole), 7):
        content = bytearray(whole)
        content[at] ^= 1
        (folder / "manifest.json").write_bytes(content)
        if at < len(whole) - 1 and not whole[at : at + 1].isspace():
            with pytest.raises(DamagedModel):
                store.load("trend", NAME)


@pytest.mark.parametrize(
    "change", [{"format_version": 2}, {"files": {}}, {"files": {"../../x": {"sha256": "0" * 64, "size": 1}}}]
)
def test_a_manifest_of_another_kind_is_refused(store, folder, change):
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **change}))
    with pytest.raises(DamagedModel, match=r"manifest\.json"):
        store.load("trend", NAME)


@pytest.mark.parametrize("file", ["model.pt", "model_full.pt"])
@pytest.mark.parametrize("write", [saved_by_torch, pickle.dumps])
def test_a_malicious_pickle_is_refused_on_load_and_not_executed(store, folder, tmp_path, file, write):
    trap = tmp_path / "executed"
    replace(folder, file, write({"output.weight": Trap(trap)}))
    with pytest.raises(DamagedModel) as damaged:
        store.load("trend", NAME)
    assert damaged.value.file == file
    assert not trap.exists()


@pytest.mark.parametrize("write", [saved_by_torch, pickle.dumps])
def test_a_malicious_pickle_is_refused_on_save_and_not_executed(store, tmp_path, write):
    trap = tmp_path / "executed"
    with pytest.raises(StorageError, match="cannot be read as weights"):
        store.save_model(trained_artifact(weights=write({"output.weight": Trap(trap)})))
    assert not trap.exists()


def test_weights_compressed_inside_are_refused_unread(store):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(bytes(trained_artifact().weights))) as plain,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as squeezed,
    ):
        for name in plain.namelist():
            squeezed.writestr(name, plain.read(name))
    with pytest.raises(StorageError, match="compressed inside"):
        store.save_model(trained_artifact(weights=buffer.getvalue()))


@pytest.mark.parametrize("value", [[1, 2], {"output.weight": 3.0}, {1: torch.ones(2)}, {}])
def test_weights_that_are_not_the_networks_tensors_are_refused(store, value):
    with pytest.raises(StorageError):
        store.save_model(trained_artifact(weights=saved_by_torch(value)))


def test_a_bundle_with_other_weights_than_the_models_is_refused(store, folder):
    bundle = torch.load(folder / "model_full.pt", weights_only=True)
    bundle["state_dict"]["output.bias"] += 1
    replace(folder, "model_full.pt", saved_by_torch(bundle))
    with pytest.raises(DamagedModel, match=r"output\.bias"):
        store.load("trend", NAME)


def test_a_damaged_model_can_be_deleted(store, folder):
    (folder / "metadata.json").unlink()
    store.delete_model("trend", NAME)
    assert store.list_models() == []
