from __future__ import annotations

import io
import json

import pytest

from ktrdr.errors import ServiceRefused
from tests.fakes.client import FakeClient, not_found
from tests.fakes.machine import FakeMachine
from tests.serve.cli import recorded
from tests.serve.cli.conftest import record_of

COMPLETED = recorded.operation("completed")


def a_client(**changes):
    end = changes.pop("end", COMPLETED)
    return FakeClient(train=recorded.STARTED, events=recorded.a_training(end), **changes)


def test_a_training_ends_with_metrics_beside_baselines_the_verdict_and_the_model(ktrdr):
    ran = ktrdr(["models", "train", "sp500_daily"], a_client())
    assert ran.code == 0
    accuracy = next(line for line in ran.out.splitlines() if line.split()[:1] == ["accuracy"])
    assert accuracy.split() == ["accuracy", "0.5234", "0.5111", "0.4999", "-"]
    for said in ("balanced accuracy", "F1", "MCC", "0.0876", recorded.VERDICT, "models/sp500_daily/SP500_1d_v3"):
        assert said in ran.out
    assert f".venv/bin/ktrdr models show {recorded.MODEL_ID}" in ran.out
    assert f".venv/bin/ktrdr operations show {recorded.OPERATION_ID}" in ran.out
    assert "http://127.0.0.1:8000" in ran.out


def test_a_regression_ends_with_its_errors_beside_two_forecasts_that_learn_nothing(ktrdr):
    metrics = recorded.TEST_METRICS | {"returns": recorded.RETURNS}
    ended = COMPLETED | {"result": recorded.RESULT | {"test_metrics": metrics}}
    ran = ktrdr(["models", "train", "sp500_regression"], a_client(end=ended))
    lines = {tuple(line.split()[:3]): line.split()[3:] for line in ran.out.splitlines()}
    assert lines["mean", "absolute", "error"] == ["0.0158", "0.0162", "0.0159"]
    assert "directional accuracy" in ran.out


def test_options_become_fields_of_the_request(ktrdr):
    client = a_client()
    line = ["models", "train", "sp500_daily", "--symbols", "SP500, NASDAQ", "--timeframes", "1d", "--mode", "local"]
    line += [
        "--start-date",
        "2001-01-01",
        "--end-date",
        "2010-12-31",
        "--require-gpu",
        "--seed",
        "7",
        "--run-name",
        "mine",
        "--wait-for-node",
        "90",
        "--checkpoint-every-epochs",
        "3",
    ]
    line += [
        "--override",
        "training.epochs=5",
        "--override",
        "model.hidden=[16, 8]",
        "--override",
        "training.rate=1e-3",
    ]
    ktrdr(line, client)
    asked = client.fields_of("train")
    assert asked.pop("operation_id").startswith("train-")
    assert asked == {
        "strategy_name": "sp500_daily",
        "symbols": ["SP500", "NASDAQ"],
        "timeframes": ["1d"],
        "start_date": "2001-01-01",
        "end_date": "2010-12-31",
        "execution_mode": "local",
        "require_gpu": True,
        "seed": 7,
        "run_name": "mine",
        "wait_for_node_s": 90.0,
        "checkpoint_every_epochs": 3,
        "overrides": {"training.epochs": 5, "model.hidden": [16, 8], "training.rate": 1e-3},
    }


def test_a_strategy_file_is_sent_as_its_text(ktrdr, strategies_dir):
    client, path = a_client(), strategies_dir / "minimal.yaml"
    ktrdr(["models", "train", str(path)], client)
    assert client.fields_of("train")["strategy"] == path.read_text()
    assert "strategy_name" not in client.fields_of("train")


def test_a_file_that_is_not_there_is_named(ktrdr):
    client = a_client()
    ran = ktrdr(["models", "train", "nowhere.yaml"], client)
    assert (ran.code, client.asked) == (1, [])
    assert "nowhere.yaml: There is no such file." in ran.err


@pytest.mark.parametrize("override", ["training.epochs", "=5", "training.epochs=[1"])
def test_an_override_that_cannot_be_read_is_a_usage_error(ktrdr, override):
    client = a_client()
    assert ktrdr(["models", "train", "sp500_daily", "--override", override], client).code == 2
    assert client.asked == []


def test_a_date_in_an_override_can_be_sent_as_json(ktrdr):
    client = a_client()
    ktrdr(["models", "train", "sp500_daily", "--override", "training_data.date_range.start=2001-01-01"], client)
    assert json.loads(json.dumps(client.fields_of("train")["overrides"])) == {
        "training_data.date_range.start": "2001-01-01"
    }


def test_a_failed_training_is_exit_code_1_with_its_problems_and_suggestions(ktrdr):
    ran = ktrdr(["models", "train", "sp500_daily"], a_client(end=recorded.operation("failed")))
    assert ran.code == 1
    assert "failed in step 5" in ran.err
    assert (
        "training.labels: All 600 training labels are flat: there is nothing to learn. Widen the date range." in ran.err
    )
    assert "Traceback" not in ran.out + ran.err
    assert f"operations logs {recorded.OPERATION_ID}" in ran.out


def test_a_cancelled_training_is_exit_code_1(ktrdr):
    assert ktrdr(["models", "train", "sp500_daily"], a_client(end=recorded.operation("cancelled"))).code == 1


def test_ctrl_c_cancels_the_operation_and_waits_for_its_end(ktrdr):
    events = [*recorded.a_training(COMPLETED)[:4], KeyboardInterrupt()]
    client = FakeClient(train=recorded.STARTED, events=events, cancel={}, wait=recorded.operation("cancelled"))
    ran = ktrdr(["models", "train", "sp500_daily"], client)
    operation_id = client.fields_of("train")["operation_id"]
    assert client.fields_of("cancel")[0] == client.fields_of("wait") == operation_id
    assert ran.code == 130
    assert "cancelling" in ran.err
    assert "Cancelled." in ran.err


def test_ctrl_c_before_the_start_was_answered_cancels_what_may_have_been_made(ktrdr):
    gone = not_found("Operation", "operation_id", "List them.")
    client = FakeClient(train=KeyboardInterrupt(), cancel=gone)
    assert ktrdr(["models", "train", "sp500_daily"], client).code == 130
    assert client.fields_of("cancel")[0] == client.fields_of("train")["operation_id"]


def test_a_second_ctrl_c_stops_waiting_and_says_where_to_look(ktrdr):
    client = FakeClient(train=recorded.STARTED, events=[KeyboardInterrupt()], cancel={}, wait=KeyboardInterrupt())
    ran = ktrdr(["models", "train", "sp500_daily"], client)
    assert ran.code == 130
    assert f"operations show {client.fields_of('train')['operation_id']}" in ran.err


def test_with_json_only_the_final_operation_is_on_stdout(ktrdr):
    ran = ktrdr(["models", "train", "sp500_daily", "--json"], a_client())
    assert json.loads(ran.out) == COMPLETED
    assert (ran.code, ran.err) == (0, "")


def test_detached_it_returns_at_once_and_says_how_to_watch(ktrdr):
    client = a_client()
    ran = ktrdr(["models", "train", "sp500_daily", "--detach"], client)
    assert (ran.code, [name for name, _ in client.asked]) == (0, ["train"])
    assert f".venv/bin/ktrdr operations follow {recorded.OPERATION_ID}" in ran.out


def test_a_fallback_is_a_warning_with_its_reason(ktrdr):
    started = {**recorded.STARTED, "fallback": True, "reason": "No mps-mac node is alive: it runs locally."}
    ran = ktrdr(["models", "train", "sp500_daily", "--detach"], FakeClient(train=started))
    assert "Warning: No mps-mac node is alive" in ran.err


def test_where_no_service_runs_the_embedded_one_is_started_and_that_is_said(ktrdr, settings):
    machine = FakeMachine(on_spawn=lambda child, _: record_of(child.pid, settings.home).write(settings.home))
    ran = ktrdr(["models", "train", "sp500_daily"], a_client(), machine)
    assert ran.code == 0
    assert len(machine.spawned) == 1
    assert "No service is running" in ran.err
    assert "Started the service at http://127.0.0.1:8000" in ran.out


PLAN = {
    "strategy_name": "sp500_daily",
    "placement": {
        "requested_mode": "auto",
        "execution_mode": "local",
        "environment": "cpu-docker",
        "fallback": False,
        "reason": "auto",
    },
    "symbols": ["SP500"],
    "timeframes": ["1d"],
    "start_date": "2000-01-03",
    "end_date": None,
    "bars": {"SP500 1d": 4780},
    "warmup_bars": 60,
    "rows": {"rows_train": 3200, "rows_validation": 800, "rows_test": 714},
    "label_shares": {"up": 0.4, "down": 0.35, "flat": 0.25},
    "features": ["1d_rsi_oversold"],
    "n_parameters": 1234,
}


def test_a_plan_trains_nothing(ktrdr):
    client = FakeClient(plan=PLAN)
    ran = ktrdr(["models", "train", "sp500_daily", "--plan"], client)
    assert (ran.code, [name for name, _ in client.asked]) == (0, ["plan"])
    for said in ("3200 train", "up 40.0%", "1d_rsi_oversold", "1234", ".venv/bin/ktrdr models train sp500_daily"):
        assert said in ran.out


IDENTICAL = {
    "model_id": recorded.MODEL_ID,
    "model_path": f"models/{recorded.MODEL_ID}",
    "operation_id": recorded.OPERATION_ID,
    "created_at": "2026-01-02T03:04:05.000006+00:00",
    "device": "cpu",
    "test_accuracy": 0.5234,
}
REUSED = {
    "success": True,
    "operation_id": recorded.OPERATION_ID,
    "status": "completed",
    "model_id": recorded.MODEL_ID,
    "model_path": f"models/{recorded.MODEL_ID}",
    "identical_model": IDENTICAL,
    "message": "There is one.",
}


class OneThere(FakeClient):
    """A service that has made the same training before."""

    def train(self, **fields):
        self._answer("train", fields)
        return REUSED if fields.get("reuse") else {**recorded.STARTED, "identical_model": IDENTICAL}

    @property
    def reuses(self):
        return [fields.get("reuse") for name, fields in self.asked if name == "train"]


def one_there():
    return OneThere(train=None, events=recorded.a_training(COMPLETED))


def answering(monkeypatch, text):
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_on_a_terminal_it_asks_whether_to_train_again_what_has_been_trained(ktrdr, monkeypatch):
    answering(monkeypatch, "n\n")
    client = one_there()
    ran = ktrdr(["models", "train", "sp500_daily"], client, is_terminal=True)
    assert (ran.code, client.reuses) == (0, ["if_identical"])
    assert "Train it again? [y/N]" in ran.out
    for said in (recorded.MODEL_ID, "on cpu", "0.5234", "Nothing is trained", f"models show {recorded.MODEL_ID}"):
        assert said in ran.out


def test_who_says_yes_gets_another_version(ktrdr, monkeypatch):
    answering(monkeypatch, "y\n")
    client = one_there()
    ran = ktrdr(["models", "train", "sp500_daily"], client, is_terminal=True)
    assert (ran.code, client.reuses) == (0, ["if_identical", None])


def test_who_ends_the_question_with_ctrl_c_has_started_nothing(ktrdr, monkeypatch):
    answering(monkeypatch, "")
    client = one_there()
    ran = ktrdr(["models", "train", "sp500_daily"], client, is_terminal=True)
    assert (ran.code, [name for name, _ in client.asked]) == (130, ["train"])


@pytest.mark.parametrize(("options", "is_terminal"), [(["--force"], True), ([], False), (["--json"], True)])
def test_with_force_and_where_nobody_can_be_asked_it_trains(ktrdr, options, is_terminal):
    client = one_there()
    ran = ktrdr(["models", "train", "sp500_daily", *options], client, is_terminal=is_terminal)
    assert (ran.code, client.reuses) == (0, [None])
    assert "--json" in options or f"has made {recorded.MODEL_ID}" in ran.out


def test_reuse_takes_the_model_without_asking(ktrdr):
    client = one_there()
    ran = ktrdr(["models", "train", "sp500_daily", "--reuse", "--json"], client)
    assert (ran.code, json.loads(ran.out), client.reuses) == (0, REUSED, ["if_identical"])
    detached = one_there()
    assert ktrdr(["models", "train", "sp500_daily", "--reuse", "--detach"], detached).code == 0
    assert detached.reuses == ["if_identical"]


def test_reuse_and_force_exclude_each_other(ktrdr):
    assert ktrdr(["models", "train", "sp500_daily", "--reuse", "--force"], one_there()).code == 2


class RegistryAway(FakeClient):
    """A service whose store of models does not answer."""

    def train(self, **fields):
        self._answer("train", fields)
        if fields.get("reuse"):
            raise ServiceRefused(503, "Service Unavailable", "The store of models does not answer.", ())
        return recorded.STARTED


def test_a_registry_that_is_away_holds_up_only_who_asked_to_reuse(ktrdr):
    client = RegistryAway(train=None, events=recorded.a_training(COMPLETED))
    assert ktrdr(["models", "train", "sp500_daily"], client, is_terminal=True).code == 0
    assert ktrdr(["models", "train", "sp500_daily", "--reuse"], client, is_terminal=True).code == 1
