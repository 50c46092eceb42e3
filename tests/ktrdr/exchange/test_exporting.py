from __future__ import annotations

import importlib.util
import json
import zipfile

import pytest
import torch

from ktrdr.errors import BadBundle, StorageError
from ktrdr.exchange import Format, export_model, exporting, formats, import_bundle
from ktrdr.exchange.record import MODEL_FILES
from ktrdr.storage import ModelStorage
from tests.fakes.artifacts import RETURNS, TREND
from tests.fakes.bundles import a_store, bundled, fetch
from tests.fakes.files import QuickFiles


@pytest.fixture
def fetched(tmp_path):
    """What fetches the bundle of a stored version."""
    store, _ = a_store(tmp_path / "models", TREND, RETURNS)
    return lambda path, strategy="trend": fetch(store, strategy, "SP500_1d_v1", path)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "models")


def test_without_a_format_the_bundle_is_that_of_the_service_byte_for_byte(tmp_path, fetched):
    exported = export_model(fetched, folder=tmp_path)
    fetched(tmp_path / "fetched.zip")
    assert (exported.model_id, exported.record) == ("trend/SP500_1d_v1", None)
    assert exported.path == tmp_path / "trend_SP500_1d_v1.ktrdr.zip"
    assert exported.path.read_bytes() == (tmp_path / "fetched.zip").read_bytes()
    assert names_in(tmp_path) == ["fetched.zip", "trend_SP500_1d_v1.ktrdr.zip"]


def test_a_format_adds_its_file_and_a_record_and_the_bundle_can_still_be_imported(tmp_path, fetched):
    exported = export_model(fetched, Format.SAFETENSORS, tmp_path / "out.zip")
    with zipfile.ZipFile(exported.path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*MODEL_FILES, "export.json", "model.safetensors"]
    plain = export_model(fetched, folder=tmp_path).path
    store = ModelStorage(tmp_path / "here", QuickFiles())
    assert import_bundle(store, exported.path) == import_bundle(store, plain)  # the same version


def test_exported_twice_it_is_the_same_file(tmp_path, fetched):
    paths = [export_model(fetched, Format.SAFETENSORS, tmp_path / name).path for name in ("a.zip", "b.zip")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("format", [Format.KTRDR, Format.SAFETENSORS])
def test_what_was_fetched_and_is_not_whole_is_not_exported(tmp_path, format):
    a_store(tmp_path / "models")
    folder = tmp_path / "models" / "trend" / "SP500_1d_v1"
    (folder / "config.json").write_bytes(b"{}")
    with pytest.raises(BadBundle, match=r"config\.json"):
        export_model(lambda path: bundled(folder, path), format, tmp_path / "out.zip")
    assert names_in(tmp_path) == []


class Off:
    """A format whose file predicts otherwise, by `by` in the first output."""

    def __init__(self, inner, by=0.0, shape=None):
        self._inner, self._by, self._shape = inner, by, shape

    def write(self, *given):
        self._inner.write(*given)

    def predict(self, path, batches):
        outputs = self._inner.predict(path, batches)
        for output in outputs:
            output[..., 0] += self._by
        return outputs if self._shape is None else [output[:, : self._shape] for output in outputs]


@pytest.mark.parametrize(
    ("off", "said"), [({"by": 1e-3}, "differ by up to"), ({"shape": 2}, "have the shape")], ids=["off", "other shape"]
)
def test_what_does_not_predict_the_same_is_not_exported(tmp_path, fetched, monkeypatch, off, said):
    real = formats.converter_of(Format.SAFETENSORS)
    monkeypatch.setattr(exporting, "converter_of", lambda _: Off(real, **off))
    with pytest.raises(StorageError, match=f"was not exported: .* {said}"):
        export_model(fetched, Format.SAFETENSORS, tmp_path / "out.zip")
    assert names_in(tmp_path) == []


def test_how_far_it_is_off_is_recorded_where_that_is_nothing(tmp_path, fetched, monkeypatch):
    real = formats.converter_of(Format.SAFETENSORS)
    monkeypatch.setattr(exporting, "converter_of", lambda _: Off(real, by=4e-6))
    exported = export_model(lambda path: fetched(path, "returns"), Format.SAFETENSORS, tmp_path / "out.zip")
    assert exported.record.max_difference == pytest.approx(4e-6, rel=0.1)


@pytest.mark.parametrize("format", [Format.KTRDR, Format.SAFETENSORS])
def test_a_file_that_is_there_is_replaced_only_where_that_is_said(tmp_path, fetched, format):
    target = tmp_path / "out.zip"
    target.write_bytes(b"mine")
    asked = []
    with pytest.raises(StorageError, match="is there already"):
        export_model(asked.append, format, target)
    assert (target.read_bytes(), asked) == (b"mine", [])  # refused before anything is fetched
    export_model(fetched, format, target, replaces=True)
    assert zipfile.is_zipfile(target)
    with pytest.raises(StorageError, match="is there already"):
        export_model(fetched, format, tmp_path, replaces=True)


def test_one_named_after_the_model_is_not_replaced_either(tmp_path, fetched):
    (tmp_path / "trend_SP500_1d_v1.ktrdr.zip").write_bytes(b"mine")
    with pytest.raises(StorageError, match="is there already"):
        export_model(fetched, folder=tmp_path)
    assert names_in(tmp_path) == ["trend_SP500_1d_v1.ktrdr.zip"]


def test_a_folder_that_is_not_there_is_named(tmp_path, fetched):
    with pytest.raises(StorageError, match="nowhere"):
        export_model(fetched, Format.KTRDR, tmp_path / "nowhere" / "out.zip")


def test_what_is_not_installed_is_named_with_the_command_that_installs_it_before_anything_is_fetched(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("onnx") else object())
    asked = []
    with pytest.raises(StorageError) as missing:
        export_model(asked.append, Format.ONNX, tmp_path / "out.zip")
    assert "onnx, onnxscript, onnxruntime must be installed" in str(missing.value)
    assert (missing.value.suggestion, asked) == ("Run `pip install 'ktrdr[export]'`.", [])


@pytest.fixture
def exported(tmp_path, fetched):
    """The files of an exported bundle, to be changed and bundled again."""
    path = export_model(fetched, Format.SAFETENSORS, tmp_path / "out.zip").path
    folder = tmp_path / "files"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"sha256": "0" * 64}, "model.safetensors"),
        ({"size": 5}, "model.safetensors"),
        ({"file": "model.onnx"}, "export.json"),
        ({"file": "../x"}, "export.json"),
        ({"format": "onnx"}, "export.json"),
        ({"model_id": "trend/SP500_1d_v2"}, "export.json"),
        ({"format_version": 2}, "export.json"),
        ({"more": 1}, "export.json"),
    ],
)
def test_an_export_that_is_not_what_its_record_says_is_not_imported(tmp_path, exported, change, file):
    record = json.loads((exported / "export.json").read_text())
    (exported / "export.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(BadBundle) as bad:
        import_bundle(ModelStorage(tmp_path / "here"), bundled(exported, tmp_path / "b.zip"))
    assert bad.value.file == file


def test_an_exported_file_without_its_record_or_the_other_way_round_is_not_imported(tmp_path, exported):
    for number, left_out in enumerate(("export.json", "model.safetensors")):
        names = tuple(name for name in (*MODEL_FILES, "export.json", "model.safetensors") if name != left_out)
        with pytest.raises(BadBundle, match="one exported file"):
            import_bundle(ModelStorage(tmp_path / "here"), bundled(exported, tmp_path / f"{number}.zip", names))


def test_the_exported_file_is_compared_and_not_read(tmp_path, exported):
    torch.save({"a": torch.zeros(2)}, exported / "model.safetensors")
    with pytest.raises(BadBundle) as bad:
        import_bundle(ModelStorage(tmp_path / "here"), bundled(exported, tmp_path / "b.zip"))
    assert bad.value.file == "model.safetensors"
