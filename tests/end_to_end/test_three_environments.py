"""Trainings through real HTTP on a real cluster of three labelled nodes."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import ray
import torch
from ray.util.state import list_tasks

import ktrdr
from actors.names import NAMESPACE, OPERATIONS
from ktrdr.data import BarStore, DataManager
from ktrdr.errors import ServiceRefused, UnknownStrategy
from ktrdr.storage import ModelStorage
from tests.end_to_end.conftest import (
    ENDLESS,
    Service,
    all_of,
    caught,
    check_equal,
    pid_of_training,
    wait_until,
    weights_of,
)

QUICK = {"training.epochs": 2}


@pytest.fixture(scope="module", autouse=True)
def three_nodes(shared_service: Service) -> None:
    shared_service.join("mps-mac")
    shared_service.join("cuda-cloud")


def train(service: Service, **fields: Any) -> dict[str, Any]:
    with service.client() as client:
        started = client.train("sp500_daily", **{"overrides": QUICK, **fields})
        return client.wait(started["operation_id"])


def models_of(service: Service) -> list[str]:
    with service.client() as client:
        return [model["model_id"] for model in client.models(limit=200)["items"]]


@pytest.mark.parametrize(
    ("mode", "environment"),
    [("local", "cpu-docker"), ("host", "mps-mac"), ("cloud", "cuda-cloud"), ("auto", "cpu-docker")],
)
def test_each_mode_trains_on_its_own_nodes_and_says_why(service: Service, mode: str, environment: str) -> None:
    operation = train(service, execution_mode=mode)
    assert operation["status"] == "completed", operation
    execution = operation["execution"]
    assert (execution["environment"], execution["fallback"]) == (environment, False)
    assert execution["device"] == "cpu"
    assert mode in execution["reason"]
    labels = {node["NodeID"]: node["Labels"] for node in ray.nodes()}
    assert labels[execution["node"]]["ktrdr.io/environment"] == environment


def test_the_same_seed_gives_identical_weights_in_process_and_through_http(
    service: Service, strategies_dir, bundled_bars_dir, tmp_path
) -> None:
    operation = train(service, seed=11)
    strategy = ktrdr.load_strategy(strategies_dir / "sp500_daily.yaml", QUICK)
    storage = ModelStorage(tmp_path / "models")
    executor = ktrdr.TrainingExecutor(strategy, data=DataManager(BarStore([bundled_bars_dir])), model_storage=storage)
    dates = strategy.training_data.date_range
    result = executor.execute(list(strategy.symbols), list(strategy.timeframes), dates.start, dates.end, seed=11)
    there = weights_of(service.settings.models_dir, operation["result"]["model_id"])
    check_equal(weights_of(tmp_path / "models", result["model_id"]), there)
    assert result["training_metrics"]["val_loss"] == operation["result"]["training_metrics"]["val_loss"]
    assert result["data_summary"] == operation["result"]["data_summary"]


@pytest.mark.parametrize("name", ["weekly_trend", "sp500_lstm", "sp500_regression", "fitted_sets"])
def test_every_kind_of_strategy_gives_there_what_it_gives_in_process(
    service: Service, strategies_dir: Path, bundled_bars_dir: Path, name: str
) -> None:
    with service.client() as client:
        started = client.train(name, overrides={"training.epochs": 1}, execution_mode="host")
        operation = client.wait(started["operation_id"])
    assert operation["status"] == "completed", operation
    strategy = ktrdr.load_strategy(strategies_dir / f"{name}.yaml", {"training.epochs": 1})
    executor = ktrdr.TrainingExecutor(strategy, data=DataManager(BarStore([bundled_bars_dir])))
    result = executor.execute(None, None, None, None)
    for part in ("test_metrics", "per_symbol_metrics", "indicator_importance", "data_summary", "fuzzy_coverage"):
        assert operation["result"][part] == result[part], part


def test_a_check_reads_the_heads_bars_and_finds_nothing_that_knows_the_future(service: Service) -> None:
    with service.client() as client:
        assert {"SP500", "NASDAQ"} <= {item["symbol"] for item in client.data()["items"]}
        checked = client.check(strategy_name="weekly_trend", lookahead=True)
    assert checked["leaks"] == []
    assert checked["resampled"] == {"SP500 1w": "1d"}
    assert checked["warnings"] == []


def test_a_stored_model_predicts_what_training_saw(service: Service) -> None:
    operation = train(service)
    loaded = ModelStorage(service.settings.models_dir).load(*operation["result"]["model_id"].split("/"))
    features = json.loads((service.settings.models_dir / operation["result"]["model_id"] / "features.json").read_text())
    logits = loaded.predict_outputs(torch.tensor(features["probe"]["rows"]).numpy())
    assert torch.allclose(torch.from_numpy(logits), torch.tensor(features["probe"]["outputs"]), atol=1e-5)
    assert operation["result"]["model_path"] == f"models/{operation['result']['model_id']}"


def test_an_absent_host_falls_back_to_local_with_a_warning_on_the_operation(service: Service) -> None:
    service.leave("mps-mac")
    try:
        wait_until(lambda: service.client().health()["nodes"]["mps-mac"] == 0, 20)
        operation = train(service, execution_mode="host")
        assert operation["status"] == "completed"
        assert operation["execution"]["environment"] == "cpu-docker"
        assert operation["execution"]["fallback"] is True
        assert "mps-mac" in operation["execution"]["reason"]
    finally:
        service.join("mps-mac")


@pytest.mark.parametrize("mode", ["auto", "local", "host", "cloud"])
def test_a_gpu_that_is_required_and_absent_is_an_error_that_names_the_nodes(service: Service, mode: str) -> None:
    before = service.client().operations()["total_count"]
    with pytest.raises(ServiceRefused) as refused:
        service.client().train("sp500_daily", execution_mode=mode, require_gpu=True)
    assert refused.value.status == 503
    assert "1 cuda-cloud (cpu)" in str(refused.value)
    assert service.client().operations()["total_count"] == before


def test_a_cancel_in_mid_epoch_stops_the_training_and_leaves_no_model(service: Service) -> None:
    before = models_of(service)
    with service.client() as client:
        operation_id = client.train("sp500_daily", overrides=ENDLESS)["operation_id"]
        for event in client.events(operation_id):
            if event.event == "progress" and event.payload["context"]["batch"]:
                break
        assert client.cancel(operation_id, "changed my mind")["status"] == "cancelling"
        operation = client.wait(operation_id)
        assert operation["status"] == "cancelled"
        assert "changed my mind" in operation["status_reason"]
        # it stopped by itself: one that is killed after the grace says nothing any more
        assert any(line["event"].startswith("Training stopped after") for line in client.logs(operation_id))
        with pytest.raises(ServiceRefused) as refused:
            client.cancel(operation_id)
        assert refused.value.status == 409
        assert "cancelled" in str(refused.value)
    assert models_of(service) == before


def test_a_training_that_hangs_is_killed_after_the_grace_and_its_memory_is_free(service: Service) -> None:
    with service.client() as client:
        operation_id = client.train("sp500_daily", overrides=ENDLESS)["operation_id"]
        pid = pid_of_training(operation_id)
        os.kill(pid, signal.SIGSTOP)  # it answers nothing any more, as in an endless call of C
        assert client.cancel(operation_id)["status"] == "cancelling"
        assert client.wait(operation_id)["status"] == "cancelled"
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), 20)


def test_ray_names_the_task_by_the_operation(service: Service) -> None:
    operation = train(service)
    wait_until(lambda: list_tasks(filters=[("name", "=", operation["operation_id"])]) != [], 20)


def test_news_replays_for_a_finished_operation_and_closes(service: Service) -> None:
    operation = train(service)
    with service.client() as client:
        events = list(client.events(operation["operation_id"], last_event_id=10**15))
    assert [event.event for event in events] == ["state", "end"]
    assert events[-1].payload["status"] == "completed"
    assert events[-1].payload["progress"]["percentage"] == 100.0


def test_the_log_numbers_the_steps_and_the_epochs_are_kept(service: Service) -> None:
    operation = train(service)
    with service.client() as client:
        lines = [record["event"] for record in client.logs(operation["operation_id"])]
        epochs = client.metrics(operation["operation_id"])["epochs"]
    assert [line.split(":")[0] for line in lines if line.startswith("Step 1:")]
    for number in range(1, 13):
        assert any(line.startswith(f"Step {number}:") for line in lines), number
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert [epoch["val_loss"] for epoch in epochs] == operation["result"]["training_metrics"]["val_loss"]


def test_an_idempotency_key_makes_one_operation_and_refuses_another_body(service: Service) -> None:
    url, headers = f"{service.url}/api/v1/trainings/start", {"Idempotency-Key": "one"}
    body = {"strategy_name": "sp500_daily", "overrides": QUICK}
    first, again = (httpx.post(url, json=body, headers=headers, timeout=30) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["operation_id"] == again.json()["operation_id"]
    other = httpx.post(url, json={**body, "seed": 5}, headers=headers, timeout=30)
    assert other.status_code == 422
    service.client().wait(first.json()["operation_id"])


def test_a_driver_trains_without_http_and_gets_the_same_errors(service: Service) -> None:
    operations = ray.get_actor(OPERATIONS, namespace=NAMESPACE)
    operation_id = ray.get(operations.submit.remote({"strategy_name": "sp500_daily", "overrides": QUICK}))
    assert ray.get(operations.wait.remote(operation_id)).status == "completed"
    with pytest.raises(UnknownStrategy, match="sp500_dialy"):
        ray.get(operations.submit.remote({"strategy_name": "sp500_dialy"}))


def test_one_class_labels_fail_in_step_5_with_a_suggestion_and_leave_nothing(service: Service) -> None:
    before = models_of(service)
    labels = {"source": "triple_barrier", "pt_multiplier": 1e6, "sl_multiplier": 1e6, "expiry_band": 1e6}
    operation = train(service, overrides={**QUICK, "training.labels": labels})
    assert operation["status"] == "failed"
    assert (operation["error"]["kind"], operation["error"]["step"]) == ("data", 5)
    assert "HOLD" in operation["error"]["message"]
    assert operation["error"]["problems"][0]["suggestion"]
    assert models_of(service) == before
    assert list((service.settings.models_dir / ".tmp").glob("*")) == []


BAD_REQUESTS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"strategy_name": "sp500_dialy"}, 404, "strategy_name", "Did you mean 'sp500_daily'?"),
    ({"strategy_name": "sp500_daily", "symbols": ["SP50"]}, 404, "symbols", "Did you mean 'SP500'?"),
    ({"strategy_name": "sp500_daily", "start_date": "2031-01-01"}, 422, "start_date", "2018-12-31"),
    ({"strategy_name": "sp500_daily", "strat_date": "2001-01-01"}, 422, "strat_date", "Did you mean 'start_date'?"),
    (
        {"strategy_name": "sp500_daily", "overrides": {"training.epoch": 3}},
        422,
        "training.epoch",
        "Did you mean 'epochs'?",
    ),
    ({"strategy_name": "sp500_daily", "execution_mode": "clowd"}, 422, "execution_mode", "cloud"),
]


@pytest.mark.parametrize(("body", "status", "path", "suggestion"), BAD_REQUESTS)
def test_a_bad_request_is_a_problem_with_a_suggestion(
    service: Service, body: dict[str, Any], status: int, path: str, suggestion: str
) -> None:
    answer = httpx.post(f"{service.url}/api/v1/trainings/start", json=body, timeout=30)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    [entry] = answer.json()["errors"]
    assert entry["path"].endswith(path)
    assert suggestion in f"{entry.get('suggestion')} {entry['message']}"
    assert "Traceback" not in answer.text


def test_a_typo_in_a_sent_file_is_shown_with_its_line(service: Service, strategies_dir) -> None:
    text = (strategies_dir / "sp500_daily.yaml").read_text().replace("learning_rate:", "learning_rat:")
    answer = httpx.post(f"{service.url}/api/v1/trainings/start", json={"strategy": text}, timeout=30)
    assert answer.status_code == 422
    [entry] = answer.json()["errors"]
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "learning_rat:" in line)
    assert entry["line"] == line
    assert entry["suggestion"] == "Did you mean 'learning_rate'?"


def test_unknown_routes_and_methods_are_problems(service: Service) -> None:
    for method, path, status in [
        ("GET", "/api/v1/nope", 404),
        ("PATCH", "/api/v1/operations", 405),
        ("GET", "/api/v1/indicators/rsii", 404),
    ]:
        answer = httpx.request(method, service.url + path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_plan_trains_nothing_and_counts_what_a_training_counts(service: Service) -> None:
    with service.client() as client:
        before = client.operations()["total_count"]
        plan = client.plan("sp500_daily")
        assert client.operations()["total_count"] == before
    result = train(service)["result"]
    assert plan["placement"]["environment"] == "cpu-docker"
    for key in ("rows_train", "rows_purged", "rows_test"):
        assert plan["rows"][key] == result["data_summary"][key]
    assert plan["features"] == result["feature_names"]


def test_the_default_mode_is_changed_and_said(service: Service) -> None:
    with service.client() as client:
        assert client.training_config()["default_execution_mode"] == "auto"
        changed = client.set_default_mode("cloud")
        try:
            assert changed["current"] == {"default_execution_mode": "cloud", "source": "api"}
            assert train(service)["execution"]["environment"] == "cuda-cloud"
        finally:
            client.set_default_mode("auto")


def test_a_killed_worker_is_tried_again_and_completes(service: Service) -> None:
    overrides = all_of(120)
    with service.client() as client:

        def start() -> str:
            return str(client.train("sp500_daily", overrides=overrides)["operation_id"])

        with caught(client, start, 1) as (operation_id, pid):
            os.kill(pid, signal.SIGKILL)
        operation = client.wait(operation_id)
        assert (operation["status"], operation["attempt"]) == ("completed", 2)
        assert len(operation["metrics"]["epochs"]) == 120
        of_operation = [model for model in client.models()["items"] if model["operation_id"] == operation_id]
        assert len(of_operation) == 1


def test_a_node_that_leaves_sends_its_training_back_into_the_queue_until_one_joins(service: Service) -> None:
    with service.client() as client:
        operation_id = client.train("sp500_daily", overrides=ENDLESS, execution_mode="host")["operation_id"]
        wait_until(lambda: (client.operation(operation_id)["progress"] or {}).get("current_step") == 7, 20)
        service.leave("mps-mac")
        wait_until(lambda: client.operation(operation_id)["status"] == "pending", 60)
        wait_until(lambda: "Needs environment mps-mac; 0 of" in client.operation(operation_id)["status_reason"], 20)
        assert client.operation(operation_id)["queue"] == {"position": 1, "ahead": 0}
        service.join("mps-mac")
        wait_until(lambda: client.operation(operation_id)["status"] == "running", 60)
        assert client.operation(operation_id)["attempt"] == 2
        client.cancel(operation_id)
        assert client.wait(operation_id)["status"] == "cancelled"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whenever_a_worker_is_killed_its_operation_ends_with_one_model_or_none(service: Service) -> None:
    overrides = all_of(20)
    with service.client() as client:
        for number in range(20):
            operation_id = client.train("sp500_daily", overrides=overrides)["operation_id"]
            running = [("name", "=", operation_id), ("state", "=", "RUNNING")]
            wait_until(lambda running=running: list_tasks(filters=running, detail=True) != [], 20)
            time.sleep(number * 0.25)  # from its first step to after its last
            for task in list_tasks(filters=running, detail=True):
                os.kill(task.worker_pid, signal.SIGKILL)
            assert client.wait(operation_id)["status"] == "completed"
            of_operation = [model for model in client.models()["items"] if model["operation_id"] == operation_id]
            assert len(of_operation) == 1
