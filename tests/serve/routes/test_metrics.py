"""`/metrics` through the application."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient

from actors.meters import OPERATION_METRICS, SERVICE_METRICS, STORAGE_METRICS
from tests.fakes.house import House
from tests.fakes.scrape import families, value
from tests.serve.conftest import API, client_of


def test_prometheus_reads_every_metric_at_the_root(client: TestClient) -> None:
    client.post(f"{API}/trainings/start", json={"strategy_name": "minimal", "execution_mode": "host"})
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert families(answer.text) == sorted(
        metric.name for metric in (*OPERATION_METRICS, *STORAGE_METRICS, *SERVICE_METRICS)
    )
    assert value(answer.text, "ktrdr_submissions_total", "cpu-docker") == 1
    assert value(answer.text, "ktrdr_fallbacks_total", "host") == 1


def test_it_asks_for_the_key_as_a_bearer_token(house: House, tmp_path: Path) -> None:
    with client_of(house, tmp_path, api_key="a key") as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer a key"}).status_code == 200


def test_with_an_actor_away_it_answers_and_says_so(client: TestClient) -> None:
    client.app.state.gateway.away.add("model_storage")  # type: ignore[attr-defined]
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert value(answer.text, "ktrdr_actor_up", "model_storage") == 0
    assert value(answer.text, "ktrdr_actor_up", "operations") == 1
    assert value(answer.text, "ktrdr_operations", "pending") == 0
