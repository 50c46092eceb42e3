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
    "aliases": ["champion"],
    "note": "Trained on the long series.",
    "tags": ["live"],
    "features": ["1d_rsi_oversold"],
    "config": {"strategy": {"name": "sp500_daily"}, "request": {"seed": 1}},
    "files": [{"name": "model.pt", "sha256": "ab" * 32, "size": 4711}],
    "damaged": None,
}


def test_a_model_is_shown_with_metrics_features_and_files(ktrdr):
    client = FakeClient(model=MODEL)
    ran = ktrdr(["models", "show", "sp500_daily/SP500_1d_latest"], client)
    assert client.fields_of("model") == ("sp500_daily", "SP500_1d_latest")
    for said in (
        "champion",
        "live",
        "Trained on the long series.",
        recorded.MODEL_ID,
        "0.5234",
        recorded.VERDICT,
        "model.pt",
        "4711",
        "ab" * 32,
        "1d_rsi_oversold",
    ):
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


ITEM = {
    **MODEL,
    "test_accuracy": 0.5234,
    "majority_baseline": None,
    "test_metrics": {"accuracy": 0.5234, "mcc": 0.0876},
}


def test_models_are_listed_newest_first_as_the_service_gives_them(ktrdr):
    page = {"items": [ITEM, {**ITEM, "model_id": "a/b_v1", "is_latest": False}], "total_count": 3, "next_cursor": "x"}
    client = FakeClient(models=page)
    ran = ktrdr(["models", "list", "sp500_daily"], client)
    strategy, filters = client.fields_of("models")
    assert (strategy, {name: value for name, value in filters.items() if value is not None}) == (
        "sp500_daily",
        {"limit": 50},
    )
    assert ran.out.index(recorded.MODEL_ID) < ran.out.index("a/b_v1")
    assert "latest, champion" in ran.out
    assert "2 of 3; --limit shows more." in ran.out
    assert f".venv/bin/ktrdr models show {recorded.MODEL_ID}" in ran.out
    assert json.loads(ktrdr(["models", "list", "--json"], client).out) == page


def test_models_are_asked_for_by_filters_and_the_metric_is_shown(ktrdr):
    client = FakeClient(models={"items": [ITEM], "total_count": 1, "next_cursor": None})
    line = "--symbol SP500 --timeframe 1d --since 2026-01-01 --until 2026-01-31 --metric mcc --at-least 0.05"
    ran = ktrdr(["models", "list", *line.split(), "--alias", "champion", "--tag", "live", "--limit", "5"], client)
    assert client.fields_of("models") == (
        None,
        {
            "symbol": "SP500",
            "timeframe": "1d",
            "created_from": "2026-01-01",
            "created_to": "2026-01-31",
            "metric": "mcc",
            "at_least": 0.05,
            "alias": "champion",
            "tag": "live",
            "limit": 5,
        },
    )
    assert "0.0876" in ran.out


def test_where_no_model_is_as_was_asked_it_says_how_to_see_all(ktrdr):
    ran = ktrdr(["models", "list", "--tag", "x"], FakeClient(models={"items": [], "total_count": 0}))
    assert "There are no such models." in ran.out
    assert ran.out.rstrip().endswith(".venv/bin/ktrdr models list")


def test_where_there_are_no_models_it_says_how_to_get_one(ktrdr):
    ran = ktrdr(["models", "list", "mine"], FakeClient(models={"items": [], "total_count": 0}))
    assert ".venv/bin/ktrdr models train mine" in ran.out
