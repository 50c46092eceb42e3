import dataclasses
import json
import threading

import numpy as np
import pytest
import torch

from ktrdr.errors import RequestError, StorageError, UnknownModel
from ktrdr.storage import ModelStorage, pack, weights_of
from tests.fakes.artifacts import CLASSES, FEATURES, FITTED, RETURNS, TREND, WINDOWS, trained_artifact
from tests.fakes.files import QuickFiles

FILES = ["config.json", "features.json", "manifest.json", "metadata.json", "metrics.json", "model.pt", "model_full.pt"]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "state" / "models"


@pytest.fixture
def store(root):
    return ModelStorage(root, QuickFiles())


def test_what_is_saved_is_loaded_back_whole(store, root):
    artifact = trained_artifact()
    saved = store.save_model(artifact, operation_id="train-1", artifact_sha256="ab" * 32)
    assert (saved.model_id, saved.version) == ("trend/SP500_1d_v1", 1)
    assert (saved.name, saved.path) == ("SP500_1d_v1", "models/trend/SP500_1d_v1")
    model = store.load_model("trend", "SP500", "1d")
    assert (model.model_id, model.strategy) == (saved.model_id, "trend")
    assert (model.features, model.classes, model.config) == (FEATURES, CLASSES, artifact.config)
    assert weights_of(model.network.state_dict()) == artifact.weights
    added = {
        "strategy": "trend",
        "symbols": ["SP500"],
        "timeframe": "1d",
        "model_id": saved.model_id,
        "version": 1,
        "created_at": saved.created_at,
        "operation_id": "train-1",
        "artifact_sha256": "ab" * 32,
    }
    assert model.metadata == {**artifact.metadata, **added}
    folder = root / "trend" / "SP500_1d_v1"
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert json.loads((folder / "metrics.json").read_bytes()) == artifact.metrics
    assert json.loads((folder / "features.json").read_bytes()) == artifact.features
    assert list((root / ".tmp").iterdir()) == []


def test_an_artifact_that_travelled_saves_the_same_model(store):
    packed = pack(trained_artifact())
    with store.receive(packed.blob, packed.sha256) as received:
        store.save_received(received, "train-1")
    probe = trained_artifact().features["probe"]
    logits = store.load("trend", "SP500_1d_v1").predict_outputs(probe["rows"])
    np.testing.assert_allclose(logits, probe["outputs"], atol=1e-6)


def test_the_bundle_describes_itself_in_plain_types(store, root):
    artifact = trained_artifact()
    store.save_model(artifact)
    bundle = torch.load(root / "trend" / "SP500_1d_v1" / "model_full.pt", weights_only=True)
    assert weights_of(bundle.pop("state_dict")) == artifact.weights
    assert bundle == {
        "format_version": 1,
        "model_id": "trend/SP500_1d_v1",
        "strategy": "trend",
        **{key: artifact.features[key] for key in ("architecture", "features", "fuzzy_sets", "scalers", "classes")},
    }


def test_latest_is_a_link_to_the_highest_version(store, root):
    for seed in range(2):
        store.save_model(trained_artifact(seed))
    link = root / "trend" / "SP500_1d_latest"
    assert link.is_symlink()
    assert str(link.readlink()) == "SP500_1d_v2"
    assert store.load("trend", "SP500_1d_latest").model_id == "trend/SP500_1d_v2"
    assert store.load_model("trend", "SP500", "1d", version=1).metadata["seed"] == 0


def test_numbers_rise_and_are_not_used_again_after_a_delete(store, root):
    for seed in range(3):
        store.save_model(trained_artifact(seed))
    assert store.delete_model("trend", "SP500_1d_v3") == "trend/SP500_1d_v3"
    assert str((root / "trend" / "SP500_1d_latest").readlink()) == "SP500_1d_v2"
    assert store.load("trend", "SP500_1d_latest").metadata["seed"] == 1
    assert store.save_model(trained_artifact(4)).version == 4
    for name in ("SP500_1d_v1", "SP500_1d_v2", "SP500_1d_latest"):
        store.delete_model("trend", name)
    assert store.list_models() == []
    assert not (root / "trend" / "SP500_1d_latest").is_symlink()
    assert ModelStorage(root).save_model(trained_artifact(5)).version == 5


def test_each_name_counts_for_itself(store):
    store.save_model(trained_artifact())
    assert store.save_model(trained_artifact(symbols=("^GSPC", "NASDAQ"))).model_id == "trend/%5EGSPC+NASDAQ_1d_v1"
    hourly = {**TREND["training_data"], "timeframes": {"mode": "single", "timeframe": "1h"}}
    assert store.save_model(trained_artifact(document={**TREND, "training_data": hourly})).version == 1
    assert store.save_model(trained_artifact(document={**TREND, "name": "other"})).version == 1
    assert store.load_model("trend", "^GSPC+NASDAQ", "1d").metadata["symbols"] == ["^GSPC", "NASDAQ"]
    assert store.load("trend", "^GSPC+NASDAQ_1d_v1").model_id == "trend/%5EGSPC+NASDAQ_1d_v1"


def test_the_same_artifact_of_the_same_operation_gives_the_same_version(store):
    origin = {"operation_id": "train-1", "artifact_sha256": "ab" * 32}
    first = store.save_model(trained_artifact(), **origin)
    second = store.save_model(trained_artifact(1), operation_id="train-2", artifact_sha256="ab" * 32)
    assert store.save_model(trained_artifact(), **origin) == first
    assert second.version == 2
    assert len(store.list_models()) == 2


def in_threads(n_threads, work):
    results, barrier = [], threading.Barrier(n_threads)

    def run(number):
        barrier.wait()
        results.append(work(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_saves_at_once_get_versions_of_their_own(root):
    artifacts = [trained_artifact(seed) for seed in range(6)]
    saved = in_threads(6, lambda number: ModelStorage(root).save_model(artifacts[number]))
    assert sorted(version.version for version in saved) == [1, 2, 3, 4, 5, 6]
    assert str((root / "trend" / "SP500_1d_latest").readlink()) == "SP500_1d_v6"


def test_one_artifact_handed_over_many_times_at_once_is_saved_once(root):
    artifact, origin = trained_artifact(), {"operation_id": "train-1", "artifact_sha256": "ab" * 32}
    saved = in_threads(5, lambda _: ModelStorage(root).save_model(artifact, **origin))
    assert len(saved) == 5
    assert len(set(saved)) == 1


def test_models_are_listed_newest_first_with_their_baseline(store):
    assert store.list_models() == []
    for strategy, seed in (("trend", 0), ("other", 1), ("trend", 2)):
        store.save_model(trained_artifact(seed, {**TREND, "name": strategy}), operation_id=f"train-{seed}")
    listed = store.list_models()
    assert [model["model_id"] for model in listed] == ["trend/SP500_1d_v2", "other/SP500_1d_v1", "trend/SP500_1d_v1"]
    assert [model["is_latest"] for model in listed] == [True, True, False]
    assert listed[0] == {
        "model_id": "trend/SP500_1d_v2",
        "strategy": "trend",
        "name": "SP500_1d_v2",
        "version": 2,
        "is_latest": True,
        "symbols": ["SP500"],
        "timeframes": ["1d"],
        "created_at": listed[0]["created_at"],
        "operation_id": "train-2",
        "test_accuracy": 0.52,
        "majority_baseline": 0.4,
    }
    assert [model["version"] for model in store.list_models("trend")] == [2, 1]
    assert store.list_models("nobody") == []


def test_a_version_is_described_with_its_files(store, root):
    artifact = trained_artifact()
    saved = store.save_model(artifact, operation_id="train-1")
    described = store.describe("trend", "SP500_1d_latest")
    files = described.pop("files")
    assert {file["name"]: file["size"] for file in files} == {
        name: (root / "trend" / "SP500_1d_v1" / name).stat().st_size for name in FILES if name != "manifest.json"
    }
    assert described == {
        "model_id": saved.model_id,
        "strategy": "trend",
        "name": "SP500_1d_v1",
        "version": 1,
        "is_latest": True,
        "symbols": ["SP500"],
        "timeframes": ["1d"],
        "created_at": saved.created_at,
        "operation_id": "train-1",
        "metrics": artifact.metrics,
        "features": list(FEATURES),
        "damaged": None,
    }


@pytest.mark.parametrize("ask", ["load", "describe", "delete_model"])
def test_an_unknown_model_is_answered_with_those_there_are(store, root, ask):
    with pytest.raises(UnknownModel) as unknown:
        getattr(store, ask)("trend", "SP500_1d_v1")
    assert "no models yet" in unknown.value.suggestion
    assert not root.exists()
    store.save_model(trained_artifact())
    for strategy, name in (("trend", "SP500_1d_v2"), ("trend", "NASDAQ_1d_latest"), ("trendy", "SP500_1d_v1")):
        with pytest.raises(UnknownModel, match=f"{strategy}/{name}") as unknown:
            getattr(store, ask)(strategy, name)
        assert unknown.value.known == ("trend/SP500_1d_v1",)


@pytest.mark.parametrize("ask", ["load", "describe", "delete_model"])
@pytest.mark.parametrize(
    ("strategy", "name"),
    [
        ("..", "SP500_1d_v1"),
        ("trend/..", "SP500_1d_v1"),
        ("trend", "../trend/SP500_1d_v1"),
        ("trend", "SP500_1d_v1\0"),
        ("trend", ".versions"),
    ],
)
def test_names_that_could_leave_the_folder_are_refused(store, ask, strategy, name):
    store.save_model(trained_artifact())
    with pytest.raises(RequestError):
        getattr(store, ask)(strategy, name)


def test_a_planted_link_is_not_a_model(store, root, tmp_path):
    store.save_model(trained_artifact())
    (root / "trend" / "SP500_1d_v9").symlink_to(tmp_path)
    assert [model["version"] for model in store.list_models()] == [1]
    with pytest.raises(UnknownModel):
        store.load("trend", "SP500_1d_v9")


def with_features(**changes):
    artifact = trained_artifact()
    return trained_artifact(features={**artifact.features, **changes})


PROBE = trained_artifact().features["probe"]
ARCHITECTURE = trained_artifact().features["architecture"]


def moved(by):
    return [[value + by for value in row] for row in PROBE["outputs"]]


@pytest.mark.parametrize(
    ("artifact", "said"),
    [
        (with_features(classes=["BUY", "SELL"]), "ends are"),
        (with_features(features=[*FEATURES[:3], FEATURES[0]]), "listed twice"),
        (with_features(architecture={**ARCHITECTURE, "architecture": {"hidden_layers": [9]}}), "do not fit"),
        (with_features(architecture={**ARCHITECTURE, "type": "lstm"}), "do not fit"),
        (with_features(probe={"rows": PROBE["rows"], "outputs": PROBE["outputs"][:9]}), "probe must be"),
        (with_features(probe={"rows": [], "outputs": []}), "probe.rows"),
        (with_features(probe={"rows": PROBE["rows"], "outputs": PROBE["outputs"][::-1]}), "does not predict"),
        (
            with_features(probe={"rows": PROBE["rows"], "outputs": moved(1e-4)}),
            "differ by",
        ),
        (with_features(colour="blue"), "colour"),
        (trained_artifact(weights=trained_artifact(1).weights), "does not predict"),
        (trained_artifact(weights=b"not weights"), "cannot be read"),
        (trained_artifact(weights=bytes(trained_artifact().weights)[:-200]), "cannot be read"),
        (trained_artifact(metrics={"loss": float("inf")}), "metrics.json"),
    ],
)
def test_a_model_that_would_not_predict_as_trained_is_not_saved(store, root, artifact, said):
    with pytest.raises(StorageError, match=said):
        store.save_model(artifact)
    assert store.list_models() == []
    assert list((root / ".tmp").iterdir()) == []


@pytest.mark.parametrize("document", [TREND, FITTED, RETURNS, WINDOWS], ids=lambda document: document["name"])
def test_every_kind_of_model_is_saved_and_predicts_as_trained_when_loaded(store, document):
    artifact = trained_artifact(document=document)
    model = store.load(document["name"], store.save_model(artifact).name)
    probe = artifact.features["probe"]
    np.testing.assert_array_equal(model.predict_outputs(probe["rows"]), np.float32(probe["outputs"]))
    assert list(model.features) == artifact.features["features"]


def test_logits_within_rounding_of_another_machine_are_accepted(store):
    assert store.save_model(with_features(probe={"rows": PROBE["rows"], "outputs": moved(5e-6)})).version == 1


def test_a_spoiled_register_of_versions_is_an_error_not_a_number_used_twice(store, root):
    store.save_model(trained_artifact())
    (root / "trend" / ".versions" / "SP500_1d").write_text("what?")
    with pytest.raises(StorageError, match="does not hold a number"):
        store.save_model(trained_artifact())


def test_the_newest_whole_version_of_the_same_training_is_found(store, root):
    for seed, sha256 in ((0, "aa"), (1, "bb"), (2, "bb"), (3, "cc")):
        artifact = trained_artifact(seed)
        metadata = {**artifact.metadata, "training_sha256": sha256, "device": "cpu"}
        store.save_model(dataclasses.replace(artifact, metadata=metadata), operation_id=f"train-{seed}")
    found = store.identical("trend", ["SP500"], "1d", "bb")
    assert (found["model_id"], found["operation_id"], found["device"]) == ("trend/SP500_1d_v3", "train-2", "cpu")
    (root / "trend" / "SP500_1d_v3" / "model.pt").write_bytes(b"")
    assert store.identical("trend", ["SP500"], "1d", "bb")["model_id"] == "trend/SP500_1d_v2"
    assert store.identical("trend", ["SP500"], "1d", "dd") is None
    assert store.identical("trend", ["NASDAQ"], "1d", "bb") is None
    assert store.identical("other", ["SP500"], "1d", "bb") is None
