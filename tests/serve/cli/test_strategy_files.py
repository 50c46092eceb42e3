"""`ktrdr strategies new|migrate|schema`: files that are written here; no service runs."""

from __future__ import annotations

import json

import pytest

from ktrdr.strategy import load_strategy
from ktrdr.strategy.starter import KINDS
from tests.fakes.machine import FakeMachine
from tests.ktrdr.strategy.older import V2


@pytest.fixture
def strategies(ktrdr):
    """Run `strategies ...` where no service is."""
    return lambda *line: ktrdr(["strategies", *line], machine=FakeMachine())


@pytest.fixture
def older(tmp_path):
    path = tmp_path / "older.yaml"
    path.write_text(V2)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_each_template_lands_in_the_strategies_folder_and_is_right(strategies, settings, kind):
    ran = strategies("new", "mine", "--template", kind)
    path = settings.strategies_dir / "mine.yaml"
    assert (ran.code, ran.err) == (0, "")
    for command in (f"strategies validate {path}", "strategies check mine", "models train mine"):
        assert f".venv/bin/ktrdr {command}" in ran.out
    assert load_strategy(path).name == "mine"


def test_the_help_names_every_template(strategies):
    shown = " ".join(strategies("new", "--help").out.split())
    assert all(kind in shown for kind in KINDS)


def test_what_is_there_is_never_replaced(strategies, settings):
    strategies("new", "mine")
    path = settings.strategies_dir / "mine.yaml"
    path.write_text("mine, changed")
    for line in (["mine"], ["sp500_daily"], ["mine", "--output", str(path)]):
        ran = strategies("new", *line)
        assert ran.code == 1
        assert "already" in ran.err
    assert path.read_text() == "mine, changed"
    assert [file.name for file in settings.strategies_dir.iterdir()] == ["mine.yaml"]


def test_a_new_one_goes_where_it_is_told_to(strategies, settings, tmp_path):
    path = tmp_path / "elsewhere.yaml"
    ran = strategies("new", "sp500_daily", "--output", str(path), "--json")
    assert json.loads(ran.out) == {
        "name": "sp500_daily",
        "template": "basic",
        "path": str(path),
        "text": path.read_text(),
    }
    assert not settings.strategies_dir.exists()


def test_a_wrong_name_or_template_writes_nothing(strategies, settings):
    assert "no name of a strategy" in strategies("new", "../mine").err
    assert "Did you mean 'lstm'?" in strategies("new", "mine", "--template", "lsmt").err
    assert not settings.strategies_dir.exists()


def test_an_older_file_comes_out_as_text_and_its_changes_beside_it(strategies, older, tmp_path):
    ran = strategies("migrate", str(older))
    assert ran.code == 0
    (tmp_path / "written.yaml").write_text(ran.out)
    assert load_strategy(tmp_path / "written.yaml").name == "trend_1_5"
    assert "Changed: version is 3.0." in ran.err
    assert f"Warning: Left behind: {older}: line 62, column 53: training.labels.label_lookahead" in ran.err
    assert f".venv/bin/ktrdr strategies migrate {older} --output NEW.yaml" in ran.err
    assert older.read_text() == V2


def test_an_older_file_is_written_but_over_nothing(strategies, older, tmp_path):
    path = tmp_path / "new.yaml"
    ran = strategies("migrate", str(older), "--output", str(path))
    assert ran.code == 0
    assert f".venv/bin/ktrdr strategies validate {path}" in ran.out
    text = path.read_text()
    path.write_text("something else")
    refused = strategies("migrate", str(older), "--output", str(path))
    assert (refused.code, path.read_text()) == (1, "something else")
    assert "--overwrite" in refused.err
    assert strategies("migrate", str(older), "--output", str(path), "--overwrite").code == 0
    assert path.read_text() == text
    assert sorted(file.name for file in tmp_path.iterdir() if file.is_file()) == ["new.yaml", "older.yaml"]


def test_in_json_the_text_stands_beside_what_became_of_it(strategies, older):
    ran = strategies("migrate", str(older), "--json")
    found = json.loads(ran.out)
    assert set(found) == {"strategy", "changes", "left_behind", "problems"}
    assert (ran.code, ran.err, found["problems"]) == (0, "", [])


def test_what_still_has_to_be_mended_is_exit_code_1(strategies, older):
    older.write_text(V2.replace("period: 14", "period: -14", 1))
    ran = strategies("migrate", str(older))
    assert ran.code == 1
    assert "Error: the rewritten file: line " in ran.err
    assert "period: -14" in ran.out


def test_what_cannot_be_migrated_is_refused_by_name(strategies, strategies_dir, tmp_path):
    path = strategies_dir / "minimal.yaml"
    ran = strategies("migrate", str(path))
    assert (ran.code, ran.out) == (1, "")
    assert f"Error: {path}: line " in ran.err
    assert "nothing to migrate" in ran.err
    nowhere = strategies("migrate", str(tmp_path / "nowhere.yaml"))
    assert nowhere.code == 1
    assert "nowhere.yaml: there is no such file" in nowhere.err


def test_the_schema_is_json_with_or_without_the_option(strategies):
    plain, as_json = strategies("schema"), strategies("schema", "--json")
    assert plain.out == as_json.out
    assert json.loads(plain.out)["title"] == "ktrdr strategy"
    assert "yaml-language-server" in plain.err
    assert as_json.err == ""
