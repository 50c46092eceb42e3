"""What a strategy makes of its bars, before anything is trained: coverage of its fuzzy sets, and its labels."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from ktrdr.data import DataManager, MarketBars
from ktrdr.features import InputBlock, feature_table
from ktrdr.fuzzy import FuzzySet, coverage_of
from ktrdr.labels import label_statistics
from ktrdr.results import RowAccount
from ktrdr.strategy.schema import Strategy
from ktrdr.training.rows.dataset import Dataset
from ktrdr.training.rows.dry_run import prepare_rows
from ktrdr.training.rows.preparation import IndicatorValues
from ktrdr.training.rows.shares import label_shares
from ktrdr.training.scope import Scope


class Checkup(BaseModel):
    """What a training of these bars would be given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: RowAccount
    rows_per_symbol: dict[str, RowAccount]
    label_shares: dict[str, float]
    """Among the rows of all parts; in regression, of the decisions that the cost model makes of them."""
    labels: dict[str, dict[str, Any]]
    """Of each symbol: what its labels are like."""
    fuzzy_sets: dict[str, dict[str, Any]]
    """Of each `{timeframe}_{fuzzy_set}`: how its terms cover the rows."""
    resampled: dict[str, str]
    """Series that are not stored, and the timeframe of the stored bars that they are made of."""
    warnings: list[str]


def check_on_data(strategy: Strategy, data: DataManager, scope: Scope) -> Checkup:
    """Return what `strategy` makes of the bars of `scope`.

    Raises
    ------
    DataError
        What a training would raise before it trains: bars that are missing or too few, labels all of one class.
    """
    prepared = prepare_rows(strategy, data, scope)
    market, labels, dataset = prepared.market, prepared.labels, prepared.dataset
    coverage = _coverage(market, prepared.indicators, dataset)
    return Checkup(
        rows=dataset.total,
        rows_per_symbol=dataset.rows,
        label_shares=label_shares(strategy, dataset.y),
        labels={
            key.symbol: label_statistics(labels[key.symbol], bars.index, strategy.training.labels).as_dict()
            for key, bars in market.base.items()
        },
        fuzzy_sets=coverage,
        resampled={str(key): source for key, source in market.resampled.items()},
        warnings=[
            *(report["warning"] for report in coverage.values() if report["warning"]),
            *_absent_classes(strategy, dataset),
        ],
    )


def _absent_classes(strategy: Strategy, dataset: Dataset) -> list[str]:
    """Return a warning for each part without a class that occurs in another: what is said of it there means little."""
    occurring = [name for name, share in label_shares(strategy, dataset.y).items() if share]
    warnings = []
    for name, part in (("training", dataset.train), ("validation", dataset.validation), ("test", dataset.test)):
        shares = label_shares(strategy, part.y)
        absent = [label for label in occurring if not shares[label]]
        if absent:
            rows = f"None of the {len(part)} {name} rows is {' or '.join(absent)}"
            warnings.append(f"{rows}. Widen the date range, or change the labels or the split.")
    return warnings


def _coverage(market: MarketBars, indicators: IndicatorValues, dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Return how each set covers the values that its indicator takes on the rows of all parts."""
    of_sets = [
        (block, transform)
        for block, transform in zip(dataset.inputs.blocks, dataset.inputs.transforms, strict=True)
        if isinstance(transform, FuzzySet)
    ]
    values = _values_on_rows([block for block, _ in of_sets], market, indicators, dataset)
    return {
        name: coverage_of(name, fuzzy_set, values[name]).as_dict()
        for name, fuzzy_set in ((_name(block), fuzzy_set) for block, fuzzy_set in of_sets)
    }


def _values_on_rows(
    blocks: list[InputBlock], market: MarketBars, indicators: IndicatorValues, dataset: Dataset
) -> dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]:
    raw = [dataclasses.replace(block, names=(_name(block),), transform="none", fuzzy_set=None) for block in blocks]
    of_symbols = []
    for key in market.base:
        table = feature_table(raw, market, key, indicators, {})
        times = dataset.features.index[dataset.features.index.get_level_values("symbol") == key.symbol]
        of_symbols.append(table.loc[times.get_level_values("time")])
    return {name: np.concatenate([table[name].to_numpy() for table in of_symbols]) for name in map(_name, blocks)}


def _name(block: InputBlock) -> str:
    return f"{block.timeframe}_{block.fuzzy_set}"
