"""For every key of an indicator, a membership or a labeler: two values between which its results change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from ktrdr.fuzzy import Membership
from ktrdr.indicators import Indicator, TALib
from ktrdr.labels import Labeler
from ktrdr.strategy import Strategy
from tests.ktrdr.training.keys import Case, another_value, declarations, degrees, features, labels, values

MODELS = declarations(Strategy)


def _of_type(indicator: type[Indicator]) -> dict[str, Any]:
    """Return the least config of an indicator."""
    return {"type": indicator.names()[0], **({"function": "RSI"} if indicator is TALib else {})}


def _indicators() -> Iterator[tuple[str, Case]]:
    for name, indicator in MODELS.items():
        if issubclass(indicator, Indicator):
            config = _of_type(indicator)
            other = {"type": "sma"} if name != "SMA" else {"type": "ema"}
            yield f"{name}.type", Case(values, config, other)
            raw = {"nn_inputs": [{"raw_indicator": "i"}], "fuzzy_sets": {}}
            yield (
                f"{name}.data_source",
                Case(
                    features,
                    {**raw, "indicators": {"i": config}},
                    {**raw, "indicators": {"i": {**config, "data_source": "B"}}},
                ),
            )
            for key, field in indicator.model_fields.items():
                if key not in ("type", "data_source") and indicator is not TALib:
                    yield f"{name}.{key}", Case(values, config, {**config, key: another_value(field)})


TALIB = {"type": "talib", "function": "RSI"}
OF_TALIB = {
    "TALib.function": Case(values, TALIB, {**TALIB, "function": "CMO"}),
    "TALib.source": Case(values, TALIB, {**TALIB, "source": "high"}),
    "TALib.parameters": Case(values, TALIB, {**TALIB, "timeperiod": 15}),
}

PARAMETERS = {
    "Triangular": [-40.0, 0.0, 60.0],
    "Trapezoidal": [-60.0, -20.0, 20.0, 60.0],
    "Gaussian": [10.0, 30.0],
    "Gaussian2": [-20.0, 20.0, 30.0, 40.0],
    "Bell": [40.0, 2.0, 10.0],
    "Sigmoid": [10.0, 0.1],
    "SShape": [-40.0, 40.0],
    "ZShape": [-40.0, 40.0],
    "PiShape": [-60.0, -20.0, 20.0, 60.0],
}


def _memberships() -> Iterator[tuple[str, Case]]:
    for name, membership in MODELS.items():
        if issubclass(membership, Membership):
            (type_,) = get_args(membership.model_fields["type"].annotation)
            config = {"type": type_, "parameters": PARAMETERS[name]}
            other = {"type": "triangular", "parameters": [-40.0, 5.0, 60.0]}
            yield f"{name}.type", Case(degrees, config, other)
            for position in range(membership.n_parameters):
                moved = [value + 5.0 * (at == position) for at, value in enumerate(PARAMETERS[name])]
                yield f"{name}.parameters[{position}]", Case(degrees, config, {**config, "parameters": moved})


GIVEN = {"cusum_threshold": 0.02, "threshold": 0.01}
"""Values for what is off where it is left out."""

BESIDE = {"TripleBarrier": {"max_holding_period": 10}}
"""Values of other keys, with which every key of a labeler comes into play."""


def _labelers() -> Iterator[tuple[str, Case]]:
    for name, labeler in MODELS.items():
        if issubclass(labeler, Labeler):
            config = {"source": get_args(labeler.model_fields["source"].annotation)[0], **BESIDE.get(name, {})}
            other = {"source": "zigzag"} if name != "Zigzag" else {"source": "context"}
            yield f"{name}.source", Case(labels, config, other)
            for key, field in labeler.model_fields.items():
                if key != "source":
                    value = GIVEN[key] if field.default is None else another_value(field)
                    yield f"{name}.{key}", Case(labels, config, {**config, key: value})


OF_PARTS = {**dict(_indicators()), **OF_TALIB, **dict(_memberships()), **dict(_labelers())}
