"""`ktrdr strategies check`, on the bundled bars; no service runs."""

from __future__ import annotations

import json

import pytest

from ktrdr.training.checkup import Checkup
from tests.fakes.leaks import let_indicators_see_the_next_bar
from tests.fakes.machine import FakeMachine

ALL_FLAT = "{source: triple_barrier, pt_multiplier: 1000, sl_multiplier: 1000, expiry_band: 1000}"
SHORT = ["--start-date", "2015-01-01"]


@pytest.fixture
def check(ktrdr):
    """Run `strategies check` where no service is."""
    return lambda *line, **given: ktrdr(["strategies", "check", *line], machine=FakeMachine(), **given)


def test_without_an_option_it_says_what_data_makes_of_the_strategy(check, strategies_dir):
    path = str(strategies_dir / "minimal.yaml")
    ran = check(path)
    assert (ran.code, ran.err) == (0, "")
    for said in ("3399 train", "BUY ", "1d_momentum", "low ", "high ", f"strategies check {path} --lookahead"):
        assert said in ran.out
    assert check(path, "--data").out == ran.out


def test_a_name_is_one_of_the_strategies_folder(check):
    assert "Strategy minimal on SP500 1d" in check("minimal").out
    unknown = check("minimall")
    assert unknown.code == 1
    assert "Did you mean 'minimal'?" in unknown.err


def test_json_of_the_data_is_a_checkup(check):
    ran = check("minimal", "--json", *SHORT)
    assert ran.code == 0
    found = Checkup.model_validate_json(ran.out)
    assert sum(found.label_shares.values()) == pytest.approx(1)


def test_json_of_the_lookahead_is_the_leaks_alone_and_with_data_is_both(check):
    ran = check("minimal", "--lookahead", "--json", *SHORT)
    assert (ran.code, json.loads(ran.out)) == (0, {"leaks": []})
    both = json.loads(check("minimal", "--lookahead", "--data", "--json", *SHORT).out)
    assert both.pop("leaks") == []
    assert both == json.loads(check("minimal", "--json", *SHORT).out)


def test_what_knows_the_future_is_named_with_column_bar_and_values_and_fails(check, monkeypatch):
    let_indicators_see_the_next_bar(monkeypatch)
    ran = check("minimal", "--lookahead", *SHORT)
    assert ran.code == 1
    [line] = [line for line in ran.err.splitlines() if "feature 1d_momentum_low of SP500 on bar 20" in line]
    assert " is " in line and " when bars after 20" in line
    assert "2 things know the future" in ran.out
    as_json = check("minimal", "--lookahead", "--json", *SHORT)
    assert (as_json.code, as_json.err) == (1, "")
    assert {"1d_momentum_low", "1d_momentum_high"} == {leak["column"] for leak in json.loads(as_json.out)["leaks"]}


def test_on_a_terminal_each_cut_is_shown(check):
    ran = check("minimal", "--lookahead", *SHORT, is_terminal=True)
    assert ran.code == 0
    assert "Cut" in ran.err
    assert "Cut" not in check("minimal", "--lookahead", *SHORT).err


def test_labels_of_one_class_are_an_error(check):
    ran = check("minimal", "--override", f"training.labels={ALL_FLAT}")
    assert ran.code == 1
    assert "are HOLD: nothing can be learned" in ran.err
    as_json = check("minimal", "--json", "--override", f"training.labels={ALL_FLAT}")
    assert as_json.code == 1
    assert json.loads(as_json.out)["errors"][0]["path"] == "training.labels"


def test_a_dead_zone_is_a_warning(check):
    ran = check("minimal", "--override", "fuzzy_sets.momentum.high=[95, 96, 97]")
    assert ran.code == 0
    assert "Warning: The fuzzy set '1d_momentum' says nothing on" in ran.err
    assert "mend it, then check it again" in ran.out


def test_symbols_and_dates_are_instead_of_the_files(check):
    ran = check("minimal", "--symbols", "NASDAQ,SP500", "--end-date", "2005-12-31")
    assert "on NASDAQ, SP500 1d, first bar to 2005-12-31" in ran.out
    assert check("minimal", "--timeframes", "1h").code == 1
    assert "not stored" in check("minimal", "--timeframes", "1h").err
    assert "--end-date" not in check("minimal", "--end-date", "2005-13-31").out


ASKED = ["--symbols", "NASDAQ", "--timeframes", "1d", "--end-date", "2016-12-31", "--override", "training.seed=3"]


def test_what_to_do_next_has_the_options_that_were_given(check):
    asked = " ".join(ASKED)
    ran = check("minimal", *ASKED)
    for command in ("strategies check minimal --lookahead", "models train minimal"):
        assert f".venv/bin/ktrdr {command} {asked}\n" in ran.out
    zone = "fuzzy_sets.momentum.high=[95, 96, 97]"
    again = check("minimal", "--data", "--start-date", "2015-01-01", "--override", zone)
    assert f"strategies check minimal --data --start-date 2015-01-01 --override '{zone}'\n" in again.out


def test_a_fault_of_an_override_is_said_to_be_one(check, strategies_dir, tmp_path):
    ran = check("minimal", "--override", "training.epochs=0", "--override", "training.seed=1")
    assert ran.code == 1
    assert "Error: --override: training.epochs: must be at least 1" in ran.err
    assert "correct the override" in ran.out
    assert "mend it" not in ran.out
    path = tmp_path / "wrong.yaml"
    path.write_text((strategies_dir / "minimal.yaml").read_text().replace("type: mlp", "type: mpl"))
    both = check(str(path), "--override", "training.epochs=0")
    assert f"Error: {path}: line " in both.err
    assert "Error: --override: training.epochs: " in both.err
    assert "mend it" in both.out


def test_timeframes_without_one_that_an_input_names_are_the_options_fault(check, strategies_dir):
    ran = check(str(strategies_dir / "weekly_trend.yaml"), "--timeframes", "1d")
    assert ran.code == 1
    assert "Error: timeframes: The request's timeframes leave out 1w, which nn_inputs." in ran.err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--symbols", ""), "symbols: No symbol is given."),
        (("--timeframes", ""), "timeframes: No timeframe is given."),
        (("--timeframes", "2h"), "timeframes: '2h' is no timeframe. Give one or more of 1m, 5m"),
    ],
)
def test_options_that_name_nothing_are_refused_in_plain_words(check, option, said):
    ran = check("minimal", *option)
    assert (ran.code, said in ran.err) == (1, True)


def test_a_file_with_faults_is_judged_first(check, strategies_dir, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text((strategies_dir / "minimal.yaml").read_text().replace("type: mlp", "type: mpl"))
    ran = check(str(path))
    assert ran.code == 1
    assert f"{path}: line " in ran.err
    assert "Did you mean 'mlp'?" in ran.err
    assert "Rows" not in ran.out
    assert json.loads(check(str(path), "--json").out)["errors"][0]["path"] == "model.type"
