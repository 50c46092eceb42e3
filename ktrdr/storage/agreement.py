"""Whether the parts of a model belong together: the strategy it was trained from, its contract, and the bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import TypeAdapter

from ktrdr.declaration import build_declared
from ktrdr.errors import StorageError, StrategyError
from ktrdr.features import Scaler
from ktrdr.fuzzy import AnyFuzzySet, FittedSet, FuzzySet
from ktrdr.model.network import architecture_of
from ktrdr.storage.columns import difference
from ktrdr.storage.contents import CONFIG, FEATURES, WEIGHTS, FeatureContract
from ktrdr.storage.names import parse_version
from ktrdr.storage.weights import description_of
from ktrdr.strategy import Strategy, load_strategy

_SCALER: TypeAdapter[Scaler] = TypeAdapter(Scaler)
_DECLARED_SET: TypeAdapter[FuzzySet | FittedSet] = TypeAdapter(AnyFuzzySet)
_FITTED: TypeAdapter[FuzzySet] = TypeAdapter(FuzzySet)
_OF_STRATEGY = f"the strategy in {CONFIG}"


def strategy_in(config: Mapping[str, Any], model_id: str) -> Strategy:
    """Return the strategy that `config.json` holds.

    Raises
    ------
    StorageError
        If this version of ktrdr cannot read it.
    """
    document = config.get("strategy")
    if not isinstance(document, dict):
        raise _unreadable(model_id, "it is not there")
    try:
        return load_strategy(document)
    except StrategyError as error:
        raise _unreadable(model_id, _in_words(error)) from error


def check_naming(strategy: Strategy, model_id: str) -> None:
    """Check `config.json` against the name that its model has.

    Raises
    ------
    StorageError
        If the model is named after another strategy, or after another timeframe than that of the rows.
    """
    named, _, version = model_id.partition("/")
    timeframe = parse_version(version)[0].rpartition("_")[2]
    if strategy.name != named:
        raise StorageError(f"its strategy is {strategy.name} and the model is named after {named}")
    if strategy.base_timeframe != timeframe:
        raise StorageError(f"its rows are {strategy.base_timeframe} and the model is named after {timeframe}")


def check_contract(contract: FeatureContract, strategy: Strategy) -> None:
    """Check `features.json` against the strategy that the model was trained from.

    Raises
    ------
    StorageError
        Saying what differs: features or their order, classes, architecture, fuzzy sets or scalers.
    """
    labeler = strategy.training.labels
    n_outputs = 1 if labeler.is_regression else len(labeler.class_names)
    _require_same("features", contract.features, strategy.features)
    _require_same("classes", contract.classes, labeler.class_names)
    _check_architecture(contract.architecture, architecture_of(strategy.model, len(strategy.features), n_outputs))
    _check_scalers(contract.scalers, strategy)
    _check_sets(contract.fuzzy_sets, strategy)


def check_bundle(
    bundle: Mapping[str, Any], contract: FeatureContract, state: Mapping[str, torch.Tensor], model_id: str
) -> None:
    """Check `model_full.pt` against what it repeats: the model's name, `features.json` and `model.pt`.

    Raises
    ------
    StorageError
        Naming what differs.
    """
    for key, said in description_of(model_id, contract).items():
        if not _is_same(bundle[key], said):
            where = FEATURES if key in FeatureContract.model_fields else model_id
            raise StorageError(f"it does not say the same {key} as {where}")
    bundled = bundle["state_dict"]
    if not isinstance(bundled, dict) or bundled.keys() != state.keys():
        raise StorageError(f"its weights are not named as those of {WEIGHTS}")
    for name, tensor in state.items():
        twin = bundled[name]
        if not isinstance(twin, torch.Tensor) or twin.dtype != tensor.dtype or not torch.equal(twin, tensor):
            raise StorageError(f"its {name} is not that of {WEIGHTS}")


def _is_same(found: Any, said: Any) -> bool:
    """Return whether what was read is these JSON values, with keys in their order.

    No more of it is looked at than `said` has: nothing bounds what somebody wrote there.
    """
    if type(found) is not type(said):
        return False
    if isinstance(said, dict):
        return len(found) == len(said) and all(
            _is_same(key, said_key) and _is_same(found[key], said[said_key])
            for key, said_key in zip(found, said, strict=True)
        )
    if isinstance(said, list):
        return len(found) == len(said) and all(map(_is_same, found, said))
    return bool(found == said)


def _unreadable(model_id: str, why: str) -> StorageError:
    message = f"This version of ktrdr cannot read the strategy in {CONFIG} of {model_id}: {why}."
    return StorageError(message, "Use the version that trained it, or train it again.")


def _check_architecture(stored: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    _require_same("architecture", sorted(stored), sorted(declared))
    for key, value in declared.items():
        if stored[key] != value:
            raise StorageError(f"its architecture has {key} {stored[key]}, and {_OF_STRATEGY} {value}")


def _check_scalers(stored: Any, strategy: Strategy) -> None:
    raw = {block.names[0]: block.transform for block in strategy.blocks if block.fuzzy_set is None}
    for name, config in _entries("scalers", stored, raw).items():
        scaler = _rebuilt(_SCALER, config, f"scalers.{name}")
        if scaler.normalization != raw[name]:
            raise StorageError(f"its scalers.{name} is {scaler.normalization}, and {_OF_STRATEGY} says {raw[name]}")


def _check_sets(stored: Any, strategy: Strategy) -> None:
    entries = _entries("fuzzy_sets", stored, strategy.fuzzy_sets)
    for name, declared in strategy.fuzzy_sets.items():
        what, config = f"fuzzy_sets.{name}", dict(_mapping(f"fuzzy_sets.{name}", entries[name]))
        if isinstance(declared, FittedSet):  # else a term may be called so
            timeframes = [block.timeframe for block in strategy.blocks if block.fuzzy_set == name]
            _check_fitted(what, config.pop("fitted", {}), declared, timeframes)
        rebuilt = _rebuilt(_DECLARED_SET, config, what)
        if rebuilt != declared or rebuilt.terms != declared.terms:
            raise StorageError(f"its {what} is not that of {_OF_STRATEGY}")


def _check_fitted(what: str, stored: Any, declared: FittedSet, timeframes: Sequence[str]) -> None:
    for timeframe, config in _entries(f"{what}.fitted", stored, timeframes).items():
        fitted = f"{what}.fitted.{timeframe}"
        terms = _rebuilt(_FITTED, {**_mapping(fitted, config), "indicator": declared.indicator}, fitted).terms
        _require_same(fitted, tuple(config), terms)  # an indicator of its own would be one more
        _require_same(fitted, terms, declared.terms)


def _entries(what: str, stored: Any, names: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping that must have exactly these keys, in whatever order."""
    entries = _mapping(what, stored)
    _require_same(what, sorted(entries), sorted(names))
    return entries


def _mapping(what: str, stored: Any) -> dict[str, Any]:
    if not isinstance(stored, dict):
        raise StorageError(f"its {what} is no mapping")
    return stored


def _require_same(what: str, stored: Sequence[str], declared: Sequence[str]) -> None:
    if differs := difference(stored, declared):
        raise StorageError(f"its {what} and {_OF_STRATEGY} do not agree; {differs}")


def _rebuilt(adapter: TypeAdapter[Any], config: Any, what: str) -> Any:
    try:
        return build_declared(adapter, config, what)
    except StrategyError as error:
        raise StorageError(f"its {what} cannot be rebuilt: {_in_words(error)}") from error


def _in_words(error: StrategyError) -> str:
    return "; ".join(str(problem).rstrip(".") for problem in error.problems)
