"""`ktrdr models export` and `ktrdr models import`."""

from __future__ import annotations

import json
import zipfile

import pytest

from ktrdr.errors import Problem, ServiceRefused
from tests.fakes.bundles import a_bundle
from tests.fakes.client import FakeClient, not_found

MODEL_ID = "trend/SP500_1d_v1"
IMPORTED = {
    "model_id": "trend/SP500_1d_v2",
    "strategy": "trend",
    "name": "SP500_1d_v2",
    "version": 2,
    "model_path": "models/trend/SP500_1d_v2",
    "created_at": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture
def bundle(tmp_path):
    return a_bundle(tmp_path).read_bytes()


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_model_is_exported_here_under_its_name_and_it_is_said_how_to_import_it(ktrdr, bundle, working_folder):
    client = FakeClient(download_model=bundle)
    ran = ktrdr(["models", "export", "trend/SP500_1d_latest"], client)
    assert (ran.code, client.asked) == (0, [("download_model", ("trend", "SP500_1d_latest"))])
    assert [path.name for path in working_folder.iterdir()] == ["trend_SP500_1d_v1.ktrdr.zip"]
    assert (working_folder / "trend_SP500_1d_v1.ktrdr.zip").read_bytes() == bundle
    assert ".venv/bin/ktrdr models import trend_SP500_1d_v1.ktrdr.zip" in ran.out


def test_in_another_format_the_record_is_printed(ktrdr, bundle, working_folder):
    line = ["models", "export", MODEL_ID, "--format", "safetensors", "--output", "out.zip"]
    ran = ktrdr(line, FakeClient(download_model=bundle))
    assert (ran.code, "model.safetensors predicts the probe rows" in ran.out) == (0, True)
    ran = ktrdr([*line, "--force", "--json"], FakeClient(download_model=bundle))
    said = json.loads(ran.out)
    assert (said["model_id"], said["format"], said["path"]) == (MODEL_ID, "safetensors", "out.zip")
    with zipfile.ZipFile(working_folder / "out.zip") as archive:
        assert json.loads(archive.read("export.json")) == said["record"]


def test_a_file_that_is_there_is_kept_without_force(ktrdr, bundle, working_folder):
    (working_folder / "out.zip").write_bytes(b"mine")
    line = ["models", "export", MODEL_ID, "--output", "out.zip"]
    ran = ktrdr(line, client := FakeClient(download_model=bundle))
    assert (ran.code, client.asked, "is there already" in ran.err) == (1, [], True)
    assert ktrdr([*line, "--force"], client).code == 0
    assert (working_folder / "out.zip").read_bytes() == bundle


def test_what_is_refused_or_not_whole_leaves_no_file(ktrdr, bundle, working_folder):
    refused = not_found("Model", "", "Known models: trend/SP500_1d_v1.")
    ran = ktrdr(["models", "export", "trend/SP500_1d_v7"], FakeClient(download_model=refused))
    assert (ran.code, "Known models" in ran.err) == (1, True)
    ran = ktrdr(["models", "export", MODEL_ID], FakeClient(download_model=bundle[:-100] + bytes(100)))
    assert (ran.code, "The bundle cannot be used" in ran.err) == (1, True)
    assert list(working_folder.iterdir()) == []


def test_an_unknown_format_is_a_fault_of_the_line(ktrdr):
    ran = ktrdr(["models", "export", MODEL_ID, "--format", "pickle"], client := FakeClient())
    assert (ran.code, client.asked) == (2, [])


def test_a_bundle_is_imported_and_its_version_named(ktrdr, tmp_path):
    file = tmp_path / "b.zip"
    client = FakeClient(import_model=IMPORTED)
    ran = ktrdr(["models", "import", str(file)], client)
    assert (ran.code, client.asked) == (0, [("import_model", file)])
    assert f"{file} is trend/SP500_1d_v2." in ran.out
    assert ".venv/bin/ktrdr models show trend/SP500_1d_v2" in ran.out
    assert json.loads(ktrdr(["models", "import", str(file), "--json"], client).out) == IMPORTED


def test_a_bundle_that_is_refused_is_said_with_its_file(ktrdr, tmp_path):
    problem = Problem("", "The bundle cannot be used: model.pt is changed.", "Copy the bundle again.")
    refusal = ServiceRefused(422, "Bad bundle", problem.message, (problem,))
    ran = ktrdr(["models", "import", "b.zip"], FakeClient(import_model=refusal))
    assert (ran.code, "model.pt" in ran.err, "Copy the bundle again" in ran.err) == (1, True, True)
    missing = FileNotFoundError(2, "No such file or directory", "b.zip")
    ran = ktrdr(["models", "import", "b.zip"], FakeClient(import_model=missing))
    assert (ran.code, "b.zip" in ran.err) == (1, True)
