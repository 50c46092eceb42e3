"""Every key that a strategy file may have, found by walking the models, and what can be seen of a strategy's effect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from ktrdr.data import BarStore, SeriesKey
from ktrdr.declaration import Declaration
from ktrdr.fuzzy import build as build_membership
from ktrdr.indicators import build as build_indicator
from ktrdr.labels import build as build_labeler
from ktrdr.strategy import Strategy, load_strategy
from tests.fakes.markets import in_memory, walking_bars
from tests.ktrdr.training.strategies import BUNDLED, document
from tests.ktrdr.training.whole import prepare, train

BARS = walking_bars(700, seed=5)
REAL_BARS = BarStore([BUNDLED]).read(SeriesKey("SP500", "1d")).loc["2005":"2012"]
DATA = in_memory(A=BARS, B=walking_bars(700, seed=6))
SMALL = {
    **document(),
    "training_data": {
        "symbols": {"mode": "single", "symbol": "A"},
        "timeframes": {"mode": "single", "timeframe": "1d"},
    },
}


def declarations(root: Any) -> dict[str, type[Declaration]]:
    """Return every model that may stand in a value of type `root`, by name."""
    found: dict[str, type[Declaration]] = {}
    waiting = list(_declared_in(root))
    while waiting:
        model = waiting.pop()
        if model.__name__ not in found:
            found[model.__name__] = model
            waiting += [inner for field in model.model_fields.values() for inner in _declared_in(field.annotation)]
        assert found[model.__name__] is model, f"two models are called {model.__name__}"
    return found


def keys_of(root: Any) -> dict[str, FieldInfo]:
    """Return every key of those models, as `Model.key`."""
    models = declarations(root).items()
    return {f"{name}.{key}": field for name, model in models for key, field in model.model_fields.items()}


def _declared_in(annotation: Any) -> Iterator[type[Declaration]]:
    if isinstance(annotation, type) and issubclass(annotation, Declaration):
        yield annotation
    for inner in get_args(annotation):
        yield from _declared_in(inner)


def another_value(field: FieldInfo) -> Any:
    """Return a value that the field accepts and that is not its default: one more, half as much again, another word."""
    default = field.default
    if get_origin(field.annotation) is Literal:
        return next(value for value in get_args(field.annotation) if value != default)
    greatest = min([limit.le for limit in field.metadata if hasattr(limit, "le")], default=float("inf"))
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 1 if default < greatest else default - 1
    if isinstance(default, float) and default:
        return default * 1.5 if default * 1.5 <= greatest else default / 1.5
    raise AssertionError(f"say which other value {field} can have")


# --- what can be seen. Each takes plain values, and gives equal things for equal ones.

Seen = Callable[[Any], Any]


@dataclass(frozen=True)
class Case:
    """Two values that differ in one key, and where it shows."""

    seen: Seen
    before: Any
    after: Any


def values(config: Any) -> Any:
    """See an indicator's values."""
    frame = build_indicator(config).compute(BARS)
    return tuple(frame.columns), frame.to_numpy().tobytes()


def degrees(config: Any) -> Any:
    """See a membership's degrees from -150 to 150."""
    return tuple(build_membership(config)([x * 1.3 for x in range(-115, 115)]))


def labels(config: Any) -> Any:
    """See a labeler's rows, labels and when they are known, on bars with a crisis in them."""
    frame = build_labeler(config).label(REAL_BARS)
    return tuple(frame.index), tuple(frame["label"]), tuple(frame["known_at"])


def strategy_with(overrides: Any) -> Strategy:
    """Return the small strategy on made-up bars, with values at dotted paths."""
    return load_strategy(SMALL, overrides)


def loaded(overrides: Any) -> Any:
    """See which bars are loaded, how many of them come before the start, and what becomes of each."""
    prepared = prepare(strategy_with(overrides), DATA)
    accounts = {symbol: rows.model_dump_json() for symbol, rows in prepared.dataset.rows.items()}
    return prepared.market.sha256, tuple(prepared.market.n_lookback.items()), tuple(accounts.items())


def features(overrides: Any) -> Any:
    """See what the network is given: the names, and the numbers of every row."""
    strategy = strategy_with(overrides)
    dataset = prepare(strategy, DATA).dataset
    return strategy.features, tuple(part.X.tobytes() for part in (dataset.train, dataset.validation, dataset.test))


def row_account(overrides: Any) -> Any:
    """See what becomes of every bar."""
    return prepare(strategy_with(overrides), DATA).dataset.total.model_dump()


def model(overrides: Any) -> Any:
    """See the trained weights and every epoch."""
    trained = _trained(json.dumps(overrides))
    return trained.artifact.weights, trained.history


def measured(overrides: Any) -> Any:
    """See the metrics on the held-out rows."""
    return _trained(json.dumps(overrides)).measured


def stopped(overrides: Any) -> Any:
    """See how long is trained, and which epoch is the best."""
    history = _trained(json.dumps(overrides)).history
    return history["epochs_completed"], history["best_epoch"]


def rates(overrides: Any) -> Any:
    """See the learning rate of every epoch."""
    return _trained(json.dumps(overrides)).history["learning_rate"]


def names(overrides: Any) -> Any:
    """See under which name a model is handed over for saving."""
    return _trained(json.dumps(overrides)).artifact.strategy


def forget() -> None:
    """Train anew whatever is asked from here on."""
    _trained.cache_clear()


@cache
def _trained(overrides: str) -> Any:
    return train(strategy_with(json.loads(overrides)), DATA)
