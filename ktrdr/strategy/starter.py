"""Texts of strategies to begin from, one of each kind, with comments that say what each section is for."""

from __future__ import annotations

from ktrdr.errors import RequestError, did_you_mean
from ktrdr.strategy.names import NAME
from ktrdr.strategy.reader import Reader


def starter(name: str, kind: str = "basic") -> str:
    """Return the text of a strategy to begin from.

    Parameters
    ----------
    name : str
        What it is called.
    kind : str, optional
        One of `KINDS`.

    Raises
    ------
    RequestError
        If a strategy cannot be called `name`, or there is no such kind.
    """
    if not NAME.fullmatch(name):
        raise RequestError(
            "name", f"'{name[:60]}' is no name of a strategy", "Use up to 64 letters, digits, - and _, no - or _ first."
        )
    if kind not in KINDS:
        raise RequestError(
            "template",
            f"there is no template '{kind[:60]}'",
            did_you_mean(kind, KINDS) or f"One of: {', '.join(KINDS)}.",
        )
    is_a_text = Reader(name).read() == name
    head = f"name: {name if is_a_text else repr(name)}".replace("'", '"')
    return f"{_TEXTS[kind][0]}\n{head}\n" + "\n".join(_TEXTS[kind][1:])


_HEADING = """\
# Check it with:      ktrdr strategies validate FILE
# Look at its sets:   ktrdr strategies check FILE --data
#
# It reads from top to bottom: bars -> indicators -> fuzzy sets -> the network's inputs -> labels -> training.
# A misspelled key is an error with its line, never a default.
"""

_DAILY_BARS = """\
version: "3.0"
description: ""                      # free text, kept with the model; so is `hypothesis`

# Which bars. Dates are inclusive; bars before `start` serve as warm-up.
training_data:
  symbols: {mode: single, symbol: SP500}           # several: {mode: multi_symbol, list: [SP500, NASDAQ]}
  timeframes: {mode: single, timeframe: 1d}
  date_range: {start: 2000-01-01, end: 2018-12-31}
"""

_TWO_TIMEFRAMES = """\
version: "3.0"
description: ""                      # free text, kept with the model; so is `hypothesis`

# Which bars. A weekly bar reaches a daily row only once its week has closed: nothing is seen early.
training_data:
  symbols: {mode: single, symbol: SP500}
  timeframes: {mode: multi_timeframe, list: [1d, 1w], base_timeframe: 1d}   # rows are the bars of the base
  date_range: {start: 2001-01-01, end: 2018-12-31}
"""

_INDICATORS = """\
# Formulas over past bars, by an id of your own. Prefer those whose values do not grow with the price.
indicators:
  rsi_14: {type: rsi, period: 14}                  # 0..100
  adx_14: {type: adx, period: 14}                  # 0..100; outputs adx, plus_di, minus_di
  roc_20: {type: roc, period: 20}                  # per cent
"""

_FUZZY_SETS = """\
# Numbers turned into words. Three parameters are a triangle, four a trapezoid; -.inf and .inf make a shoulder that
# never ends. Let neighbours overlap, so that every value belongs somewhere.
fuzzy_sets:
  momentum:
    indicator: rsi_14
    oversold: [-.inf, -.inf, 30, 45]
    neutral: [32, 50, 68]
    overbought: [58, 70, .inf, .inf]
  trend_strength:
    indicator: adx_14.adx                          # one output of an indicator that has several
    weak: [-.inf, -.inf, 14, 24]
    strong: [18, 32, .inf, .inf]
  month:
    indicator: roc_20
    falling: [-.inf, -.inf, -5, 0]
    flat: [-4, 0, 4]
    rising: [0, 5, .inf, .inf]
"""

_FUZZY_INPUTS = """\
# What the network sees, in this order: every term of every set listed is one input.
nn_inputs:
  - {fuzzy_set: momentum}
  - {fuzzy_set: trend_strength}
  - {fuzzy_set: month}
"""

_INPUTS_OF_TWO = """\
# What the network sees, in this order. Each set is computed on the bars of each timeframe that is listed for it.
nn_inputs:
  - {fuzzy_set: momentum, timeframes: all}         # daily and weekly
  - {fuzzy_set: trend_strength, timeframes: [1d]}
  - {fuzzy_set: month, timeframes: [1w]}           # 20 weeks here: the period counts bars
"""

_RAW_INPUTS = """\
# What the network sees, in this order. A raw input is the indicator itself, scaled by what the training rows say.
nn_inputs:
  - {fuzzy_set: momentum}
  - {fuzzy_set: trend_strength}
  - {raw_indicator: roc_20, normalization: zscore}          # zscore, minmax or none
  - {raw_indicator: adx_14.plus_di, normalization: zscore}
  - {raw_indicator: adx_14.minus_di, normalization: zscore}
"""

_MLP = """\
model:
  type: mlp
  architecture: {hidden_layers: [32, 16], activation: relu, dropout: 0.1}
"""

_LSTM = """\
# A network with a memory: each row is read together with the bars before it, a window that never crosses symbols.
model:
  type: lstm                                       # or gru
  architecture: {sequence_length: 20, hidden_size: 16, num_layers: 1}
"""

_CLASSES = """\
decisions:
  confidence_threshold: 0.4                        # the evaluation says how many rows reach it

training:
  # Is a price 2 volatilities above (BUY) or below (SELL) met first within 10 bars? If neither, the return decides.
  labels: {source: triple_barrier, pt_multiplier: 2.0, sl_multiplier: 2.0, max_holding_period: 10}
  class_weights: balanced                          # a rare class counts as much as a common one
"""

_RETURNS = """\
# The network forecasts a return; what a trade costs says when it is worth one: BUY or SELL beyond 0.002 x 1.5.
decisions:
  output_format: regression
  cost_model: {round_trip_cost: 0.002, min_edge_multiplier: 1.5}

training:
  labels: {source: forward_return, horizon: 10}    # without a threshold the label is the return itself
  loss: huber                                      # quadratic up to huber_delta, linear beyond: outliers weigh less
  huber_delta: 0.02
"""

_TRAINING = """\
  # In time order. Rows whose label was known only in the next part are left out, so that nothing leaks.
  data_split: {train: 0.7, validation: 0.15, test: 0.15}
  epochs: 40
  batch_size: 64
  learning_rate: 0.001
  optimizer: adam
  early_stopping: {patience: 10, min_delta: 0.0005, monitor: val_loss}
  seed: 7                                          # the same seed and bars give the same model
"""

# The first text of each stands above the name.
_TEXTS = {
    "basic": (
        "# A strategy on daily bars: three indicators, fuzzy sets over them, a small network.\n#\n" + _HEADING,
        _DAILY_BARS,
        _INDICATORS,
        _FUZZY_SETS,
        _FUZZY_INPUTS,
        _MLP,
        _CLASSES + _TRAINING,
    ),
    "multi_timeframe": (
        "# A strategy on daily bars that sees the weekly ones as well.\n#\n" + _HEADING,
        _TWO_TIMEFRAMES,
        _INDICATORS,
        _FUZZY_SETS,
        _INPUTS_OF_TWO,
        _MLP,
        _CLASSES + _TRAINING,
    ),
    "regression": (
        "# A strategy that forecasts the return of the next ten bars instead of a class.\n#\n" + _HEADING,
        _DAILY_BARS,
        _INDICATORS,
        _FUZZY_SETS,
        _FUZZY_INPUTS,
        _MLP,
        _RETURNS + _TRAINING,
    ),
    "lstm": (
        "# A strategy whose network reads a window of bars, in order.\n#\n" + _HEADING,
        _DAILY_BARS,
        _INDICATORS,
        _FUZZY_SETS.rpartition("  month:")[0],
        _RAW_INPUTS,
        _LSTM,
        _CLASSES + _TRAINING,
    ),
}

KINDS = tuple(_TEXTS)
"""The templates, the plainest first."""
