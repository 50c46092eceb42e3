from __future__ import annotations

import json
import pickle
import struct
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktrdr.errors import BadBundle, StorageError
from ktrdr.exchange import import_bundle
from ktrdr.exchange.record import MODEL_FILES
from ktrdr.exchange.unpacking import unpack_bundle
from ktrdr.storage import ModelStorage
from ktrdr.storage.contents import STORED_FILES
from tests.fakes.artifacts import FITTED, RETURNS, TREND, WINDOWS
from tests.fakes.bundles import a_bundle, a_store, bundled, fetch
from tests.fakes.files import FailingFiles, QuickFiles
from tests.ktrdr.storage.tampering import replace, saved_by_torch, shared

NAME = "SP500_1d_v1"


@pytest.fixture
def here(tmp_path):
    """The store that imports."""
    return ModelStorage(tmp_path / "here", QuickFiles())


@pytest.fixture
def version_folder(tmp_path):
    """A version's files, to be changed and bundled again."""
    a_store(tmp_path / "tampered")
    return tmp_path / "tampered" / "trend" / NAME


def refused(store, path):
    """Import what must be refused, find nothing of it left, and return the error."""
    with pytest.raises(BadBundle) as bad:
        import_bundle(store, path)
    root = store._root
    assert [found for found in root.rglob("*") if found.is_file() and found.name != ".lock"] == []
    return bad.value


@pytest.mark.parametrize("document", [TREND, FITTED, RETURNS, WINDOWS], ids=lambda document: document["name"])
def test_an_imported_model_predicts_as_the_exported_one(tmp_path, here, document):
    path = a_bundle(tmp_path, document)
    version = import_bundle(here, path)
    there = ModelStorage(tmp_path / "other-0")
    assert version.model_id == f"{document['name']}/{NAME}"
    ours, theirs = here.load(document["name"], NAME), there.load(document["name"], NAME)
    rows = torch.rand(5, *([] if ours.sequence_length is None else [ours.sequence_length]), len(ours.features)).numpy()
    assert (ours.predict_outputs(rows) == theirs.predict_outputs(rows)).all()
    assert (ours.config, ours.features, ours.classes) == (theirs.config, theirs.features, theirs.classes)


def test_it_gets_the_next_version_of_its_name_and_says_where_it_came_from(tmp_path, here):
    import_bundle(here, a_bundle(tmp_path, seed=1))
    path = a_bundle(tmp_path, seed=2)
    version = import_bundle(here, path)
    assert version.model_id == "trend/SP500_1d_v2"
    assert here.list_models()[0]["is_latest"]
    theirs = ModelStorage(tmp_path / "other-2").load("trend", NAME).metadata
    ours = here.load("trend", version.name).metadata
    said = ours["imported"]
    assert (said["model_id"], said["created_at"], said["operation_id"]) == (
        f"trend/{NAME}", theirs["created_at"], "train-1",
    )  # fmt: skip
    assert {len(said["manifest_sha256"]), len(said["bundle_sha256"])} == {64}
    assert (ours["operation_id"], ours["training_sha256"], ours["device"]) == (None, "ab" * 32, "cpu")
    assert here.result_of("train-1") is None


def test_the_same_bundle_twice_gives_one_version_and_so_does_an_export_of_what_was_imported_in_a_third_store(
    tmp_path, here
):
    path = a_bundle(tmp_path)
    assert import_bundle(here, path) == import_bundle(here, path)
    again = tmp_path / "again.zip"
    fetch(here, "trend", NAME, again)
    third = ModelStorage(tmp_path / "third", QuickFiles())
    assert import_bundle(third, again) == import_bundle(third, again)
    assert third.load("trend", NAME).metadata["imported"]["model_id"] == f"trend/{NAME}"
    assert len(here.list_models()) == len(third.list_models()) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_whatever_byte_is_flipped_the_bundle_is_refused(tmp_path_factory, share, bit):
    folder = tmp_path_factory.mktemp("flipped")
    content = bytearray(_whole(tmp_path_factory))
    content[int(len(content) * share)] ^= 1 << bit
    (folder / "flipped.zip").write_bytes(content)
    refused(ModelStorage(folder / "models", QuickFiles()), folder / "flipped.zip")


def _whole(tmp_path_factory, made=[]):  # noqa: B006 - made once
    if not made:
        made.append(a_bundle(tmp_path_factory.mktemp("whole")).read_bytes())
    return made[0]


@pytest.mark.parametrize("file", MODEL_FILES)
def test_a_byte_flipped_in_a_file_is_said_of_that_file(tmp_path, here, file):
    path = a_bundle(tmp_path)
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo(file).header_offset + 30 + len(file)
    content = bytearray(path.read_bytes())
    content[offset + 5] ^= 1
    path.write_bytes(content)
    assert refused(here, path).file == file


def test_a_change_of_the_manifest_that_means_the_same_is_a_change(tmp_path, here):
    path = a_bundle(tmp_path)
    content = path.read_bytes()
    changed = content.replace(b'{\n "format_version"', b'{\n\t"format_version"', 1)
    assert (len(changed), changed != content) == (len(content), True)
    path.write_bytes(changed)
    assert refused(here, path).file == "manifest.json"


@pytest.mark.parametrize("file", STORED_FILES)
def test_a_file_that_the_manifest_does_not_vouch_for_is_named_whatever_the_zip_file_says(
    tmp_path, here, version_folder, file
):
    (version_folder / file).write_bytes((version_folder / file).read_bytes() + b" ")
    path = bundled(version_folder, tmp_path / "b.zip")
    assert refused(here, path).file == file
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(BadBundle) as bad:  # before anything reads what is in it
        unpack_bundle(path, tmp_path / "unpacked")
    assert bad.value.file == file


@pytest.mark.parametrize("file", MODEL_FILES)
def test_a_missing_file_is_named(tmp_path, here, version_folder, file):
    (version_folder / file).unlink()
    assert file in str(refused(here, bundled(version_folder, tmp_path / "b.zip")))


class Trap:
    """A pickle that leaves a file behind when it is executed."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("file", ["model.pt", "model_full.pt"])
@pytest.mark.parametrize("save", [saved_by_torch, pickle.dumps])
def test_a_malicious_pickle_that_the_manifest_vouches_for_is_refused_and_never_executed(
    tmp_path, here, version_folder, file, save
):
    sprung = tmp_path / "sprung"
    replace(version_folder, file, save({"weight": Trap(sprung)}))
    assert refused(here, bundled(version_folder, tmp_path / "b.zip")).file == file
    assert not sprung.exists()


def test_weights_that_are_not_those_of_the_probe_are_refused(tmp_path, here, version_folder):
    state = {name: tensor + 0.01 for name, tensor in torch.load(version_folder / "model.pt").items()}
    bundle = torch.load(version_folder / "model_full.pt")
    replace(version_folder, "model.pt", saved_by_torch(state))
    replace(version_folder, "model_full.pt", saved_by_torch({**bundle, "state_dict": state}))
    error = refused(here, bundled(version_folder, tmp_path / "b.zip"))
    assert "does not predict the probe rows" in str(error)


@pytest.mark.parametrize(
    ("file", "change", "named"),
    [
        ("metadata.json", {"model_id": "../../etc/SP500_1d_v1"}, "metadata.json"),
        ("metadata.json", {"model_id": "trend/SP500_1d_latest"}, "metadata.json"),
        ("metadata.json", {"model_id": 7}, "metadata.json"),
        ("metadata.json", {"symbols": ["NASDAQ"]}, "metadata.json"),
        ("metadata.json", {"symbols": ["../x"]}, "metadata.json"),
        ("metadata.json", {"operation_id": {"a": 1}}, "metadata.json"),
        ("metadata.json", {"created_at": None}, "metadata.json"),
        ("metadata.json", {"seed": "no number"}, "metadata.json"),
        ("metrics.json", {"test_metrics": 5}, "metrics.json"),
        ("features.json", {"classes": ["UP", "DOWN", "FLAT"]}, "features.json"),
        ("config.json", {"strategy": {"name": "trend"}}, "its strategy"),
        ("config.json", {"request": {"start_date": "abc"}}, "config.json"),
        ("config.json", {"request": {"symbols": ["NASDAQ"]}}, "config.json"),
        ("metadata.json", {"torch_threads": 0}, "metadata.json"),
    ],
)
def test_what_contradicts_the_rest_or_would_break_a_listing_is_refused_by_file(
    tmp_path, here, version_folder, file, change, named
):
    document = json.loads((version_folder / file).read_text())
    replace(version_folder, file, json.dumps({**document, **change}).encode())
    assert refused(here, bundled(version_folder, tmp_path / "b.zip")).file == named


@pytest.mark.parametrize("name", ["../../model.pt", "/etc/passwd", "model.pt\0x", "sub/model.pt", "modél.pt"])
def test_a_name_that_does_not_belong_there_is_refused(tmp_path, here, version_folder, name):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in MODEL_FILES[:-1]:
            archive.write(version_folder / file, file)
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"x")
    assert "does not belong" in str(refused(here, path))
    assert not (tmp_path.parent / "model.pt").exists()


def test_a_zip_bomb_is_refused_before_anything_of_it_is_unpacked(tmp_path, here, version_folder):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in MODEL_FILES[:-1]:
            archive.write(version_folder / file, file)
        archive.writestr(MODEL_FILES[-1], bytes(200_000_000))
    assert path.stat().st_size < 300_000
    assert "is compressed" in str(refused(here, path))


@pytest.mark.parametrize(
    ("fields", "value", "said"),
    [
        ((20, 24), 200_000_000, "over each other"),  # as large as a bomb, and not there
        ((42,), 40, "a header in it says something else"),  # begins within the one before
    ],
)
def test_entries_that_lie_over_each_other_are_refused(tmp_path, here, version_folder, fields, value, said):
    path = bundled(version_folder, tmp_path / "b.zip")
    content = bytearray(path.read_bytes())
    directory = struct.unpack_from("<L", content, len(content) - 6)[0]
    second = directory + 46 + len(MODEL_FILES[0])
    for field in fields:
        struct.pack_into("<L", content, second + field, value)
    path.write_bytes(content)
    assert said in str(refused(here, path))


def test_one_zip_program_made_of_the_same_files_twice_or_in_another_order_is_refused(tmp_path, here, version_folder):
    twice = [*MODEL_FILES, "model.pt"], pytest.warns(UserWarning, match="Duplicate")
    for number, (names, warning) in enumerate([twice, (MODEL_FILES[::-1], nullcontext())]):
        path = tmp_path / f"{number}.zip"
        with warning, zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.write(version_folder / name, name)
        assert "another order" in str(refused(here, path))


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip file at all" * 10, b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_refused(tmp_path, here, content):
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    refused(here, path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.9999])
def test_one_cut_short_or_with_more_behind_it_is_refused(tmp_path, here, share):
    path = a_bundle(tmp_path)
    whole = path.read_bytes()
    for content in (whole[: int(len(whole) * share)], whole + b"x" * 10, b"x" * 10 + whole):
        path.write_bytes(content)
        refused(here, path)


def test_a_document_too_large_to_be_held_is_refused(tmp_path, here, version_folder):
    with (version_folder / "metrics.json").open("r+b") as file:
        file.truncate(64 * 1024**2 + 1)
    error = refused(here, bundled(version_folder, tmp_path / "b.zip"))
    assert (error.file, "at most" in str(error)) == ("metrics.json", True)


def test_at_whichever_step_the_disk_gives_up_nothing_is_half_there(tmp_path):
    path = a_bundle(tmp_path)
    step = 0
    while True:
        step += 1
        files = FailingFiles(step, step)
        store = ModelStorage(tmp_path / f"store-{step}", files)
        try:
            import_bundle(store, path)
        except StorageError:
            store = ModelStorage(tmp_path / f"store-{step}", QuickFiles())
            assert store.list_models() in ([], [one for one in store.list_models() if store.load("trend", one["name"])])
            assert import_bundle(store, path).model_id.startswith("trend/SP500_1d_v")
            continue
        assert [one["version"] for one in store.list_models()] == [1]
        if files.n_steps < step:  # every step has failed once
            break
    assert step > 20


@pytest.mark.parametrize("name", ["config.json", "metrics.json", "features.json", "metadata.json", "manifest.json"])
def test_a_small_file_that_would_take_much_memory_is_refused_before_it_is_parsed(tmp_path, here, version_folder, name):
    (version_folder / name).write_bytes(b'{"a": [' + b"[]," * 200_000 + b"[]]}")
    bad = refused(here, bundled(version_folder, tmp_path / "wide.zip"))
    assert name in bad.file
    assert "more than 100,000 lists and objects" in str(bad)


@pytest.mark.parametrize("file", ["model.pt", "model_full.pt"])
def test_a_bundle_that_would_take_all_memory_is_refused_by_file(tmp_path, here, version_folder, file):
    bundle = torch.load(version_folder / "model_full.pt", weights_only=True)
    bomb = {**bundle, "features": shared(30)} if file == "model_full.pt" else {"output.weight": shared(30)}
    replace(version_folder, file, saved_by_torch(bomb))
    path = bundled(version_folder, tmp_path / "bomb.zip")
    assert path.stat().st_size < 20_000
    bad = refused(here, path)
    assert (bad.file, "one thing stands in two places" in str(bad)) == (file, True)
