from __future__ import annotations

import pytest

from ktrdr.strategy import validate_strategy
from tests.ktrdr.strategy.texts import VALID, only_problem

SYMBOLS, TIMEFRAMES = "{mode: single, symbol: SP500}", "{mode: single, timeframe: 1d}"
LABELS = "{source: triple_barrier, pt_multiplier: 2.0}"


@pytest.mark.parametrize(
    ("old", "new", "advice"),
    [
        (SYMBOLS, "SP500", "Write {mode: single, symbol: SP500}."),
        (SYMBOLS, "[A]", "Write {mode: single, symbol: A}."),
        (SYMBOLS, "[A, B]", "Write {mode: multi_symbol, list: [A, B]}."),
        (SYMBOLS, "[]", "Write {mode: single, symbol: SP500}."),
        (SYMBOLS, "5", "Write {mode: single, symbol: SP500}."),
        (TIMEFRAMES, "[1d, 1w]", "Write {mode: multi_timeframe, list: [1d, 1w]}."),
        (LABELS, "zigzag", "Write {source: zigzag}."),
        (LABELS, "[zigzag]", "Write {source: zigzag}."),
        ("epochs: 5", "early_stopping: true", "Write {patience: 10}."),
        ("{fuzzy_set: momentum}", "momentum", "Write {fuzzy_set: momentum}."),
        ("[-.inf, -.inf, 30, 50]", "30", "Write [0, 30, 45], a triangle, or 4 numbers, a trapezoid."),
        ("timeframes: [1d]", "timeframes: [all]", "Write timeframes: all, without brackets."),
        ("name: example", "name: 2020", "Put it in quotes: '2020'."),
        ("symbol: SP500", "symbol: 600519", "Put it in quotes: '600519'."),
        ('"3.0"', "3", "Put it in quotes: '3.0'."),
        ('"3.0"', "3.0", "Put it in quotes: '3.0'."),
    ],
)
def test_a_value_of_another_kind_is_answered_with_the_right_form(old, new, advice):
    assert only_problem(old, new).suggestion == advice


def test_a_form_is_advised_only_where_nothing_else_is():
    (found,) = validate_strategy(VALID, {"training.epochs": "5"}).problems
    assert found.suggestion is None
    assert only_problem("epochs: 5", "epoch: 5").suggestion == "Did you mean 'epochs'?"


@pytest.mark.parametrize(
    ("old", "new"),
    [(SYMBOLS, "SP500"), (SYMBOLS, "[A, B]"), (TIMEFRAMES, "1d"), (TIMEFRAMES, "[1d, 1w]"), (LABELS, "zigzag")],
)
def test_what_is_advised_is_right_when_it_is_written(old, new):
    advised = str(only_problem(old, new).suggestion).removeprefix("Write ").removesuffix(".")
    assert validate_strategy(VALID.replace(old, advised)).valid
