from __future__ import annotations

import json

from tests.fakes.client import FakeClient
from tests.serve.cli import recorded
from tests.serve.cli.test_models import MODEL

OTHER = {
    **MODEL,
    "model_id": "sp500_daily/SP500_1d_v4",
    "aliases": [],
    "metrics": {"test_metrics": {**recorded.TEST_METRICS, "accuracy": 0.6001}},
    "config": {"strategy": {"name": "sp500_daily", "training": {"epochs": 9}}, "request": {"seed": 2}},
}
A, B = MODEL["model_id"], OTHER["model_id"]


def lines_with(text, name):
    return [line for line in text.splitlines() if name in line]


def test_models_stand_side_by_side_with_what_differs(ktrdr):
    client = FakeClient(model=[MODEL, OTHER])
    ran = ktrdr(["models", "compare", A, B], client)
    assert [asked for _, asked in client.asked] == [("sp500_daily", "SP500_1d_v3"), ("sp500_daily", "SP500_1d_v4")]
    [accuracy] = [line for line in lines_with(ran.out, "accuracy") if line.split()[0] == "accuracy"]
    assert accuracy.split() == ["accuracy", "0.5234", "0.6001"]
    assert lines_with(ran.out, "baseline.majority")[0].split()[1:] == ["0.5111", "0.5111"]
    assert lines_with(ran.out, "request.seed")[0].split()[1:] == ["1", "2"]
    assert lines_with(ran.out, "training.epochs")[0].split()[1:] == ["-", "9"]
    assert not [line for line in ran.out.splitlines() if line.split()[:1] == ["name"]]  # the same in both
    assert f".venv/bin/ktrdr models show {B}" in ran.out


def test_models_made_alike_are_said_to_be(ktrdr):
    ran = ktrdr(["models", "compare", A, B], FakeClient(model={**MODEL, "damaged": "model.pt"}))
    assert "made with the same settings" in ran.out
    assert "is damaged: model.pt" in ran.err


def test_as_json_it_is_one_document(ktrdr):
    compared = json.loads(ktrdr(["models", "compare", A, B, "--json"], FakeClient(model=[MODEL, OTHER])).out)
    assert compared["models"] == [A, B]
    assert compared["metrics"]["accuracy"] == [0.5234, 0.6001]
    assert compared["settings"] == {"request.seed": [1, 2], "training.epochs": [None, 9]}


def test_one_model_is_compared_with_nothing(ktrdr):
    client = FakeClient()
    assert ktrdr(["models", "compare", A], client).code == 2
    assert client.asked == []
