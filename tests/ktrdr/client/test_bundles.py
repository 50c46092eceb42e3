"""What `Client` does with bundles: out to a file, and in from one, without holding it whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import ktrdr
from ktrdr.client import calls
from ktrdr.errors import ServiceRefused, StorageError
from ktrdr.wire import SHA256_HEADER

BLOB = b"bundle" * 100_000


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "wait_exponential", lambda **_: lambda _: 0.0)


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> ktrdr.Client:
    return ktrdr.Client("http://service", transport=httpx.MockTransport(answer))


def test_a_model_is_written_to_a_file_and_its_checksum_verified(tmp_path: Path) -> None:
    file, asked = tmp_path / "m.zip", []
    sha256 = hashlib.sha256(BLOB).hexdigest()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.raw_path.decode()))
        return httpx.Response(200, content=BLOB, headers={SHA256_HEADER: sha256})

    assert client_of(answer).download_model("trend", "%5EGSPC_1d_v1", file) == sha256
    assert asked == [("GET", "/api/v1/models/trend/%255EGSPC_1d_v1/download")]
    assert file.read_bytes() == BLOB
    broken = client_of(lambda _: httpx.Response(200, content=BLOB[1:], headers={SHA256_HEADER: sha256}))
    with pytest.raises(StorageError, match="SHA-256"):
        broken.download_model("trend", "SP500_1d_v1", tmp_path / "other.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["m.zip"]


def test_a_bundle_is_sent_as_it_is_and_from_its_beginning_where_the_connection_breaks(tmp_path: Path) -> None:
    file, got = tmp_path / "m.zip", []
    file.write_bytes(BLOB)

    def answer(request: httpx.Request) -> httpx.Response:
        got.append((request.method, request.url.path, request.headers["content-length"], request.read()))
        if len(got) == 1:
            raise httpx.RemoteProtocolError("peer closed connection", request=request)
        return httpx.Response(201, json={"model_id": "trend/SP500_1d_v2"})

    assert client_of(answer).import_model(file) == {"model_id": "trend/SP500_1d_v2"}
    assert got == [("POST", "/api/v1/models/import", str(len(BLOB)), BLOB)] * 2


def test_a_refused_bundle_and_a_file_that_is_not_there_are_raised(tmp_path: Path) -> None:
    file = tmp_path / "m.zip"
    file.write_bytes(BLOB)
    client = client_of(lambda _: httpx.Response(422, json={"title": "Bad bundle", "detail": "model.pt is changed."}))
    with pytest.raises(ServiceRefused, match=r"model\.pt"):
        client.import_model(file)
    with pytest.raises(FileNotFoundError):
        client.import_model(tmp_path / "nowhere.zip")
