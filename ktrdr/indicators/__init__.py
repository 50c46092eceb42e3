"""Indicators: formulas over past bars, computed by TA-Lib.

Each is its frozen config; `AnyIndicator` is the list of what exists. `build` makes one from a mapping, `compute_all`
runs a strategy's. Values at bar t never depend on later bars, and warm-up is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeAlias, get_args

import pandas as pd
from pydantic import BeforeValidator, Field, TypeAdapter

from ktrdr.data.bars import Bars
from ktrdr.declaration import build_declared, refused
from ktrdr.indicators.averages import EMA, SMA, WMA, DistanceFromMA
from ktrdr.indicators.base import Indicator
from ktrdr.indicators.functions import WITHOUT_BARS, function_meant
from ktrdr.indicators.generic import TALib
from ktrdr.indicators.momentum import CCI, ROC, RSI, RVI, Momentum
from ktrdr.indicators.ranges import FisherTransform, Stochastic, WilliamsR
from ktrdr.indicators.trend import ADX, MACD, Aroon, Ichimoku, ParabolicSAR, SuperTrend
from ktrdr.indicators.volatility import (
    ATR,
    BollingerBands,
    BollingerBandwidth,
    DonchianChannels,
    KeltnerChannels,
    SqueezeIntensity,
)
from ktrdr.indicators.volume import CMF, MFI, OBV, VWAP, ADLine, VolumeRatio

ZIGZAG_IS_NONE = (
    "zigzag repaints: its last leg changes when later bars come, so that it is no indicator",
    "It exists as a label source: training.labels: {source: zigzag}.",
)
"""Why there is no such indicator, and what there is."""


def _keeps_its_past(config: Any) -> Any:
    if isinstance(config, dict) and str(config.get("type")).lower() == "zigzag":
        raise refused(*ZIGZAG_IS_NONE, at="type")
    return config


def _is_no_function(config: Any) -> Any:
    kind = config.get("type") if isinstance(config, dict) else None
    function = function_meant(kind) if isinstance(kind, str) and kind.lower() not in _SPELLED else None
    if function in WITHOUT_BARS:
        raise refused(WITHOUT_BARS[function], at="type")
    if function is not None:
        advice = f"Write {{type: talib, function: {function}}}."
        raise refused(f"'{kind}' is a function of TA-Lib, not a type", advice, at="type")
    return config


AnyIndicator: TypeAlias = Annotated[
    SMA
    | EMA
    | WMA
    | RSI
    | MACD
    | ATR
    | BollingerBands
    | BollingerBandwidth
    | Stochastic
    | WilliamsR
    | CCI
    | ROC
    | Momentum
    | MFI
    | OBV
    | ADLine
    | CMF
    | ADX
    | Aroon
    | ParabolicSAR
    | DonchianChannels
    | KeltnerChannels
    | SuperTrend
    | Ichimoku
    | FisherTransform
    | RVI
    | VWAP
    | VolumeRatio
    | DistanceFromMA
    | SqueezeIntensity
    | TALib,
    Field(discriminator="type"),
    BeforeValidator(_keeps_its_past),
    BeforeValidator(_is_no_function),
]

_SPELLED = frozenset(name for kind in get_args(get_args(AnyIndicator)[0]) for name in kind.names())

_ADAPTER: TypeAdapter[Indicator] = TypeAdapter(AnyIndicator)


def build(config: Mapping[str, Any]) -> Indicator:
    """Return the indicator that `config` declares, such as `{"type": "rsi", "period": 14}`.

    Raises
    ------
    StrategyError
        With every problem found: an unknown type or key, a parameter of the wrong type or out of range.
    """
    return build_declared(_ADAPTER, dict(config) if isinstance(config, Mapping) else config, "indicator")


def compute_all(
    indicators: Mapping[str, Indicator], bars: Bars, on_indicator: Callable[[str], None] | None = None
) -> dict[str, pd.DataFrame]:
    """Return each indicator's values over `bars`, by id: (n_bars, n_outputs), columns its `outputs`.

    `on_indicator` is called with the id before each is computed.

    Raises
    ------
    BadBars
        If a column that an indicator reads is missing.
    """
    values = {}
    for name, indicator in indicators.items():
        if on_indicator is not None:
            on_indicator(name)
        values[name] = indicator.compute(bars)
    return values


__all__ = [
    "ADX",
    "ATR",
    "CCI",
    "CMF",
    "EMA",
    "MACD",
    "MFI",
    "OBV",
    "ROC",
    "RSI",
    "RVI",
    "SMA",
    "VWAP",
    "WMA",
    "ADLine",
    "AnyIndicator",
    "Aroon",
    "BollingerBands",
    "BollingerBandwidth",
    "DistanceFromMA",
    "DonchianChannels",
    "FisherTransform",
    "Ichimoku",
    "Indicator",
    "KeltnerChannels",
    "Momentum",
    "ParabolicSAR",
    "SqueezeIntensity",
    "Stochastic",
    "SuperTrend",
    "TALib",
    "VolumeRatio",
    "WilliamsR",
    "build",
    "compute_all",
]
