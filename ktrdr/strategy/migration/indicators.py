"""`indicators`, from a list with `feature_id`s to a mapping, in the present types and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ktrdr.declaration import KeyPath, dotted
from ktrdr.errors import did_you_mean
from ktrdr.strategy.migration.keys import carry, kinds_of
from ktrdr.strategy.migration.ledger import Ledger, legal_name, letters

TYPES = {
    "sma": ("simplemovingaverage",),
    "ema": ("exponentialmovingaverage",),
    "wma": ("weightedmovingaverage",),
    "rsi": ("relativestrengthindex",),
    "macd": ("movingaverageconvergencedivergence",),
    "atr": ("averagetruerange",),
    "bollingerbands": ("bbands", "bollinger", "bb"),
    "bollingerbandwidth": ("bollingerbandswidth", "bbwidth", "bbw"),
    "stochastic": ("stoch", "stochasticoscillator"),
    "williamsr": ("williams", "williamspercentr", "willr"),
    "cci": ("commoditychannelindex",),
    "roc": ("rateofchange",),
    "mfi": ("moneyflowindex",),
    "obv": ("onbalancevolume",),
    "adline": ("ad", "accumulationdistribution", "accumulationdistributionline"),
    "cmf": ("chaikinmoneyflow",),
    "adx": ("averagedirectionalindex",),
    "parabolicsar": ("psar", "sar"),
    "donchianchannels": ("donchian", "donchianchannel"),
    "keltnerchannels": ("keltner", "keltnerchannel"),
    "ichimoku": ("ichimokucloud",),
    "fishertransform": ("fisher",),
    "rvi": ("relativevigorindex",),
    "vwap": ("volumeweightedaverageprice",),
    "distancefromma": ("distancefrommovingaverage", "dma"),
    "squeezeintensity": ("squeeze",),
}
"""Present types, and how older files spell them; case and separators do not matter."""

_PARAMETERS: dict[str, dict[str, str]] = {
    "macd": {"fast": "fast_period", "slow": "slow_period", "signal": "signal_period"},
    "bollingerbands": {"std_dev": "multiplier", "num_std": "multiplier"},
    "bollingerbandwidth": {"std_dev": "multiplier", "num_std": "multiplier"},
    "stochastic": {"smooth": "smooth_k"},
    "supertrend": {"atr_period": "period"},
}
_NAMED_BY = ("name", "type", "indicator", "indicator_name")
_NO_PARAMETER = {"feature_id", "timeframe", "params", "parameters", *_NAMED_BY}


@dataclass(frozen=True)
class OlderIndicator:
    """An indicator that is carried: its id, what it is, and the one timeframe it was on, if only one."""

    name: str
    config: dict[str, Any]
    timeframe: str | None
    has_feature_id: bool

    @property
    def type(self) -> str:
        """The present type."""
        return str(self.config["type"])

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it computes; the first is the one that is meant where none is named."""
        return tuple(getattr(kinds_of(("indicators", "any"), "type")[self.type], "outputs", ()))

    @property
    def numbers(self) -> tuple[float, ...]:
        """The values of its parameters, defaults included."""
        fields = kinds_of(("indicators", "any"), "type")[self.type].model_fields
        values = [self.config.get(key, field.default) for key, field in fields.items()]
        return tuple(float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool))


def migrated_indicators(old: list[Any] | Mapping[str, Any], ledger: Ledger) -> list[OlderIndicator]:
    """Return the indicators that have a counterpart, in their order."""
    if isinstance(old, Mapping):
        entries: list[tuple[KeyPath, Any, Any]] = [(("indicators", key), value, key) for key, value in old.items()]
    else:
        ledger.change("indicators is a mapping from an id, the older feature_id, to parameters, no longer a list.")
        entries = [(("indicators", at), value, None) for at, value in enumerate(old)]
    indicators: list[OlderIndicator] = []
    for path, value, given_id in entries:
        taken = [indicator.name for indicator in indicators]
        indicator = _indicator(path, value, given_id, taken, ledger)
        if indicator is not None:
            indicators.append(indicator)
    return indicators


def _indicator(
    path: KeyPath, old: Any, given_id: str | None, taken: list[str], ledger: Ledger
) -> OlderIndicator | None:
    named_by = next((key for key in _NAMED_BY if isinstance(old, Mapping) and isinstance(old.get(key), str)), None)
    if named_by is None:
        ledger.leave(path, "an indicator is a mapping that names its type")
        return None
    kind = _type(old[named_by], path, ledger)
    if kind is None:
        return None
    config = {"type": kind, **_parameters(kind, old, path, ledger)}
    feature_id = given_id if given_id is not None else old.get("feature_id")
    name = legal_name(feature_id if feature_id is not None else _derived_id(config), taken)
    if feature_id is None:
        ledger.change(f"{dotted(path)} has no feature_id and is called '{name}'.")
    elif name != feature_id:
        ledger.change(f"The indicator '{feature_id}' is called '{name}': an id is letters, digits, - and _, each once.")
    timeframe = old.get("timeframe")
    return OlderIndicator(name, config, timeframe if isinstance(timeframe, str) else None, feature_id is not None)


def _derived_id(config: dict[str, Any]) -> str:
    numbers = [f"{value:g}" for value in config.values() if isinstance(value, int | float)]
    return "_".join([config["type"], *numbers])


def _type(name: str, path: KeyPath, ledger: Ledger) -> str | None:
    """Return the present type; None, with a note, where there is none."""
    folded = letters(name).removesuffix("indicator")
    present = next((kind for kind, others in TYPES.items() if folded in (kind, *others)), folded)
    known = kinds_of(("indicators", "any"), "type")
    if present == "zigzag":
        ledger.leave(path, "zigzag repaints, so that it is no indicator", "It exists as a label source.")
        return None
    if present not in known:
        ledger.leave(path, f"there is no indicator '{name[:40]}'", did_you_mean(present, known))
        return None
    if present != name:
        ledger.change(f"The indicator type '{name[:40]}' is '{present}'.")
    return present


def _parameters(kind: str, old: Mapping[str, Any], path: KeyPath, ledger: Ledger) -> dict[str, Any]:
    found = [old[key] for key in ("params", "parameters") if isinstance(old.get(key), Mapping)]
    nested = {key: value for one in found for key, value in one.items()}
    given = {**nested, **{key: value for key, value in old.items() if key not in _NO_PARAMETER}}
    fields = kinds_of(("indicators", "any"), "type")[kind].model_fields
    new: dict[str, Any] = {}
    for key, value in given.items():
        name = _PARAMETERS.get(kind, {}).get(key, key)
        if name in new:
            ledger.leave((*path, key), f"'{name}' is given as well")
            continue
        if name != key:
            ledger.change(f"{kind}: {key} is {name}.")
        if name == "source" and name not in fields and value == "close":
            ledger.change(f"{kind}: source is gone: it is fixed what of a bar it reads.")
            continue
        is_count = name in fields and fields[name].annotation is int
        new[name] = int(value) if is_count and isinstance(value, float) and value.is_integer() else value
    # TA-Lib functions by name have parameters of their own
    return new if kind == "talib" else carry(new, path, ledger, tuple(fields))
