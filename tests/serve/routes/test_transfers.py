"""`POST /operations/{id}/retry-transfer` and `GET /operations/{id}/artifact`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from cluster import ClusterView
from ktrdr.operations import KeptArtifact, OperationError
from ktrdr.storage import Spool
from tests.fakes.house import House
from tests.fakes.runner import LOCAL_NODE
from tests.serve.conftest import API

BLOB = bytes(range(256)) * 3
SHA256 = hashlib.sha256(BLOB).hexdigest()


@pytest.fixture
def untaken(client: TestClient, house: House, tmp_path: Path) -> str:
    """An operation whose model waits on the one node there is."""
    started = client.post(f"{API}/trainings/start", json={"strategy_name": "minimal"})
    operation_id = str(started.json()["operation_id"])
    house.book.claim("cpu-docker", "me")
    path = Spool(tmp_path / ".ktrdr" / "spool").keep(operation_id, SHA256, BLOB)
    kept = KeptArtifact(
        node=LOCAL_NODE.node_id, address=LOCAL_NODE.address, path=str(path), sha256=SHA256, size=len(BLOB)
    )
    house.book.fail(operation_id, 1, OperationError(kind="result_transfer", message="The disk is full."), kept)
    return operation_id


def test_what_is_kept_is_shown_and_given_whole_with_size_name_and_checksum(client: TestClient, untaken: str) -> None:
    shown = client.get(f"{API}/operations/{untaken}").json()["artifact"]
    assert (shown["node"], shown["sha256"], shown["size"]) == (LOCAL_NODE.node_id, SHA256, len(BLOB))
    answer = client.get(f"{API}/operations/{untaken}/artifact")
    assert (answer.status_code, answer.content) == (200, BLOB)
    assert answer.headers["content-length"] == str(len(BLOB))
    assert answer.headers["x-content-sha256"] == SHA256
    assert answer.headers["content-disposition"] == f'attachment; filename="{untaken}.artifact"'


def test_it_is_reopened_with_202_and_asked_again_the_answer_is_the_same(
    client: TestClient, house: House, untaken: str
) -> None:
    answer = client.post(f"{API}/operations/{untaken}/retry-transfer")
    assert (answer.status_code, answer.json()["status"], answer.json()["attempt"]) == (202, "running", 1)
    reopened = house.book.get(untaken)
    house.view = ClusterView(())  # what was asked before is not judged again
    again = client.post(f"{API}/operations/{untaken}/retry-transfer")
    assert (again.status_code, again.json()["status"], again.json()["attempt"]) == (202, "running", 1)
    assert house.book.get(untaken) == reopened


def test_where_its_node_is_gone_both_are_a_409_that_says_where_it_lies(
    client: TestClient, house: House, untaken: str
) -> None:
    house.view = ClusterView(())
    for answer in (
        client.get(f"{API}/operations/{untaken}/artifact"),
        client.post(f"{API}/operations/{untaken}/retry-transfer"),
    ):
        assert (answer.status_code, answer.json()["title"]) == (409, "Artifact away")
        assert f"lies on node {LOCAL_NODE.node_id}" in answer.json()["detail"]


def test_one_that_was_swept_or_never_there_is_a_404(
    client: TestClient, house: House, untaken: str, tmp_path: Path
) -> None:
    Spool(tmp_path / ".ktrdr" / "spool").forget(untaken)
    swept = client.get(f"{API}/operations/{untaken}/artifact")
    assert (swept.status_code, swept.json()["title"]) == (404, "Unknown artifact")
    started = client.post(f"{API}/trainings/start", json={"strategy_name": "minimal"}).json()["operation_id"]
    assert client.get(f"{API}/operations/{started}/artifact").status_code == 404
    refused = client.post(f"{API}/operations/{started}/retry-transfer")
    assert (refused.status_code, "is pending" in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize(("method", "route"), [("GET", "artifact"), ("POST", "retry-transfer")])
def test_an_unknown_operation_is_a_404(client: TestClient, method: str, route: str) -> None:
    answer = client.request(method, f"{API}/operations/train-nope/{route}")
    assert (answer.status_code, answer.json()["title"]) == (404, "Unknown operation")
