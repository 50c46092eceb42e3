from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ktrdr.errors import DamagedModel, StorageError, UnknownModel
from ktrdr.exchange.archive import Entry, Layout
from ktrdr.exchange.bundles import offer_of, part_of
from ktrdr.exchange.record import MODEL_FILES
from tests.fakes.bundles import a_store, fetch


def test_a_bundle_is_a_zip_file_of_the_stored_files_as_they_are_for_any_program_that_reads_those(tmp_path):
    store, [version] = a_store(tmp_path / "models")
    path = tmp_path / "bundle.zip"
    fetch(store, "trend", "SP500_1d_latest", path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert tuple(archive.namelist()) == MODEL_FILES
        for entry in archive.infolist():
            stored = (tmp_path / version.path / entry.filename).read_bytes()
            assert archive.read(entry) == stored
            assert (entry.date_time, entry.external_attr >> 16) == ((1980, 1, 1, 0, 0, 0), 0o100644)


def test_the_same_version_gives_the_same_bytes_of_the_announced_size_and_checksum(tmp_path):
    store, _ = a_store(tmp_path / "models")
    offer = offer_of(store, "trend", "SP500_1d_v1")
    sha256 = [fetch(store, "trend", "SP500_1d_v1", tmp_path / name) for name in ("first", "second")]
    first, second = ((tmp_path / name).read_bytes() for name in ("first", "second"))
    assert first == second
    assert (offer.size, offer.sha256) == (len(first), hashlib.sha256(first).hexdigest())
    assert sha256 == [offer.sha256] * 2
    assert (offer.model_id, offer.name) == ("trend/SP500_1d_v1", "trend_SP500_1d_v1.ktrdr.zip")


@pytest.mark.parametrize("file", MODEL_FILES)
def test_a_damaged_version_is_not_offered_and_its_file_is_named(tmp_path, file):
    store, [version] = a_store(tmp_path / "models")
    path = tmp_path / version.path / file
    path.write_bytes(path.read_bytes()[:-3] + b"?}\n")
    with pytest.raises(DamagedModel) as damaged:
        offer_of(store, "trend", "SP500_1d_v1")
    assert damaged.value.file == file


def test_one_that_is_not_there_or_deleted_between_two_parts_is_unknown(tmp_path):
    store, _ = a_store(tmp_path / "models")
    with pytest.raises(UnknownModel):
        offer_of(store, "trend", "SP500_1d_v2")
    offer = offer_of(store, "trend", "SP500_1d_v1")
    store.delete_model("trend", "SP500_1d_v1")
    with pytest.raises(UnknownModel):
        part_of(store, offer, 0, 100)


def test_a_file_that_has_become_shorter_since_is_named(tmp_path):
    store, [version] = a_store(tmp_path / "models")
    offer = offer_of(store, "trend", "SP500_1d_v1")
    (tmp_path / version.path / "model_full.pt").write_bytes(b"short")
    with pytest.raises(DamagedModel, match=r"model_full\.pt is shorter"):
        part_of(store, offer, 0, offer.size)


def test_more_than_a_zip_file_can_have_is_refused_before_anything_is_written():
    with pytest.raises(StorageError, match="may have"):
        Layout((Entry("model.pt", 2**32 - 100, 0),))


def test_whoever_passes_a_bundle_on_or_takes_one_in_loads_no_torch(tmp_path):
    store, _ = a_store(tmp_path / "models")
    offer = pickle.dumps(offer_of(store, "trend", "SP500_1d_v1"))
    code = (
        "import pickle, sys; from ktrdr.exchange import Format, Uploads; "
        "pickle.loads(sys.stdin.buffer.read()).layout.pieces; sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], input=offer, cwd=root, check=False).returncode == 0
