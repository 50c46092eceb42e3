from __future__ import annotations

import json

import pytest

from actors.strategy_catalog import StrategyCatalog
from ktrdr.strategy import StrategyLibrary, load_strategy
from tests.fakes.client import FakeClient
from tests.fakes.machine import FakeMachine
from tests.ktrdr.strategy.older import V2
from tests.ktrdr.strategy.texts import VALID

ENTRY = {
    "name": "sp500_daily",
    "source": "file",
    "training_status": "trained",
    "versions": ["SP500_1d_v1"],
    "last_operation_id": "train-1",
    "valid": True,
    "description": "Momentum of the S&P 500",
    "symbols": ["SP500"],
    "timeframes": ["1d"],
    "labels": "triple_barrier",
    "model": "mlp",
}
PROBLEM = {
    "path": "model.type",
    "message": "unknown type 'mpl'",
    "suggestion": "Did you mean 'mlp'?",
    "line": 3,
    "column": 9,
}
BROKEN = {
    **{key: ENTRY[key] for key in ("source", "training_status", "last_operation_id")},
    "name": "broken",
    "versions": [],
    "valid": False,
    "errors": [PROBLEM],
}


def test_strategies_are_listed_those_with_problems_too(ktrdr):
    page = {"items": [BROKEN, ENTRY], "total_count": 2, "next_cursor": None}
    ran = ktrdr(["strategies", "list"], FakeClient(strategies=page))
    assert "has problems" in ran.out
    assert ".venv/bin/ktrdr models train sp500_daily" in ran.out
    assert json.loads(ktrdr(["strategies", "list", "--json"], FakeClient(strategies=page)).out) == page


def test_a_strategy_is_shown_with_features_and_models(ktrdr):
    client = FakeClient(strategy={**ENTRY, "features": ["1d_rsi_oversold"], "strategy": {}})
    ran = ktrdr(["strategies", "show", "sp500_daily"], client)
    for said in ("1d_rsi_oversold", "SP500_1d_v1", "operations show train-1", "models train sp500_daily --plan"):
        assert said in ran.out


def test_a_file_is_shown_without_a_service_with_its_features_in_order(ktrdr, strategies_dir):
    path = strategies_dir / "weekly_trend.yaml"
    ran = ktrdr(["strategies", "show", str(path)], machine=FakeMachine())
    strategy = load_strategy(path)
    assert (ran.code, ran.err) == (0, "")
    assert f"Features ({len(strategy.features)})  {', '.join(strategy.features)}" in ran.out
    assert f"models train {path} --plan" in ran.out
    shown = json.loads(ktrdr(["strategies", "show", str(path), "--json"], machine=FakeMachine()).out)
    assert shown["features"] == list(strategy.features)
    assert load_strategy(shown["strategy"]) == strategy


def test_a_file_and_a_name_are_shown_with_the_same_facts(ktrdr, strategies_dir):
    path = strategies_dir / "minimal.yaml"
    of_file = json.loads(ktrdr(["strategies", "show", str(path), "--json"], machine=FakeMachine()).out)
    catalog = StrategyCatalog(StrategyLibrary([strategies_dir]))
    of_service = catalog.entry("minimal", [], [])
    of_trainings = {"training_status", "versions", "last_operation_id"}
    assert of_file == {key: value for key, value in of_service.items() if key not in of_trainings}


def test_a_file_with_faults_is_not_shown(ktrdr, tmp_path):
    (tmp_path / "wrong.yaml").write_text("name: x\n")
    ran = ktrdr(["strategies", "show", str(tmp_path / "wrong.yaml")], machine=FakeMachine())
    assert ran.code == 1
    assert "wrong.yaml: missing key" in ran.err or "wrong.yaml: line" in ran.err
    assert "Features" not in ran.out


def test_a_broken_strategy_is_shown_with_its_problems(ktrdr):
    ran = ktrdr(["strategies", "show", "broken"], FakeClient(strategy=BROKEN))
    assert "line 3, column 9: model.type: unknown type 'mpl'. Did you mean 'mlp'?" in ran.err
    assert "models train" not in ran.out


def test_a_right_file_is_judged_without_a_service(ktrdr, strategies_dir):
    path = strategies_dir / "minimal.yaml"
    ran = ktrdr(["strategies", "validate", str(path)], machine=FakeMachine())
    assert (ran.code, ran.err) == (0, "")
    assert f"models train {path}" in ran.out
    assert f"strategies check {path}" in ran.out


def test_every_problem_of_a_wrong_file_is_printed_with_line_column_and_suggestion(ktrdr, strategies_dir, tmp_path):
    text = (
        (strategies_dir / "minimal.yaml")
        .read_text()
        .replace("type: mlp", "type: mpl")
        .replace("{type: rsi}", "{type: rsy}")
    )
    (tmp_path / "wrong.yaml").write_text(text)
    ran = ktrdr(["strategies", "validate", str(tmp_path / "wrong.yaml")])
    assert ran.code == 1
    lines = [line for line in ran.err.splitlines() if "Did you mean" in line]
    assert len(lines) == 2
    assert all("wrong.yaml: line " in line and "column " in line for line in lines)
    as_json = ktrdr(["strategies", "validate", str(tmp_path / "wrong.yaml"), "--json"])
    assert as_json.code == 1
    assert [entry["path"] for entry in json.loads(as_json.out)["errors"]] == ["indicators.rsi.type", "model.type"]


def test_a_name_is_judged_as_a_file_is(ktrdr):
    ran = ktrdr(["strategies", "validate", "minimal"], machine=FakeMachine())
    assert (ran.code, ran.err) == (0, "")
    assert "minimal is right: strategy minimal" in ran.out
    unknown = ktrdr(["strategies", "validate", "minimall"], machine=FakeMachine())
    assert unknown.code == 1
    assert "Did you mean 'minimal'?" in unknown.err


def test_an_older_file_is_led_to_migrate(ktrdr, tmp_path):
    path = tmp_path / "older.yaml"
    path.write_text(V2)
    ran = ktrdr(["strategies", "validate", str(path)])
    [line] = ran.err.splitlines()
    assert f"`.venv/bin/ktrdr strategies migrate {path}` rewrites the file." in line
    assert f".venv/bin/ktrdr strategies migrate {path}\n" in ran.out
    assert "mend it" not in ran.out


@pytest.mark.parametrize(
    ("old", "new", "offered"),
    [
        ("source: zigzag", "source: zigzag, zigzag_threshold: 0.03", True),
        ("  type: mlp", "  type: mlp\n  architecture: {output_activation: softmax}", True),
        ("  type: mlp", "  type: mlp\n  features: {scale_features: true}", True),
        ("training:\n", "training:\n  method: supervised\n", True),
        ("training:\n", "training:\n  early_stopping: {enabled: true, patience: 5}\n", True),
        ("training:\n", "training:\n  epoch: 5\n", False),
        ("training:\n", "training:\n  epochs: 0\n", False),
    ],
)
def test_migrate_is_offered_where_it_mends_something(ktrdr, tmp_path, old, new, offered):
    path = tmp_path / "some.yaml"
    labels = ("{source: triple_barrier, pt_multiplier: 2.0}", "{source: zigzag}")
    architecture = ("  architecture: {hidden_layers: [8, 4], activation: relu, dropout: 0.1}\n", "")
    text = VALID.replace(*labels).replace(*architecture)
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    ran = ktrdr(["strategies", "validate", str(path)])
    assert ran.code == 1
    assert (f"strategies migrate {path}" in ran.out, "mend it" in ran.out) == (offered, not offered)


def test_a_file_that_is_not_there_is_no_valid_strategy(ktrdr):
    ran = ktrdr(["strategies", "validate", "nowhere.yaml"])
    assert ran.code == 1
    assert "there is no such file. Give the path of a strategy file." in ran.err
    assert "mend it" not in ran.out
