"""What was exported, read as any program reads it, predicts as the stored network does."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open

from ktrdr.exchange import Format, export_model
from ktrdr.model.network import network_from
from tests.fakes.artifacts import RETURNS, TREND, WINDOWS
from tests.fakes.bundles import a_store, fetch

MEMORY = {
    **TREND,
    "name": "memory",
    "model": {"type": "lstm", "architecture": {"sequence_length": 4, "hidden_size": 5, "num_layers": 2}},
}
FORECAST = {**RETURNS, "model": WINDOWS["model"]}
DOCUMENTS = {document["name"]: document for document in (TREND, MEMORY, FORECAST)}
"""A perceptron, a long short-term memory of two layers, and gated recurrent units that forecast returns."""
SIZES = (1, 3, 17)
"""Rows in a batch; none is that of the example the program was made with."""


@pytest.fixture(params=DOCUMENTS)
def stored(request, tmp_path):
    """A stored model, and a function that exports it and takes the added file out of the bundle."""
    store, [version] = a_store(tmp_path / "models", DOCUMENTS[request.param])
    model = store.load(version.strategy, version.name)

    def export(format):
        exported = export_model(
            lambda path: fetch(store, version.strategy, version.name, path), format, folder=tmp_path
        )
        with zipfile.ZipFile(exported.path) as archive:
            assert json.loads(archive.read("export.json")) == exported.record.model_dump(mode="json")
            return exported.record, archive.extract(f"model.{format}", tmp_path)

    return model, export


def batches(model):
    row = (len(model.features),) if model.sequence_length is None else (model.sequence_length, len(model.features))
    generator = np.random.default_rng(5)
    return [generator.normal(size=(size, *row)).astype(np.float32) for size in SIZES]


def check_same(model, predict):
    for batch in batches(model):
        expected = model.predict_outputs(batch)
        np.testing.assert_allclose(predict(batch), expected, atol=1e-5)


def check_record(model, record, format):
    row = [len(model.features)] if model.sequence_length is None else [model.sequence_length, len(model.features)]
    n_outputs = 1 if model.strategy == "returns" else 3
    said = record.model_dump(mode="json")
    assert (said["model_id"], said["format"], said["file"]) == (model.model_id, format, f"model.{format}")
    assert said["inputs"] == [{"name": "rows", "shape": ["batch", *row]}]
    assert said["outputs"] == [{"name": "outputs", "shape": ["batch", n_outputs]}]
    assert (tuple(said["features"]), tuple(said["classes"])) == (model.features, model.classes)
    assert said["max_difference"] <= 1e-5
    assert said["versions"]["torch"] == torch.__version__


def test_safetensors_hold_the_weights_and_say_what_network_they_are_of(stored):
    model, export = stored
    record, path = export(Format.SAFETENSORS)
    check_record(model, record, "safetensors")
    with safe_open(path, framework="pt") as file:
        says, state = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    said = json.loads(says["ktrdr"])
    assert (said["model_id"], tuple(said["features"])) == (model.model_id, model.features)
    network = network_from(said["architecture"])
    network.load_state_dict(state)
    network.eval()
    with torch.inference_mode():
        check_same(model, lambda batch: network(torch.from_numpy(batch)).numpy())


def test_onnx_runs_by_itself_on_any_number_of_rows(stored):
    model, export = stored
    record, path = export(Format.ONNX)
    check_record(model, record, "onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for ports, said in ((session.get_inputs(), record.inputs), (session.get_outputs(), record.outputs)):
        assert [(port.name, tuple(port.shape)) for port in ports] == [(port.name, port.shape) for port in said]
    said = json.loads(session.get_modelmeta().custom_metadata_map["ktrdr"])
    assert (said["model_id"], tuple(said["classes"])) == (model.model_id, model.classes)
    check_same(model, lambda batch: session.run(["outputs"], {"rows": batch})[0])


def test_a_program_of_torch_export_runs_without_our_code_on_any_number_of_rows(stored):
    model, export = stored
    record, path = export(Format.PT2)
    check_record(model, record, "pt2")
    inside = {"ktrdr": ""}
    network = torch.export.load(path, extra_files=inside).module()
    assert json.loads(inside["ktrdr"])["model_id"] == model.model_id
    check_same(model, lambda batch: network(torch.from_numpy(batch)).numpy())
