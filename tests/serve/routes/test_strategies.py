"""`/strategies/...` but listing, showing and validating, through the application."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ktrdr.strategy import load_strategy, read_document
from ktrdr.strategy.starter import KINDS
from tests.fakes.leaks import let_indicators_see_the_next_bar
from tests.ktrdr.strategy.older import V2
from tests.serve.conftest import API

ALL_FLAT = {
    "training.labels": {"source": "triple_barrier", "pt_multiplier": 1e3, "sl_multiplier": 1e3, "expiry_band": 1e3}
}


def test_a_check_says_rows_labels_and_coverage_and_asks_nothing_of_the_future(client: TestClient) -> None:
    answer = client.post(f"{API}/strategies/check", json={"strategy_name": "minimal"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["rows"]["rows_train"] > found["rows"]["rows_test"] > 0
    assert sum(found["label_shares"].values()) == pytest.approx(1)
    assert set(found["fuzzy_sets"]["1d_momentum"]["terms"]) == {"low", "high"}
    assert "leaks" not in found


def test_a_check_covers_the_symbols_and_dates_of_the_request(client: TestClient, strategies_dir: Path) -> None:
    asked = {"symbols": ["NASDAQ"], "start_date": "2010-01-01", "end_date": "2012-12-31", "lookahead": True}
    text = (strategies_dir / "minimal.yaml").read_text()
    found = client.post(f"{API}/strategies/check", json={"strategy": text, **asked}).json()
    assert list(found["labels"]) == ["NASDAQ"]
    assert found["rows"]["rows_loaded"] < 800
    assert found["leaks"] == []


def test_what_knows_the_future_is_named(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    let_indicators_see_the_next_bar(monkeypatch)
    asked = {"strategy_name": "minimal", "start_date": "2015-01-01", "lookahead": True}
    leaks = client.post(f"{API}/strategies/check", json=asked).json()["leaks"]
    assert ("feature", "1d_momentum_low", "SP500") in {(leak["kind"], leak["column"], leak["symbol"]) for leak in leaks}


@pytest.mark.parametrize(
    ("body", "status", "title"),
    [
        ({"strategy_name": "minimall"}, 404, "Unknown strategy"),
        ({"strategy_name": "minimal", "symbols": ["SP501"]}, 404, "Unknown symbol"),
        ({"strategy_name": "minimal", "timeframes": ["1h"]}, 422, "Only slower bars"),
        ({"strategy_name": "minimal", "start_date": "2030-01-01"}, 422, "No bars"),
        ({"strategy_name": "minimal", "overrides": ALL_FLAT}, 422, "One class labels"),
        ({"strategy": "name: x"}, 422, "Strategy error"),
        ({"strategy": "minimal.yaml"}, 422, "Strategy error"),
        ({}, 422, "Request error"),
        ({"strategy_name": "minimal", "seed": 1}, 422, "Request error"),
    ],
)
def test_a_check_that_cannot_be_made_is_a_problem(
    client: TestClient, body: dict[str, object], status: int, title: str
) -> None:
    answer = client.post(f"{API}/strategies/check", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["title"] == title


def test_the_schema_is_one_that_the_examples_keep(client: TestClient, strategies_dir: Path) -> None:
    schema = client.get(f"{API}/strategies/schema").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    document = load_strategy(strategies_dir / "minimal.yaml").document()
    assert validator.is_valid(document)
    assert not validator.is_valid({**document, "trainig": {}})


def test_an_older_file_comes_back_rewritten_with_what_became_of_it(client: TestClient) -> None:
    answer = client.post(f"{API}/strategies/migrate", json={"strategy": V2}).json()
    assert set(answer) == {"strategy", "changes", "left_behind", "problems"}
    assert load_strategy(read_document(answer["strategy"])).name == "trend_1_5"
    assert answer["problems"] == []
    assert all(entry["path"] and entry["line"] for entry in answer["left_behind"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.sampled_from(["/etc/passwd", "name: x", "indicators: []", "a: [", "{}", "- 1"]))
def test_what_is_no_older_file_is_a_422_or_comes_back_with_problems(client: TestClient, text: str) -> None:
    answer = client.post(f"{API}/strategies/migrate", json={"strategy": text})
    assert answer.status_code in (200, 422), answer.text
    assert answer.json()["problems"] if answer.status_code == 200 else answer.json()["errors"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_template_comes_as_a_strategy_and_nothing_is_written(
    client: TestClient, strategies_dir: Path, kind: str
) -> None:
    before = sorted(strategies_dir.iterdir())
    answer = client.post(f"{API}/strategies/new", json={"name": f"my_{kind}", "template": kind}).json()
    assert answer["name"] == f"my_{kind}"
    assert load_strategy(read_document(answer["text"])).name == f"my_{kind}"
    assert sorted(strategies_dir.iterdir()) == before


def test_a_name_that_is_none_is_a_422(client: TestClient) -> None:
    for name in ("../x", "a b", "", "x.yaml"):
        answer = client.post(f"{API}/strategies/new", json={"name": name})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "name")
