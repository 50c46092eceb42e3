"""A training as far as its bars decide it: steps 1 to 6, and nothing trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from ktrdr.data import DataManager
from ktrdr.results import RowAccount
from ktrdr.strategy.schema import Strategy
from ktrdr.training.rows.dataset import complete_bars
from ktrdr.training.rows.dry_run import prepare_rows
from ktrdr.training.rows.shares import label_shares
from ktrdr.training.scope import DEFAULT_VALIDATION_SPLIT, settle_scope


class TrainingPlan(BaseModel):
    """What a training of these bars would train on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbols: list[str]
    timeframes: list[str]
    start_date: str | None
    end_date: str | None
    bars: dict[str, int]
    """Of each series, in the date range and before it."""
    warmup_bars: int
    """Base bars loaded before the first that has all that the network reads; of several symbols the most."""
    rows: RowAccount
    rows_per_symbol: dict[str, RowAccount]
    label_shares: dict[str, float]
    features: list[str]
    n_parameters: int
    data_sha256: str
    resampled: dict[str, str]
    """Series that are not stored, and the timeframe of the stored bars that they are made of."""


def plan_training(  # noqa: PLR0913 - the fields of a request
    strategy: Strategy,
    data: DataManager,
    symbols: Sequence[str] | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    validation_split: float = DEFAULT_VALIDATION_SPLIT,
) -> TrainingPlan:
    """Return what a training would train on, or raise what it would raise before it trains.

    Raises
    ------
    RequestError
        If the request and the strategy do not fit together.
    DataError
        If bars are missing or too few, or the labels are all of one class.
    """
    scope = settle_scope(strategy, symbols, start_date, end_date, validation_split)
    prepared = prepare_rows(strategy, data, scope)
    market, dataset = prepared.market, prepared.dataset
    labeler = strategy.training.labels
    n_outputs = 1 if labeler.is_regression else len(labeler.class_names)
    return TrainingPlan(
        symbols=list(scope.symbols),
        timeframes=list(scope.timeframes),
        start_date=scope.start_date,
        end_date=scope.end_date,
        bars={str(key): len(bars) for key, bars in market.series.items()},
        warmup_bars=max(_n_incomplete(table, strategy) for table in prepared.tables.values()),
        rows=dataset.total,
        rows_per_symbol=dataset.rows,
        label_shares=label_shares(strategy, dataset.y),
        features=list(strategy.features),
        n_parameters=strategy.model.n_parameters(len(strategy.features), n_outputs),
        data_sha256=market.sha256,
        resampled={str(key): source for key, source in market.resampled.items()},
    )


def _n_incomplete(table: pd.DataFrame, strategy: Strategy) -> int:
    return int(np.argmax(complete_bars(table, strategy.model)))
