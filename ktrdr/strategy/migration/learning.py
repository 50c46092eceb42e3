"""`model`, `decisions` and `training` of the older form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ktrdr.strategy.migration.keys import carry, keys_of
from ktrdr.strategy.migration.ledger import Ledger, letters

_LOWERED = {"optimizer", "loss", "class_weights"}
_RENAMED = {"loss_function": "loss", "lr": "learning_rate", "scheduler": "lr_scheduler", "grad_clip": "gradient_clip"}
_SCHEDULES = {
    "steplr": "step",
    "exponentiallr": "exponential",
    "reducelronplateau": "reduce_on_plateau",
    "cosineannealing": "cosine",
    "cosineannealinglr": "cosine",
}
_MONITORED = ("val_loss", "val_accuracy")


def migrated_model(old: Any, ledger: Ledger) -> Any:
    """Return `model`: layers that stood beside `architecture` in it, and no keys that follow from elsewhere."""
    if not isinstance(old, Mapping):
        return old
    new = dict(old)
    if isinstance(new.get("type"), str):
        new["type"] = new["type"].lower()
    architecture = new.get("architecture", {})
    if "hidden_layers" in new and isinstance(architecture, Mapping):
        layers = new.pop("hidden_layers")
        if "hidden_layers" in architecture:
            ledger.leave(("model", "hidden_layers"), "model.architecture.hidden_layers is given as well")
        else:
            ledger.change("model.hidden_layers is model.architecture.hidden_layers.")
            new["architecture"] = {"hidden_layers": layers, **architecture}
    for key in ("architecture", "features"):
        if isinstance(new.get(key), Mapping):
            new[key] = carry(new[key], ("model", key), ledger)
            if not new[key]:
                del new[key]
    return carry(new, ("model",), ledger)


def migrated_decisions(old: Any, ledger: Ledger) -> Any:
    """Return `decisions`; what a trade costs has a meaning only where the network gives returns."""
    if not isinstance(old, Mapping):
        return old
    new = dict(old)
    if "cost_model" in new and new.get("output_format", "classification") == "classification":
        ledger.leave(("decisions", "cost_model"), "costs decide about returns, and output_format is classification")
        del new["cost_model"]
    return carry(new, ("decisions",), ledger)


def migrated_training(old: Any, ledger: Ledger) -> Any:
    """Return `training`, its dates left out."""
    if not isinstance(old, Mapping):
        return old
    new: dict[str, Any] = {}
    for key, value in old.items():
        if key in ("date_range", "start_date", "end_date", "start", "end"):
            continue
        name = _RENAMED.get(str(key), str(key))
        if name in new:
            ledger.leave(("training", key), f"training.{name} is given as well")
            continue
        if name != key:
            ledger.change(f"training.{key} is training.{name}.")
        new[name] = value.lower() if name in _LOWERED and isinstance(value, str) else value
    if "labels" in new:
        new["labels"] = _labels(new["labels"], ledger)
    for key, migrated in (("early_stopping", _early_stopping), ("lr_scheduler", _schedule)):
        if key in new:
            value = migrated(new.pop(key), ledger)
            if value is not None:
                new[key] = value
    if isinstance(new.get("data_split"), Mapping):
        new["data_split"] = carry(new["data_split"], ("training", "data_split"), ledger)
    return carry(new, ("training",), ledger)


def _labels(old: Any, ledger: Ledger) -> Any:
    """Return the labels; of a zigzag `zigzag_threshold` is the threshold."""
    if not isinstance(old, Mapping):
        return old
    new = dict(old)
    if isinstance(new.get("source"), str):
        new["source"] = new["source"].lower()
    if new.get("source") == "zigzag":
        if "zigzag_threshold" in new and "threshold" not in new:
            ledger.change("training.labels.zigzag_threshold is training.labels.threshold.")
            new = {"threshold" if key == "zigzag_threshold" else key: value for key, value in new.items()}
        if "threshold" not in new:
            ledger.leave(("training", "labels", "threshold"), "none is given, and the default differs: here it is 0.02")
    known = keys_of(("training", "labels"), "source").get(str(new.get("source")))
    return carry(new, ("training", "labels"), ledger, known) if known else new


def _early_stopping(old: Any, ledger: Ledger) -> Any:
    """Return early stopping; None where it was switched off."""
    if isinstance(old, bool) or old is None:
        if old:
            ledger.change("training.early_stopping: true is a mapping: {patience, min_delta, monitor}.")
        return {} if old else None
    if not isinstance(old, Mapping):
        return old
    new = dict(old)
    is_on = new.pop("enabled", True)
    if "enabled" in old:
        done = "is gone: what is there is on" if is_on else "was false, and the whole section is gone"
        ledger.change(f"training.early_stopping.enabled {done}.")
    if not is_on:
        return None
    if "monitor" in new and new["monitor"] not in _MONITORED:
        ledger.leave(("training", "early_stopping", "monitor"), "only val_loss and val_accuracy are monitored")
        del new["monitor"]
    return carry(new, ("training", "early_stopping"), ledger)


def _schedule(old: Any, ledger: Ledger) -> Any:
    """Return the schedule of the learning rate; None where the present form has none like it."""
    kinds = keys_of(("training", "lr_scheduler"), "type")
    known = f"One of: {', '.join(kinds)}."
    if old is True:
        ledger.leave(("training", "lr_scheduler"), "true names no schedule", known)
    if isinstance(old, bool):
        return None
    new = {"type": old} if isinstance(old, str) else dict(old) if isinstance(old, Mapping) else None
    if new is None or not isinstance(new.get("type"), str):
        return old
    name = _SCHEDULES.get(letters(new["type"]), new["type"].lower())
    if name not in kinds:
        ledger.leave(("training", "lr_scheduler"), f"there is no schedule '{name[:40]}'", known)
        return None
    if name != new["type"]:
        ledger.change(f"training.lr_scheduler.type '{new['type'][:40]}' is '{name}'.")
    new["type"] = name
    return carry(new, ("training", "lr_scheduler"), ledger, kinds[name])
