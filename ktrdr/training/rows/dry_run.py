"""Steps 1 to 6 in one go, for whoever wants to see what a training would be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ktrdr.data import DataManager, MarketBars
from ktrdr.strategy.schema import Strategy
from ktrdr.training.rows.dataset import Dataset
from ktrdr.training.rows.preparation import (
    IndicatorValues,
    calculate_indicators,
    engineer_features,
    generate_labels,
    generate_memberships,
    load_market_data,
    split_rows,
)
from ktrdr.training.scope import Scope
from ktrdr.training.steps import unreported


@dataclass(frozen=True)
class PreparedRows:
    """What each step gave. Tables and labels are by symbol."""

    market: MarketBars
    indicators: IndicatorValues
    tables: Mapping[str, pd.DataFrame]
    labels: Mapping[str, pd.DataFrame]
    dataset: Dataset


def prepare_rows(strategy: Strategy, data: DataManager, scope: Scope) -> PreparedRows:
    """Return what a training of `scope` would be given.

    Raises
    ------
    DataError
        What the training would raise before it trains.
    """
    market = load_market_data(strategy, data, scope, unreported)
    indicators = calculate_indicators(strategy, market, unreported)
    memberships = generate_memberships(strategy, indicators, unreported)
    tables = engineer_features(strategy, market, indicators, memberships)
    labels = generate_labels(strategy, market, unreported)
    return PreparedRows(market, indicators, tables, labels, split_rows(strategy, scope, market, tables, labels))
