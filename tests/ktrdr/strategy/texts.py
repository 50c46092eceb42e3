"""A small valid strategy file, and what is found when one place in it is changed."""

from __future__ import annotations

from ktrdr.errors import Problem
from ktrdr.strategy import validate_strategy

VALID = """\
name: example
version: "3.0"
training_data:
  symbols: {mode: single, symbol: SP500}
  timeframes: {mode: single, timeframe: 1d}
  date_range: {start: 2000-01-01, end: 2018-12-31}
indicators:
  rsi_14: {type: rsi, period: 14}
  macd: {type: macd}
fuzzy_sets:
  momentum:
    indicator: rsi_14
    low: [-.inf, -.inf, 30, 50]
    high: [50, 70, .inf, .inf]
  direction:
    indicator: macd.histogram
    down: [-.inf, -.inf, -2, 0]
    up: [0, 2, .inf, .inf]
nn_inputs:
  - {fuzzy_set: momentum}
  - fuzzy_set: direction
    timeframes: [1d]
model:
  type: mlp
  architecture: {hidden_layers: [8, 4], activation: relu, dropout: 0.1}
training:
  labels: {source: triple_barrier, pt_multiplier: 2.0}
  data_split: {train: 0.7, validation: 0.15, test: 0.15}
  epochs: 5
  optimizer: adam
"""


def changed(old: str, new: str) -> str:
    assert VALID.count(old) == 1, f"{old!r} stands {VALID.count(old)} times in the example"
    return VALID.replace(old, new)


def problems_after(old: str, new: str) -> tuple[Problem, ...]:
    return validate_strategy(changed(old, new)).problems


def only_problem(old: str, new: str) -> Problem:
    (problem,) = problems_after(old, new)
    return problem
