"""`training_data`, from `data` or `training_data` of the older form, and the dates that stood under `training`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ktrdr.data.bars import Timeframe
from ktrdr.declaration import KeyPath, dotted
from ktrdr.strategy.migration.keys import carry
from ktrdr.strategy.migration.ledger import Ledger


def migrated_training_data(values: Mapping[str, Any], ledger: Ledger) -> Any:
    """Return `training_data`; None where the file says nothing of it."""
    section = "training_data" if "training_data" in values else "data"
    old = values.get(section)
    dates = _dates(values.get("training"), ledger)
    if not isinstance(old, Mapping):
        return {"date_range": dates} if dates and old is None else old
    if section == "data":
        ledger.change("data is training_data.")
    if "data" in values and section != "data":
        ledger.leave(("data",), "training_data is given as well")
    new = dict(old)
    for plural, one, many in (("symbols", "symbol", "multi_symbol"), ("timeframes", "timeframe", "multi_timeframe")):
        if plural in new or one in new:
            alone = new.pop(one, None)
            new[plural] = _selection(new.get(plural) or alone, (section, plural), one, many, ledger)
    if dates:
        stated = new.setdefault("date_range", dates)
        if stated is not dates and stated != dates:
            ledger.leave(("training", "date_range"), "training_data.date_range is given as well")
    return carry({key: new[key] for key in sorted(new, key=_order)}, ("training_data",), ledger)


def _order(key: str) -> int:
    known = ("symbols", "timeframes", "date_range", "history_required")
    return known.index(key) if key in known else len(known)


def _dates(training: Any, ledger: Ledger) -> dict[str, Any]:
    """Return the dates given under `training`."""
    if not isinstance(training, Mapping):
        return {}
    given = training.get("date_range")
    dates = dict(given) if isinstance(given, Mapping) else {}
    for key in ("start", "end"):
        for spelling in (f"{key}_date", key):
            if spelling in training:
                dates[key] = training[spelling]
    if dates:
        ledger.change("The dates under training are training_data.date_range.")
    return {key: value for key, value in dates.items() if value is not None}


def _selection(old: Any, path: KeyPath, one: str, many: str, ledger: Ledger) -> Any:
    """Return a mode and what it selects; what cannot be read as names is returned as it is, for the schema to judge."""
    names, extra = _names(old, one)
    if not names:
        return old
    names = [_timeframe(name) for name in names] if one == "timeframe" else names
    wants_many = len(names) > 1 or (isinstance(old, Mapping) and old.get("mode") == many)
    new: dict[str, Any] = {"mode": many, "list": names} if wants_many else {"mode": "single", one: names[0]}
    if one == "timeframe" and "base_timeframe" in extra:
        base = _timeframe(extra.pop("base_timeframe"))
        if wants_many:
            new["base_timeframe"] = base
        elif base != names[0]:
            ledger.leave((*path, "base_timeframe"), f"{names[0]} is the only timeframe")
    for key in extra:
        ledger.leave((*path, key), "there is no such key")
    if new != old:
        shown = ", ".join(str(name) for name in names)
        ledger.change(f"{dotted(path)} is written as mode {new['mode']}: {shown}.")
    return new


def _names(old: Any, one: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the symbols or timeframes that are given, and what is given beside them."""
    if isinstance(old, str):
        return [old], {}
    if isinstance(old, list):
        return list(old), {}
    if not isinstance(old, Mapping):
        return [], {}
    rest = {key: value for key, value in old.items() if key != "mode"}
    for key in ("list", f"{one}s", one):
        found = rest.pop(key, None)
        if found:
            return (list(found) if isinstance(found, list) else [found]), rest
    return [], rest


def _timeframe(name: Any) -> Any:
    """Return a timeframe in its present spelling: `1H` is `1h`; `1M` is a month, and there is none."""
    folded = str(name).lower() if not str(name).endswith("M") else name
    return folded if folded in [timeframe.value for timeframe in Timeframe] else name
