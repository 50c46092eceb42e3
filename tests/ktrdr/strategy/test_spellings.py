from __future__ import annotations

import pytest

from ktrdr.strategy import load_strategy, validate_strategy
from tests.ktrdr.strategy.texts import VALID, changed

RANGE = "date_range: {start: 2000-01-01, end: 2018-12-31}"
OLDER = [
    ("pt_multiplier: 2.0", "profit_target_atr: 3.0", lambda s: s.training.labels.pt_multiplier, 3.0),
    ("pt_multiplier: 2.0", "stop_loss_atr: 3.0", lambda s: s.training.labels.sl_multiplier, 3.0),
    ("pt_multiplier: 2.0", "max_holding_bars: 7", lambda s: s.training.labels.max_holding_period, 7),
    ("pt_multiplier: 2.0", "atr_period: 7", lambda s: s.training.labels.vol_span, 7),
    ("{type: macd}", "{type: macd, fast: 5}", lambda s: s.indicators["macd"].fast_period, 5),
    ("{type: macd}", "{type: macd, slow: 50}", lambda s: s.indicators["macd"].slow_period, 50),
    ("{type: macd}", "{type: macd, signal: 5}", lambda s: s.indicators["macd"].signal_period, 5),
    ("{mode: single, symbol: SP500}", "{mode: multi_symbol, symbols: [A, B]}", lambda s: s.symbols, ("A", "B")),
    (RANGE, "start_date: 2001-01-01", lambda s: s.training_data.date_range.start, "2001-01-01"),
    (RANGE, "end_date: 2001-01-01", lambda s: s.training_data.date_range.end, "2001-01-01"),
    ("  type: mlp", "  type: mlp\n  training: {seed: 3}", lambda s: s.training.seed, 3),
]


@pytest.mark.parametrize(("old", "new", "value_of", "expected"), OLDER)
def test_an_older_spelling_is_read_as_the_present_one_with_a_note(old, new, value_of, expected):
    found = validate_strategy(changed(old, new))
    assert found.problems == ()
    assert value_of(found.strategy) == expected
    (note,) = found.notes
    assert "present spelling" in note


def test_old_and_new_together_are_an_error_at_the_old_one():
    (found,) = validate_strategy(changed("pt_multiplier: 2.0", "pt_multiplier: 2.0, profit_target_atr: 2.0")).problems
    assert (found.path, found.line, found.column) == ("training.labels.profit_target_atr", 27, 56)
    assert "both are given" in found.message


def test_dates_that_run_backwards_are_reported_where_they_stand():
    (found,) = validate_strategy(changed(RANGE, "start_date: 2019-01-01\n  end_date: 2018-01-01")).problems
    assert (found.path, found.line, found.column) == ("training_data.start_date", 6, 3)
    (found,) = validate_strategy(changed(RANGE, RANGE.replace("2000", "2020"))).problems
    assert (found.path, found.line) == ("training_data.date_range", 6)


def test_training_under_model_as_a_whole_moves_out_and_is_respelled_inside():
    head, training = VALID.split("training:\n")
    moved = "".join(f"  {line}\n" for line in training.replace("pt_multiplier", "profit_target_atr").splitlines())
    text = head + "  training:\n" + moved
    assert load_strategy(text) == load_strategy(VALID)
    (found,) = validate_strategy(text.replace("profit_target_atr: 2.0", "profit_target_atr: -2.0")).problems
    assert (found.path, found.line, found.column) == ("model.training.labels.profit_target_atr", 27, 57)


def test_a_key_of_that_name_elsewhere_keeps_its_meaning():
    (found,) = validate_strategy(changed("period: 14", "fast: 14")).problems
    assert (found.path, found.message) == ("indicators.rsi_14.fast", "unknown key 'fast'")


def test_a_wrong_value_is_reported_under_the_spelling_in_the_file():
    (found,) = validate_strategy(changed("pt_multiplier: 2.0", "profit_target_atr: -1")).problems
    assert (found.path, found.line, found.column) == ("training.labels.profit_target_atr", 27, 55)
