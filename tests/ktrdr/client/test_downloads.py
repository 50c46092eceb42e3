"""What `Client` writes to a file: whole, verified, or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import ktrdr
from ktrdr.client import calls
from ktrdr.errors import ServiceRefused, StorageError
from ktrdr.wire import SHA256_HEADER

BLOB = b"packed" * 1000
SHA256 = hashlib.sha256(BLOB).hexdigest()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "wait_exponential", lambda **_: lambda _: 0.0)


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> ktrdr.Client:
    return ktrdr.Client("http://service", transport=httpx.MockTransport(answer))


def test_what_comes_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    file, asked = tmp_path / "model.artifact", []
    file.write_bytes(b"older")

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(200, content=BLOB, headers={SHA256_HEADER: SHA256})

    assert client_of(answer).download_artifact("train-1", file) == SHA256
    assert asked == [("GET", "/api/v1/operations/train-1/artifact")]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [BLOB]


def test_a_changed_byte_is_refused_and_the_older_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "model.artifact"
    file.write_bytes(b"older")
    client = client_of(lambda _: httpx.Response(200, content=BLOB[:-1] + b"?", headers={SHA256_HEADER: SHA256}))
    with pytest.raises(StorageError, match="SHA-256"):
        client.download_artifact("train-1", file)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_a_connection_that_breaks_is_begun_again(tmp_path: Path) -> None:
    n_tries = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal n_tries
        n_tries += 1
        if n_tries < 3:
            raise httpx.RemoteProtocolError("peer closed connection", request=request)
        return httpx.Response(200, content=BLOB, headers={SHA256_HEADER: SHA256})

    client_of(answer).download_artifact("train-1", tmp_path / "model.artifact")
    assert n_tries == 3
    assert len(list(tmp_path.iterdir())) == 1


def test_a_refusal_is_raised_with_its_problems_and_writes_nothing(tmp_path: Path) -> None:
    problem = {"title": "Unknown artifact", "detail": "No artifact of operation train-1 is kept."}
    with pytest.raises(ServiceRefused, match="No artifact"):
        client_of(lambda _: httpx.Response(404, json=problem)).download_artifact("train-1", tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    client = client_of(lambda _: httpx.Response(200, content=BLOB, headers={SHA256_HEADER: SHA256}))
    with pytest.raises(StorageError, match="nowhere"):
        client.download_artifact("train-1", tmp_path / "nowhere" / "f")


@pytest.mark.parametrize("name", ["", ".", "..", "/", "folder", "device", "file/below", "nowhere/f", "x" * 300, "a\0b"])
def test_what_is_no_name_for_a_file_is_refused_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked: list[httpx.Request] = []
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"older")
    os.mkfifo(tmp_path / "device")
    monkeypatch.chdir(tmp_path)
    client = client_of(lambda request: asked.append(request) or httpx.Response(200, content=BLOB))
    with pytest.raises(StorageError, match=r"no file|not name a file|cannot be written"):
        client.download_artifact("train-1", name)
    assert asked == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device", "file", "folder"]


def test_a_name_as_long_as_a_file_system_takes_is_one(tmp_path: Path) -> None:
    file = tmp_path / ("\u00fc" * 127)
    client = client_of(lambda _: httpx.Response(200, content=BLOB, headers={SHA256_HEADER: SHA256}))
    assert client.download_artifact("train-1", file) == SHA256
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [BLOB]


def test_a_folder_that_goes_while_it_comes_is_named_and_not_the_cleaning_up(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def answer(_: httpx.Request) -> httpx.Response:
        folder.rmdir()
        folder.write_bytes(b"")
        return httpx.Response(200, content=BLOB, headers={SHA256_HEADER: SHA256})

    with pytest.raises(StorageError, match="cannot be written: Not a directory"):
        client_of(answer).download_artifact("train-1", folder / "f")


def test_a_hand_over_made_again_has_its_route() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path))
        return httpx.Response(202, json={"status": "running"})

    assert client_of(answer).retry_transfer("train-1") == {"status": "running"}
    assert asked == [("POST", "/api/v1/operations/train-1/retry-transfer")]
