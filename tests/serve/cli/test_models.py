from __future__ import annotations

import json

from tests.fakes.client import FakeClient
from tests.serve.cli import recorded

MODEL = {
    "model_id": recorded.MODEL_ID,
    "strategy": "sp500_daily",
    "name": "SP500_1d_v3",
    "version": 3,
    "is_latest": True,
    "symbols": ["SP500"],
    "timeframes": ["1d"],
    "created_at": "2025-11-25T20:00:00.123456+00:00",
    "operation_id": recorded.OPERATION_ID,
    "metrics": {"test_metrics": recorded.TEST_METRICS},
    "features": ["1d_rsi_oversold"],
    "files": [{"name": "model.pt", "sha256": "ab" * 32, "size": 4711}],
    "damaged": None,
}


def test_a_model_is_shown_with_metrics_features_and_files(ktrdr):
    client = FakeClient(model=MODEL)
    ran = ktrdr(["models", "show", "sp500_daily/SP500_1d_latest"], client)
    assert client.fields_of("model") == ("sp500_daily", "SP500_1d_latest")
    for said in (recorded.MODEL_ID, "0.5234", recorded.VERDICT, "model.pt", "4711", "ab" * 32, "1d_rsi_oversold"):
        assert said in ran.out


def test_a_damaged_model_is_warned_of(ktrdr):
    ran = ktrdr(
        ["models", "show", recorded.MODEL_ID], FakeClient(model={**MODEL, "damaged": "model.pt", "metrics": {}})
    )
    assert "damaged: model.pt" in ran.err


def test_a_name_that_is_no_model_id_is_refused_without_asking(ktrdr):
    client = FakeClient()
    ran = ktrdr(["models", "show", "SP500_1d_v3"], client)
    assert (ran.code, client.asked) == (1, [])
    assert "`.venv/bin/ktrdr models list`" in ran.err


def test_models_are_listed_newest_first_as_the_service_gives_them(ktrdr):
    item = {**MODEL, "test_accuracy": 0.5234, "majority_baseline": None}
    page = {"items": [item, {**item, "model_id": "a/b_v1", "is_latest": False}], "total_count": 2, "next_cursor": None}
    client = FakeClient(models=page)
    ran = ktrdr(["models", "list", "sp500_daily"], client)
    assert client.fields_of("models") == "sp500_daily"
    assert ran.out.index(recorded.MODEL_ID) < ran.out.index("a/b_v1")
    assert f".venv/bin/ktrdr models show {recorded.MODEL_ID}" in ran.out
    assert json.loads(ktrdr(["models", "list", "--json"], client).out) == page


def test_where_there_are_no_models_it_says_how_to_get_one(ktrdr):
    ran = ktrdr(["models", "list", "mine"], FakeClient(models={"items": [], "total_count": 0}))
    assert ".venv/bin/ktrdr models train mine" in ran.out
