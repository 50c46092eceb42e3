"""Models of a real service: reused, given out and taken in again, named and deleted."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ktrdr.errors import ServiceRefused
from tests.end_to_end.conftest import Service, check_equal, weights_of

ASKED: dict[str, Any] = {"seed": 41, "overrides": {"training.epochs": 2}}


@pytest.fixture(scope="module")
def model_id(shared_service: Service) -> str:
    with shared_service.client() as client:
        ended = client.wait(client.train("minimal", **ASKED)["operation_id"])
    return str(ended["result"]["model_id"])


def test_the_same_training_is_answered_with_its_model_or_made_again_with_the_same_bits(
    service: Service, model_id: str
) -> None:
    with service.client() as client:
        n_before = client.operations()["total_count"]
        reused = client.train("minimal", **ASKED, reuse="if_identical")
        assert (reused["model_id"], reused["status"]) == (model_id, "completed")
        assert client.operations()["total_count"] == n_before
        another = client.train("minimal", **{**ASKED, "seed": 42}, reuse="if_identical")
        assert another["identical_model"] is None
        assert client.wait(another["operation_id"])["status"] == "completed"
        started = client.train("minimal", **ASKED)
        assert started["identical_model"]["model_id"] == model_id
        again = client.wait(started["operation_id"])["result"]["model_id"]
    assert again != model_id
    check_equal(*(weights_of(service.settings.models_dir, each) for each in (model_id, again)))


def test_a_model_goes_out_as_a_bundle_and_comes_back_as_the_next_version(
    service: Service, model_id: str, tmp_path: Path
) -> None:
    bundle, spoilt = tmp_path / "model.zip", tmp_path / "spoilt.zip"
    with service.client() as client:
        sha256 = client.download_model(*model_id.split("/"), bundle)
        assert hashlib.sha256(bundle.read_bytes()).hexdigest() == sha256
        imported = client.import_model(bundle)
        assert client.import_model(bundle)["model_id"] == imported["model_id"] != model_id
        n_models = client.models("minimal")["total_count"]
        content = bytearray(bundle.read_bytes())
        content[len(content) // 2] ^= 1
        spoilt.write_bytes(content)
        with pytest.raises(ServiceRefused) as refused:
            client.import_model(spoilt)
        assert refused.value.status == 422
        assert client.models("minimal")["total_count"] == n_models
    check_equal(*(weights_of(service.settings.models_dir, each) for each in (model_id, imported["model_id"])))
    assert not any((service.settings.home / "uploads").iterdir())


def test_what_an_alias_names_stays_and_what_is_deleted_gives_its_number_to_nobody(
    service: Service, model_id: str
) -> None:
    strategy, name = model_id.split("/")
    with service.client() as client:
        client.set_alias(strategy, name, "champion", by="ada")
        with pytest.raises(ServiceRefused, match="champion") as refused:
            client.delete_model(strategy, name)
        assert refused.value.status == 409
        newest = client.model(strategy, "SP500_1d_latest")["model_id"]
        deleted = client.delete_model(strategy, "SP500_1d_latest")
        assert (deleted["model_id"], deleted["latest"] != newest) == (newest, True)
        ended = client.wait(client.train("minimal", **ASKED)["operation_id"])
        assert int(ended["result"]["model_id"].rpartition("_v")[2]) == int(newest.rpartition("_v")[2]) + 1
        assert client.predict(strategy, "SP500_1d@champion")["model_id"] == model_id
