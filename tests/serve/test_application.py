"""The HTTP surface over the real actors as plain objects: forms, statuses, problems, limits, the key."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from ktrdr.storage import ModelStorage
from serve.auth import MAX_BODY
from tests.fakes.artifacts import trained_artifact
from tests.fakes.house import House
from tests.fakes.results import a_result
from tests.serve.conftest import API, client_of


def start(client: TestClient, **fields: object) -> str:
    answer = client.post(f"{API}/trainings/start", json={"strategy_name": "minimal", **fields})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["operation_id"])


def complete(house: House, operation_id: str) -> None:
    assert house.book.claim("cpu-docker", "me") is not None
    complete_claimed(house, operation_id)


def complete_claimed(house: House, operation_id: str) -> None:
    book = house.book
    book.record_epochs(operation_id, 1, [{"epoch": 1, "val_loss": 0.5}])
    book.begin_commit(operation_id, 1)
    book.complete(operation_id, 1, a_result(model_id="m").model_dump(mode="json"))


def test_a_start_answers_with_the_operation_its_place_and_links_that_work(client: TestClient) -> None:
    answer = client.post(f"{API}/trainings/start", json={"strategy_name": "minimal", "execution_mode": "host"})
    body = answer.json()
    assert answer.status_code == 202
    assert (body["success"], body["execution_mode"], body["fallback"]) == (True, "local", True)
    assert "mps-mac" in body["reason"]
    assert client.get(body["links"]["self"]).json()["operation_id"] == body["operation_id"]


def test_a_listing_is_paged_newest_first(client: TestClient) -> None:
    ids = [start(client) for _ in range(3)]
    page = client.get(f"{API}/operations", params={"limit": 2}).json()
    assert [item["operation_id"] for item in page["items"]] == ids[:0:-1]
    assert page["total_count"] == 3
    rest = client.get(f"{API}/operations", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [item["operation_id"] for item in rest["items"]] == ids[:1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        ("GET", f"{API}/operations/train-nope", 404, "Unknown operation"),
        ("GET", f"{API}/operations/train-nope/logs", 404, "Unknown operation"),
        ("GET", f"{API}/operations/train-nope/events", 404, "Unknown operation"),
        ("POST", f"{API}/operations/train-nope/cancel", 404, "Unknown operation"),
        ("GET", f"{API}/operations?status=runing", 422, "Request error"),
        ("GET", f"{API}/operations?cursor=x", 422, "Request error"),
        ("GET", f"{API}/operations?limit=0", 422, "Request error"),
        ("GET", f"{API}/models/sp500_daily/SP500_1d_v9", 404, "Unknown model"),
        ("GET", f"{API}/models/sp500_daily/..%2F..%2Fetc", 404, "Not Found"),
        ("GET", f"{API}/models/sp500_daily/nothing", 422, "Request error"),
        ("GET", f"{API}/strategies/minimall", 404, "Unknown strategy"),
        ("GET", f"{API}/nope", 404, "Not Found"),
        ("GET", "/", 404, "Not Found"),
        ("PATCH", f"{API}/operations", 405, "Method Not Allowed"),
        ("GET", f"{API}/data/SP500", 404, "Not Found"),
        ("GET", f"{API}/indicators/rsii", 404, "Unknown indicator"),
        ("POST", f"{API}/operations/train-nope/resume", 404, "Unknown operation"),
        ("POST", f"{API}/operations/train-nope/retry", 404, "Unknown operation"),
        ("GET", f"{API}/operations/train-nope/logs?after=-1", 422, "Request error"),
    ],
)
def test_every_refusal_is_a_problem(client: TestClient, method: str, path: str, status: int, title: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["title"]) == (status, title)
    assert body["detail"]


def test_an_unknown_operation_is_named_as_the_contract_says(client: TestClient) -> None:
    answer = client.get(f"{API}/operations/train-nope")
    assert answer.json()["detail"] == "Operation not found: train-nope"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"strategy_name": NaN}'])
def test_a_body_that_is_no_request_is_a_422(client: TestClient, content: bytes) -> None:
    answer = client.post(f"{API}/trainings/start", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "body", "suggestion"),
    [
        ("POST", "/operations/train-1/cancel", {"reson": "x"}, "Did you mean 'reason'?"),
        ("PUT", "/trainings/config", {"default_mode": "auto"}, "Did you mean 'default_execution_mode'?"),
        ("POST", "/strategies/validate", {"strategi": "x"}, "Did you mean 'strategy'?"),
        ("POST", "/strategies/check", {"strategy_name": "minimal", "lookahed": True}, "Did you mean 'lookahead'?"),
        ("POST", "/strategies/new", {"name": "x", "templat": "lstm"}, "Did you mean 'template'?"),
        ("POST", "/strategies/new", {"name": "x", "template": "lstmm"}, "Did you mean 'lstm'?"),
        ("POST", "/trainings/plan", {"strategy_name": "minimal", "execution_mode": "clowd"}, "Did you mean 'cloud'?"),
        ("PUT", "/trainings/config", {"default_execution_mode": "clowd"}, "Did you mean 'cloud'?"),
    ],
)
def test_a_misspelled_field_or_value_is_answered_with_the_nearest_one(
    client: TestClient, method: str, path: str, body: dict[str, str], suggestion: str
) -> None:
    answer = client.request(method, API + path, json=body)
    assert answer.status_code == 422
    assert suggestion in [entry.get("suggestion") for entry in answer.json()["errors"]]


def test_a_strategy_nested_without_end_is_a_422(client: TestClient) -> None:
    nested: dict[str, object] = {}
    for _ in range(400):
        nested = {"a": nested}
    for body in ({"strategy": nested}, {"strategy_name": "minimal", "overrides": nested}):
        answer = client.post(f"{API}/trainings/start", json=body)
        assert answer.status_code == 422
        assert "levels deep" in answer.json()["detail"]


def test_no_place_is_a_503_that_says_when_to_try_again(client: TestClient) -> None:
    answer = client.post(f"{API}/trainings/start", json={"strategy_name": "minimal", "require_gpu": True})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["errors"][0]["suggestion"]


def test_a_body_over_the_limit_is_refused_whether_it_says_so_or_not(client: TestClient) -> None:
    too_much = b" " * (MAX_BODY + 1)
    assert client.post(f"{API}/trainings/start", content=too_much).status_code == 413
    pieces = (b" " * 65536 for _ in range(MAX_BODY // 65536 + 1))
    assert client.post(f"{API}/trainings/start", content=pieces).status_code == 413


def test_a_pending_operation_is_cancelled_at_once_and_an_ended_one_is_a_409(client: TestClient, house: House) -> None:
    operation_id = start(client)
    answer = client.post(f"{API}/operations/{operation_id}/cancel", json={"reason": "enough"})
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    again = client.delete(f"{API}/operations/{operation_id}")
    assert again.status_code == 409
    assert "cancelled" in again.json()["detail"]
    done = start(client)
    complete(house, done)
    assert client.post(f"{API}/operations/{done}/cancel").status_code == 409


def test_what_was_cancelled_after_a_checkpoint_is_resumed_and_what_has_none_is_a_409(
    client: TestClient, house: House
) -> None:
    operation_id = start(client)
    path = f"{API}/operations/{operation_id}"
    refused = client.post(f"{path}/resume")
    assert (refused.status_code, "is pending: it cannot be resumed" in refused.json()["detail"]) == (409, True)
    house.book.claim("cpu-docker", "me")
    house.book.checkpoint_kept(operation_id, 1)
    client.post(f"{path}/cancel")
    assert client.post(f"{path}/resume").status_code == 409
    house.book.acknowledge_cancel(operation_id, 1)
    assert client.get(path).json()["resumable"] is True
    resumed = client.post(f"{path}/resume")
    assert (resumed.status_code, resumed.json()["status"], resumed.json()["resumable"]) == (202, "pending", False)
    assert resumed.json()["operation_id"] == operation_id
    without = start(client)
    client.post(f"{API}/operations/{without}/cancel")
    refused = client.post(f"{API}/operations/{without}/resume")
    assert (refused.status_code, "is cancelled" in refused.json()["detail"]) == (409, True)
    assert "no checkpoint" in refused.json()["detail"]


def test_what_has_ended_is_retried_as_an_operation_of_its_own_that_names_its_parent(client: TestClient) -> None:
    parent = start(client, seed=5, overrides={"training.epochs": 2}, run_name="first")
    path = f"{API}/operations/{parent}"
    refused = client.post(f"{path}/retry")
    assert (refused.status_code, f"{parent} is pending" in refused.json()["detail"]) == (409, True)
    client.post(f"{path}/cancel")
    answer = client.post(f"{path}/retry")
    body = answer.json()
    assert (answer.status_code, body["success"], body["status"]) == (202, True, "pending")
    again = client.get(body["links"]["self"]).json()
    assert again["operation_id"] == body["operation_id"] != parent
    assert (again["parent_operation_id"], again["attempt"]) == (parent, 0)
    assert again["request"] == client.get(path).json()["request"]
    listed = client.get(f"{API}/operations").json()["items"]
    assert [item["parent_operation_id"] for item in listed] == [parent, None]


def test_a_retry_that_is_sent_twice_with_one_id_is_one_operation(client: TestClient, strategies_dir: Path) -> None:
    parent = start(client)
    path = f"{API}/operations/{parent}"
    client.post(f"{path}/cancel")
    first, second = (client.post(f"{path}/retry", json={"operation_id": "train-again"}) for _ in range(2))
    assert first.json()["operation_id"] == second.json()["operation_id"] == "train-again"
    assert client.get(f"{API}/operations").json()["total_count"] == 2
    wrong = client.post(f"{path}/retry", json={"operation_id": "../x"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "operation_id")


def test_a_result_is_there_once_it_is_complete(client: TestClient, house: House) -> None:
    operation_id = start(client)
    assert client.get(f"{API}/operations/{operation_id}/result").status_code == 409
    assert client.get(f"{API}/operations/{operation_id}/metrics").json()["epochs"] == []
    complete(house, operation_id)
    assert client.get(f"{API}/operations/{operation_id}/result").json()["model_id"] == "m"
    metrics = client.get(f"{API}/operations/{operation_id}/metrics").json()
    assert metrics["best_epoch"] == 1
    assert metrics == client.get(f"{API}/operations/{operation_id}").json()["metrics"]
    assert client.get(f"{API}/operations/train-none/metrics").status_code == 404


def test_the_metrics_of_ten_thousand_epochs_are_whole(client: TestClient, house: House) -> None:
    operation_id = start(client)
    house.book.claim("cpu-docker", "me")
    epoch = {"train_loss": 1.0883217463, "train_accuracy": 0.363013, "val_loss": 1.0627198, "val_accuracy": 0.4177298}
    house.book.record_epochs(operation_id, 1, [{"epoch": n, **epoch} for n in range(1, 10_001)])
    found = client.get(f"{API}/operations/{operation_id}/metrics").json()
    assert [one["epoch"] for one in found["epochs"]] == list(range(1, 10_001))
    assert (found["best_epoch"], found["is_overfitting"], found["is_plateaued"]) == (1, False, True)


def test_events_of_an_ended_operation_replay_its_state_and_close(client: TestClient, house: House) -> None:
    operation_id = start(client)
    complete(house, operation_id)
    with client.stream("GET", f"{API}/operations/{operation_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line]
    assert [line for line in lines if line.startswith("event:")] == ["event: state", "event: end"]
    end = json.loads(next(line for line in reversed(lines) if line.startswith("data:"))[5:])
    assert end["status"] == "completed"
    for wrong in ("x", "1" * 5000, "-1"):
        bad = client.get(f"{API}/operations/{operation_id}/events", headers={"Last-Event-ID": wrong})
        assert bad.status_code == 422


def test_logs_are_lines_of_json(client: TestClient, house: House) -> None:
    operation_id = start(client)
    asyncio.run(house.operations.report(operation_id, 1, None, [], [{"event": "one"}, {"event": "two"}]))
    answer = client.get(f"{API}/operations/{operation_id}/logs")
    assert [json.loads(line)["event"] for line in answer.text.splitlines()] == ["one", "two"]


def test_models_are_listed_and_shown(client: TestClient, tmp_path: Path) -> None:
    saved = ModelStorage(tmp_path / "models").save_model(trained_artifact())
    [listed] = client.get(f"{API}/models").json()["items"]
    assert listed["model_id"] == saved.model_id
    shown = client.get(f"{API}/models/{saved.model_id}").json()
    assert (shown["version"], shown["is_latest"], shown["damaged"]) == (1, True, None)
    latest = client.get(f"{API}/models/{saved.model_id.replace('_v1', '_latest')}").json()
    assert latest["model_id"] == saved.model_id
    assert client.get(f"{API}/models/{saved.strategy}").json()["total_count"] == 1


def test_strategies_say_how_their_last_training_went_and_where_they_came_from(
    client: TestClient, house: House, strategies_dir: Path
) -> None:
    before = {item["name"]: item for item in client.get(f"{API}/strategies").json()["items"]}
    assert before["minimal"]["training_status"] == "untrained"
    start(client)
    text = (strategies_dir / "minimal.yaml").read_text().replace("name: minimal", "name: sent_along")
    sent = client.post(f"{API}/trainings/start", json={"strategy": text})
    assert sent.status_code == 202, sent.text
    after = {item["name"]: item for item in client.get(f"{API}/strategies").json()["items"]}
    assert (after["minimal"]["training_status"], after["minimal"]["source"]) == ("training", "file")
    assert after["sent_along"]["source"] == "request"
    shown = client.get(f"{API}/strategies/sent_along").json()
    assert shown["features"]
    assert client.post(f"{API}/trainings/plan", json={"strategy": shown["strategy"]}).status_code == 200


def test_a_strategy_is_judged_with_every_problem_and_its_line(client: TestClient, strategies_dir: Path) -> None:
    text = (strategies_dir / "minimal.yaml").read_text()
    assert client.post(f"{API}/strategies/validate", json={"strategy": text}).json()["valid"] is True
    wrong = client.post(f"{API}/strategies/validate", json={"strategy": text.replace("training:", "trainig:")}).json()
    assert wrong["valid"] is False
    assert any("Did you mean 'training'?" in str(entry.get("suggestion")) for entry in wrong["errors"])
    assert all(entry["line"] for entry in wrong["errors"])
    for nonsense in ("", "a: [", "/etc/passwd"):
        judged = client.post(f"{API}/strategies/validate", json={"strategy": nonsense})
        assert (judged.status_code, judged.json()["valid"]) == (200, False)


def test_the_key_is_asked_for_everywhere_but_at_the_health_and_the_docs(house: House, tmp_path: Path) -> None:
    with client_of(house, tmp_path, api_key="a key") as client:
        assert client.get(f"{API}/health").status_code == 200
        assert client.get("/docs").status_code == 200
        assert client.get("/static-offline-docs/swagger-ui.css").status_code == 200
        refused = client.get(f"{API}/operations")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["content-type"] == "application/problem+json"
        assert client.get(f"{API}/operations", headers={"Authorization": "Bearer a kez"}).status_code == 401
        assert client.get(f"{API}/operations", headers={"Authorization": "Bearer a key"}).status_code == 200


def test_the_docs_describe_every_route(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert f"{API}/trainings/start" in paths
    assert all(operation["summary"] for of_path in paths.values() for operation in of_path.values())
    page = client.get("/docs")
    assert page.status_code == 200
    assert "https://" not in page.text  # it needs no other host
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_the_ingress_loads_no_torch() -> None:
    code = "import sys, serve.application; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


def test_an_identical_model_is_named_by_a_start_and_the_answer_where_it_may_be_reused(
    client: TestClient, house: House
) -> None:
    body = {"strategy_name": "minimal", "seed": 3}
    client.post(f"{API}/trainings/plan", json=body)
    made = {"model_id": "minimal/SP500_1d_v2", "model_path": "models/minimal/SP500_1d_v2", "operation_id": None}
    model = {**made, "created_at": "2026-01-02T03:04:05+00:00", "device": "cpu", "test_accuracy": 0.5}
    house.trained[house.asked_of_registry[-1][-1]] = model
    started = client.post(f"{API}/trainings/start", json=body)
    assert (started.status_code, started.json()["identical_model"]) == (202, model)
    reused = client.post(f"{API}/trainings/start", json={**body, "reuse": "if_identical"})
    assert (reused.status_code, reused.json()["model_id"]) == (200, "minimal/SP500_1d_v2")
    assert client.get(f"{API}/operations").json()["total_count"] == 1
    assert client.post(f"{API}/trainings/start", json={**body, "reuse": "always"}).status_code == 422
