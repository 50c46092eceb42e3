"""Keys of the older form that have no counterpart, and why; every key that has one is carried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from ktrdr.declaration import KeyPath, dotted
from ktrdr.declaration.kinds import fields_at, models_at
from ktrdr.errors import did_you_mean
from ktrdr.strategy.migration.ledger import Ledger
from ktrdr.strategy.schema import Strategy


class Gone(NamedTuple):
    """Why a key is gone; with one of the values `harmless` nothing is lost with it, else `advice` may bring it back."""

    reason: str
    harmless: tuple[Any, ...] = ()
    always_harmless: bool = False
    advice: str | None = None


_TRADING = Gone("a strategy says how a model is trained; how it is traded is said elsewhere")
_RAW = Gone(
    "prices, volume and indicators are no inputs by themselves",
    (False, None),
    advice="Add {raw_indicator: ..., normalization: zscore} to nn_inputs.",
)
_FOLLOWS = Gone("the network's inputs and outputs follow from nn_inputs and labels", always_harmless=True)

GONE: dict[str, Gone] = {
    "orchestrator": _TRADING,
    "risk_management": _TRADING,
    "backtesting": _TRADING,
    "decisions.timeframe_weights": _TRADING,
    "model.input_size": _FOLLOWS,
    "model.output_size": _FOLLOWS,
    "model.num_classes": _FOLLOWS,
    "model.symbol_embedding_dim": Gone("the network is not told of which symbol a row is"),
    "model.architecture.output_activation": Gone(
        "the network gives logits, and softmax belongs to the loss", ("softmax", "linear", "none", None)
    ),
    "model.architecture.input_size": _FOLLOWS,
    "model.architecture.output_size": _FOLLOWS,
    "model.features.include_price_context": _RAW,
    "model.features.include_volume_context": _RAW,
    "model.features.include_raw_indicators": _RAW,
    "model.features.scale_features": Gone("degrees of membership lie in [0, 1] as they are", always_harmless=True),
    "model.features.scaling_method": Gone("raw inputs are scaled each by its own `normalization`"),
    "training.method": Gone("training is supervised", ("supervised", None)),
    "training.shuffle": Gone("training rows are drawn in random order", (True, None)),
    "training.analytics": Gone("the history of every epoch is kept with the model"),
    "training.fitness_metrics": Gone("the evaluation states all its metrics, beside those of simple baselines"),
    "training.validation_split": Gone("shares of rows are given together: data_split: {train, validation, test}"),
    "training.labels.label_lookahead": Gone(
        "a zigzag label looks as far ahead as it takes to confirm the swing, no fixed number of bars"
    ),
    "training.labels.min_swing_length": Gone("a swing is told by its threshold alone"),
    "training.early_stopping.mode": Gone("a loss is to fall and an accuracy to rise", always_harmless=True),
    "training.early_stopping.restore_best_weights": Gone("the best epoch's weights are the ones kept", (True, None)),
}


def carry(values: Any, section: KeyPath, ledger: Ledger, known: tuple[str, ...] = ()) -> Any:
    """Return the entries of `values` that the present form has, and note what becomes of the others.

    `known` are the keys that it has at `section`, by default all that the schema declares there. What is no mapping is
    returned as it is: the schema says what is wrong with it.
    """
    known = known or fields_at(Strategy, section)
    if not isinstance(values, Mapping) or not known:
        return values
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if key in known:
            kept[key] = value
        else:
            drop((*section, key), value, ledger, did_you_mean(key, [name for name in known if name not in values]))
    return kept


def drop(path: KeyPath, value: Any, ledger: Ledger, suggestion: str | None = None) -> None:
    """Note that the key at `path` is not carried: as a change where nothing is lost with it."""
    gone = GONE.get(dotted(path))
    if gone is None:
        ledger.leave(path, "there is no such key", suggestion)
    elif gone.always_harmless or value in gone.harmless:
        ledger.change(f"{dotted(ledger.document.written(path))} is gone: {gone.reason}.")
    else:
        ledger.leave(path, gone.reason, gone.advice)


def kinds_of(section: KeyPath, tag: str) -> dict[str, Any]:
    """Return the models that may stand at `section`, by each value of the key `tag` that tells them apart."""
    return {
        str(value): model
        for model in models_at(Strategy, section)
        for value in get_args(model.model_fields[tag].annotation if tag in model.model_fields else None)
    }


def keys_of(section: KeyPath, tag: str) -> dict[str, tuple[str, ...]]:
    """Return the keys that each of `kinds_of` has."""
    return {value: tuple(model.model_fields) for value, model in kinds_of(section, tag).items()}
