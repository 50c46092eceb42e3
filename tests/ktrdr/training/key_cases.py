"""For every key of a strategy file: two values between which something that can be seen changes."""

from __future__ import annotations

from typing import Any

from tests.ktrdr.training.keys import Case, features, loaded, measured, model, names, rates, row_account, stopped
from tests.ktrdr.training.part_key_cases import OF_PARTS

INERT = {
    "Strategy.description": "a text",
    "Strategy.hypothesis": "another",
    "Strategy.scope": {"any": ["content", 1]},
    "Strategy.deployment": {"broker": "none"},
    "Decisions.position_awareness": {"max": 1},
    "Decisions.filters": [{"volume": 100}],
}
"""Kept with the model and otherwise without effect, by declaration."""

ONE_VALUE = {"Strategy.version": ("version", "3.0"), "FittedSet.fit": ("fuzzy_sets.roc.fit", "quantiles")}
"""Keys with a single value: where they stand. What they tell is that the file, or the set, is of that kind."""


def _at(seen: Any, path: str, before: Any, after: Any, **base: Any) -> Case:
    """Return the case of two values at one path, beside values that both have; `__` in a keyword is a dot."""
    common = {key.replace("__", "."): value for key, value in base.items()}
    # None takes a key away, which one that is not there does not allow
    return Case(seen, *({**common, **({} if value is None else {path: value})} for value in (before, after)))


SYMBOL, SYMBOLS = {"mode": "single", "symbol": "A"}, {"mode": "multi_symbol", "list": ["A", "B"]}
DAYS = {"mode": "single", "timeframe": "1d"}
BOTH = {"mode": "multi_timeframe", "list": ["1d", "1w"]}
DATES = {"start": "1990-06-01", "end": "1991-06-01"}
SHORT = {"source": "context", "horizon": 2}
FITTED = {"indicator": "roc_10", "fit": "quantiles", "terms": ["low", "high"]}

OF_DATA = {
    "Strategy.training_data": _at(loaded, "training_data.date_range", None, DATES),
    "TrainingData.symbols": _at(loaded, "training_data.symbols", SYMBOL, SYMBOLS),
    "TrainingData.timeframes": _at(features, "training_data.timeframes", DAYS, BOTH),
    "TrainingData.date_range": _at(loaded, "training_data.date_range", None, DATES),
    "TrainingData.history_required": _at(
        loaded, "training_data.history_required", 0, 60, training_data__date_range=DATES
    ),
    "SingleSymbol.mode": _at(loaded, "training_data.symbols", SYMBOL, SYMBOLS),
    "SingleSymbol.symbol": _at(loaded, "training_data.symbols.symbol", "A", "B"),
    "MultiSymbol.mode": _at(loaded, "training_data.symbols", SYMBOLS, SYMBOL),
    "MultiSymbol.list": _at(loaded, "training_data.symbols.list", ["A", "B"], ["B"], training_data__symbols=SYMBOLS),
    "SingleTimeframe.mode": _at(features, "training_data.timeframes", DAYS, BOTH),
    "SingleTimeframe.timeframe": _at(loaded, "training_data.timeframes.timeframe", "1d", "1w", training__labels=SHORT),
    "MultiTimeframe.mode": _at(features, "training_data.timeframes", BOTH, DAYS),
    "MultiTimeframe.list": _at(
        features, "training_data.timeframes.list", ["1d", "1w"], ["1d"], training_data__timeframes=BOTH
    ),
    "MultiTimeframe.base_timeframe": _at(
        row_account,
        "training_data.timeframes.base_timeframe",
        None,
        "1w",
        training_data__timeframes=BOTH,
        training__labels=SHORT,
    ),
    "DateRange.start": _at(loaded, "training_data.date_range.start", None, "1990-03-01"),
    "DateRange.end": _at(loaded, "training_data.date_range.end", None, "1991-06-01"),
}

OF_INPUTS = {
    "Strategy.indicators": _at(features, "indicators.roc_10.period", 10, 11),
    "Strategy.fuzzy_sets": _at(features, "fuzzy_sets.roc.rising", [0, 10, 30], [0, 12, 30]),
    "Strategy.nn_inputs": _at(features, "nn_inputs", [{"fuzzy_set": "rsi"}], [{"fuzzy_set": "roc"}]),
    "FuzzySet.indicator": _at(features, "fuzzy_sets.roc.indicator", "roc_10", "rsi_14"),
    "FuzzySet.memberships": _at(features, "fuzzy_sets.roc.steady", None, [-5, 0, 5]),
    "FittedSet.indicator": _at(features, "fuzzy_sets.roc.indicator", "roc_10", "rsi_14", fuzzy_sets__roc=FITTED),
    "FittedSet.terms": _at(
        features, "fuzzy_sets.roc.terms", ["low", "high"], ["low", "middle", "high"], fuzzy_sets__roc=FITTED
    ),
    "FuzzyInput.fuzzy_set": _at(features, "nn_inputs.0.fuzzy_set", "rsi", "roc", nn_inputs=[{"fuzzy_set": "rsi"}]),
    "FuzzyInput.timeframes": _at(features, "nn_inputs.0.timeframes", "all", ["1w"], training_data__timeframes=BOTH),
    "RawInput.raw_indicator": _at(
        features, "nn_inputs.0.raw_indicator", "rsi_14", "roc_10", nn_inputs=[{"raw_indicator": "rsi_14"}]
    ),
    "RawInput.normalization": _at(
        features, "nn_inputs.0.normalization", "none", "minmax", nn_inputs=[{"raw_indicator": "rsi_14"}]
    ),
    "RawInput.timeframes": _at(
        features,
        "nn_inputs.0.timeframes",
        "all",
        ["1d"],
        nn_inputs=[{"raw_indicator": "rsi_14"}],
        training_data__timeframes=BOTH,
    ),
    "ModelFeatures.lookback_periods": _at(features, "model.features.lookback_periods", 1, 2),
}

RECURRENT = {"sequence_length": 3, "hidden_size": 4}
LSTM, GRU = ({"type": type_, "architecture": RECURRENT} for type_ in ("lstm", "gru"))

OF_MODELS = {
    "Strategy.model": _at(model, "model.architecture.hidden_layers", [8], [9]),
    "MLP.type": _at(model, "model", {"type": "mlp"}, GRU),
    "MLP.architecture": _at(model, "model.architecture.hidden_layers", [8], [8, 4]),
    "MLP.features": _at(model, "model.features", None, {"lookback_periods": 1}),
    "MLPArchitecture.hidden_layers": _at(model, "model.architecture.hidden_layers", [8], [9]),
    "MLPArchitecture.activation": _at(model, "model.architecture.activation", "relu", "tanh"),
    "MLPArchitecture.dropout": _at(model, "model.architecture.dropout", 0.0, 0.3),
    "LSTM.type": _at(model, "model.type", "lstm", "gru", model=LSTM),
    "LSTM.architecture": _at(model, "model.architecture.hidden_size", 4, 5, model=LSTM),
    "LSTM.features": _at(model, "model.features", None, {"lookback_periods": 1}, model=LSTM),
    "GRU.type": _at(model, "model.type", "gru", "lstm", model=GRU),
    "GRU.architecture": _at(model, "model.architecture.hidden_size", 4, 5, model=GRU),
    "GRU.features": _at(model, "model.features", None, {"lookback_periods": 1}, model=GRU),
    "RecurrentArchitecture.sequence_length": _at(model, "model.architecture.sequence_length", 3, 4, model=LSTM),
    "RecurrentArchitecture.hidden_size": _at(model, "model.architecture.hidden_size", 4, 5, model=LSTM),
    "RecurrentArchitecture.num_layers": _at(model, "model.architecture.num_layers", 2, 3, model=LSTM),
    "RecurrentArchitecture.dropout": _at(model, "model.architecture.dropout", 0.0, 0.3, model=LSTM),
}

CLASSES = {"source": "forward_return", "horizon": 5, "threshold": 0.01}
RETURNS = {
    "decisions": {"output_format": "regression", "cost_model": {"round_trip_cost": 0.002}},
    "training__labels": {"source": "forward_return", "horizon": 5},
}
BY_COST = {"output_format": "regression", "cost_model": {"round_trip_cost": 0.004}}

OF_DECISIONS = {
    "Strategy.decisions": _at(measured, "decisions", {"confidence_threshold": 0.3}, {"confidence_threshold": 0.4}),
    "Decisions.output_format": Case(
        measured,
        {"training.labels": CLASSES, "decisions": {"output_format": "classification"}},
        {"training.labels": RETURNS["training__labels"], "decisions": RETURNS["decisions"]},
    ),
    "Decisions.confidence_threshold": _at(measured, "decisions.confidence_threshold", 0.3, 0.4),
    "Decisions.cost_model": _at(measured, "decisions", RETURNS["decisions"], BY_COST, **RETURNS),
    "CostModel.round_trip_cost": _at(measured, "decisions.cost_model.round_trip_cost", 0.002, 0.004, **RETURNS),
    "CostModel.min_edge_multiplier": _at(measured, "decisions.cost_model.min_edge_multiplier", 1.0, 1.5, **RETURNS),
}


def _split(*shares: float) -> dict[str, float]:
    return dict(zip(("train", "validation", "test"), shares, strict=True))


LONG = {"training__epochs": 14, "training__learning_rate": 0.1, "training__optimizer": "rmsprop"}
PATIENT = {"patience": 3, "min_delta": 0.0, "monitor": "val_loss"}


def _schedule(type_: str, key: str, before: Any, after: Any) -> Case:
    base = {"training__lr_scheduler": {"type": type_}, **LONG}
    return _at(rates, f"training.lr_scheduler.{key}", before, after, **base)


def _type(type_: str) -> Case:
    other = "exponential" if type_ != "exponential" else "cosine"
    return _at(rates, "training.lr_scheduler", {"type": type_}, {"type": other}, training__epochs=31)


OF_TRAINING = {
    "Strategy.training": _at(model, "training.seed", 7, 8),
    "Training.labels": _at(model, "training.labels", CLASSES, {**CLASSES, "threshold": 0.02}),
    "Training.data_split": _at(row_account, "training.data_split", None, _split(0.6, 0.2, 0.2)),
    "DataSplit.train": _at(row_account, "training.data_split", _split(0.6, 0.2, 0.2), _split(0.7, 0.2, 0.1)),
    "DataSplit.validation": _at(row_account, "training.data_split", _split(0.6, 0.2, 0.2), _split(0.6, 0.1, 0.3)),
    "DataSplit.test": _at(row_account, "training.data_split", _split(0.6, 0.2, 0.2), _split(0.7, 0.2, 0.1)),
    "DataSplit.embargo_bars": _at(
        row_account, "training.data_split.embargo_bars", 0, 5, training__data_split=_split(0.6, 0.2, 0.2)
    ),
    "Training.epochs": _at(stopped, "training.epochs", 2, 3),
    "Training.batch_size": _at(model, "training.batch_size", 64, 32),
    "Training.learning_rate": _at(model, "training.learning_rate", 0.001, 0.002),
    "Training.optimizer": _at(model, "training.optimizer", "adam", "adamw", training__weight_decay=0.1),
    "Training.weight_decay": _at(model, "training.weight_decay", 0.0, 0.1),
    "Training.momentum": _at(model, "training.momentum", 0.9, 0.5, training__optimizer="sgd"),
    "Training.lr_scheduler": _at(model, "training.lr_scheduler", "none", "exponential"),
    "Training.early_stopping": _at(stopped, "training.early_stopping", None, PATIENT, **LONG),
    "Training.gradient_clip": _at(model, "training.gradient_clip", None, 0.01),
    "Training.loss": _at(model, "training.loss", "cross_entropy", "focal"),
    "Training.focal_gamma": _at(model, "training.focal_gamma", 2.0, 3.0, training__loss="focal"),
    "Training.huber_delta": _at(model, "training.huber_delta", 0.01, 0.02, **RETURNS),
    "Training.class_weights": _at(model, "training.class_weights", "none", "balanced"),
    "Training.sample_weights": _at(model, "training.sample_weights", "none", "uniqueness"),
    "Training.seed": _at(model, "training.seed", 7, 8),
    "EarlyStopping.patience": _at(
        stopped,
        "training.early_stopping.patience",
        1,
        6,
        training__early_stopping={"min_delta": 10.0},
        training__epochs=9,
    ),
    "EarlyStopping.min_delta": _at(
        stopped,
        "training.early_stopping.min_delta",
        0.0,
        10.0,
        training__early_stopping={"patience": 3},
        training__epochs=9,
        training__learning_rate=0.005,
    ),
    "EarlyStopping.monitor": _at(
        stopped,
        "training.early_stopping.monitor",
        "val_loss",
        "val_accuracy",
        training__early_stopping={"patience": 20},
        training__epochs=12,
    ),
    "ConstantRate.type": _type("none"),
    "StepSchedule.type": _type("step"),
    "StepSchedule.step_size": _schedule("step", "step_size", 3, 4),
    "StepSchedule.gamma": _at(
        rates, "training.lr_scheduler.gamma", 0.1, 0.2, training__lr_scheduler={"type": "step", "step_size": 3}, **LONG
    ),
    "ExponentialSchedule.type": _type("exponential"),
    "ExponentialSchedule.gamma": _schedule("exponential", "gamma", 0.95, 0.9),
    "PlateauSchedule.type": _type("reduce_on_plateau"),
    "PlateauSchedule.factor": _schedule("reduce_on_plateau", "factor", 0.5, 0.2),
    "PlateauSchedule.patience": _schedule("reduce_on_plateau", "patience", 5, 1),
    "CosineSchedule.type": _type("cosine"),
    "CosineSchedule.eta_min": _schedule("cosine", "eta_min", 0.0, 0.01),
}

CASES: dict[str, Case] = {
    "Strategy.name": _at(names, "name", "small", "other"),
    **OF_PARTS,
    **OF_DATA,
    **OF_INPUTS,
    **OF_MODELS,
    **OF_DECISIONS,
    **OF_TRAINING,
}
