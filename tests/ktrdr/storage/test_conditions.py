"""What a version says of its training, by which predictions go: absent is right, wrong is not."""

import json

import pytest

from ktrdr.errors import DamagedModel, StorageError
from ktrdr.storage import ModelStorage
from tests.fakes.artifacts import TREND, trained_artifact
from tests.fakes.files import QuickFiles
from tests.ktrdr.storage.tampering import replace

NAME = "SP500_1d_v1"

WRONG = [
    ("config.json", {"request": "x"}, "request"),
    ("config.json", {"request": [1]}, "request"),
    ("config.json", {"request": {"start_date": 5}}, r"request\.start_date"),
    ("config.json", {"request": {"start_date": "abc"}}, r"request\.start_date.*'abc' is not a date"),
    ("config.json", {"request": {"end_date": "2001-02-30"}}, r"request\.end_date"),
    ("config.json", {"request": {"symbols": 5}}, r"request\.symbols"),
    ("config.json", {"request": {"symbols": "AB"}}, r"request\.symbols"),
    ("config.json", {"request": {"symbols": ["../x"]}}, r"request\.symbols"),
    ("config.json", {"request": {"symbols": []}}, r"request\.symbols"),
    ("config.json", {"request": {"symbols": ["NASDAQ"]}}, "symbols are NASDAQ and the model is named SP500_1d"),
    ("config.json", {"request": {"validation_split": 2}}, r"request\.validation_split"),
    ("metadata.json", {"torch_threads": 0}, "torch_threads"),
    ("metadata.json", {"torch_threads": 2**40}, "torch_threads"),
    ("metadata.json", {"torch_threads": "many"}, "torch_threads"),
]


@pytest.fixture
def store(tmp_path):
    return ModelStorage(tmp_path, QuickFiles())


@pytest.mark.parametrize(("file", "change", "said"), WRONG)
def test_a_version_whose_training_cannot_have_been_so_is_neither_saved_nor_loaded(store, tmp_path, file, change, said):
    artifact = trained_artifact()
    changed = {file.partition(".")[0]: {**(artifact.config if file == "config.json" else artifact.metadata), **change}}
    with pytest.raises(StorageError, match=said) as refused:
        store.save_model(trained_artifact(**changed))
    assert file in str(refused.value)
    store.save_model(artifact)
    folder = tmp_path / "trend" / NAME
    replace(folder, file, json.dumps({**json.loads((folder / file).read_text()), **change}).encode())
    with pytest.raises(DamagedModel, match=said) as damaged:
        store.load("trend", NAME)
    assert damaged.value.file == file


@pytest.mark.parametrize(
    "request_kept",
    [
        {},
        {"request": None},
        {"request": {}},
        {"request": {"of_a_later_version": 1}},
        {"request": {"symbols": ["SP500"], "start_date": None, "end_date": "2001-02-28", "seed": 3}},
    ],
)
def test_what_another_version_left_out_or_added_is_no_fault(store, request_kept):
    config = {"strategy": trained_artifact().config["strategy"], **request_kept}
    store.save_model(trained_artifact(config=config))
    assert store.load("trend", NAME).config == config


def test_many_symbols_are_those_of_the_name_though_it_does_not_spell_them(store):
    symbols = ["A", "B", "C", "D"]
    document = {
        **TREND,
        "training_data": {**TREND["training_data"], "symbols": {"mode": "multi_symbol", "list": symbols}},
    }
    config = {"strategy": trained_artifact(document=document).config["strategy"]}
    store.save_model(trained_artifact(document=document, config={**config, "request": {"symbols": symbols}}))
    with pytest.raises(StorageError, match="symbols are A, B, C"):
        store.save_model(trained_artifact(document=document, config={**config, "request": {"symbols": symbols[:3]}}))
