"""`GET /models/.../download` and `POST /models/import`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from actors import model_storage
from ktrdr.exchange import Uploads
from ktrdr.storage import ModelStorage
from serve.auth import MAX_BODY
from tests.fakes.artifacts import TREND
from tests.fakes.bundles import a_bundle, a_store
from tests.serve.conftest import API

MODEL = f"{API}/models/trend/SP500_1d_v1"
LARGE = {**TREND, "model": {"type": "mlp", "architecture": {"hidden_layers": [600, 600]}}}
"""Its bundle is larger than other bodies may be."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_storage, "PART_SIZE", 1000)


def uploads_in(tmp_path: Path) -> list[Path]:
    return list((tmp_path / ".ktrdr" / "uploads").glob("*"))


def test_a_version_comes_whole_with_its_size_name_and_checksum(client: TestClient, tmp_path: Path) -> None:
    a_store(tmp_path / "models")
    answer = client.get(f"{API}/models/trend/SP500_1d_latest/download")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["x-content-sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["content-disposition"] == 'attachment; filename="trend_SP500_1d_v1.ktrdr.zip"'
    assert answer.content == client.get(f"{MODEL}/download").content


def test_a_damaged_version_is_a_409_that_names_the_file_and_an_unknown_one_a_404(
    client: TestClient, tmp_path: Path
) -> None:
    a_store(tmp_path / "models")
    weights = tmp_path / "models" / "trend" / "SP500_1d_v1" / "model.pt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    damaged = client.get(f"{MODEL}/download")
    assert (damaged.status_code, damaged.json()["title"]) == (409, "Damaged model")
    assert "model.pt" in damaged.json()["detail"]
    unknown = client.get(f"{API}/models/trend/SP500_1d_v2/download")
    assert (unknown.status_code, unknown.json()["title"]) == (404, "Unknown model")
    assert client.get(f"{API}/models/trend/nothing/download").status_code == 422


def test_a_bundle_larger_than_other_bodies_becomes_the_next_version_and_the_same_one_no_other(
    client: TestClient, tmp_path: Path
) -> None:
    a_store(tmp_path / "models")
    bundle = a_bundle(tmp_path, LARGE, seed=1).read_bytes()
    assert len(bundle) > MAX_BODY
    answer = client.post(f"{API}/models/import", content=bundle)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert {key: said[key] for key in ("model_id", "strategy", "name", "version", "model_path")} == {
        "model_id": "trend/SP500_1d_v2",
        "strategy": "trend",
        "name": "SP500_1d_v2",
        "version": 2,
        "model_path": "models/trend/SP500_1d_v2",
    }
    assert client.post(f"{API}/models/import", content=bundle).json() == said
    assert (
        ModelStorage(tmp_path / "models").load("trend", "SP500_1d_latest").metadata["created_at"] == said["created_at"]
    )
    assert uploads_in(tmp_path) == []


def test_what_was_downloaded_can_be_imported(client: TestClient, tmp_path: Path) -> None:
    a_store(tmp_path / "models")
    bundle = client.get(f"{MODEL}/download").content
    assert client.post(f"{API}/models/import", content=bundle).json()["model_id"] == "trend/SP500_1d_v2"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_changed_byte_is_a_422_that_names_the_file_and_nothing_is_left(
    client: TestClient, tmp_path: Path, share: float
) -> None:
    bundle = bytearray(a_bundle(tmp_path).read_bytes())
    bundle[int(len(bundle) * share)] ^= 1
    answer = client.post(f"{API}/models/import", content=bytes(bundle))
    assert (answer.status_code, answer.json()["title"]) == (422, "Bad bundle")
    assert answer.json()["errors"][0]["suggestion"]
    assert client.get(f"{API}/models").json()["items"] == uploads_in(tmp_path) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"PK\x03\x04"])
def test_a_body_that_is_no_bundle_is_a_422(client: TestClient, body: bytes) -> None:
    answer = client.post(f"{API}/models/import", content=body)
    assert (answer.status_code, answer.json()["title"]) == (422, "Bad bundle")


def test_one_over_the_limit_is_a_413_whether_it_says_so_or_not(client: TestClient, tmp_path: Path) -> None:
    client.app.state.uploads = Uploads(tmp_path / ".ktrdr" / "uploads", max_size=1000)  # type: ignore[attr-defined]
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(11):
            taken.append(number)
            yield bytes(100)

    for body in (bytes(1001), pieces()):
        answer = client.post(f"{API}/models/import", content=body)
        assert (answer.status_code, answer.json()["title"]) == (413, "Bundle too large")
        assert "1,000 bytes" in answer.json()["detail"]
    assert uploads_in(tmp_path) == []
