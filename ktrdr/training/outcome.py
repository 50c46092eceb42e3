"""What a training says about itself, gathered from its rows and its model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data import MarketBars
from ktrdr.fuzzy import set_coverage
from ktrdr.results import DataSummary, SymbolMetrics, TrainingResult
from ktrdr.results.training import SetCoverage
from ktrdr.strategy.schema import Strategy
from ktrdr.training.dataset import Dataset
from ktrdr.training.evaluation import evaluate_symbol
from ktrdr.training.job import Job, TrainedModel
from ktrdr.training.scope import Scope


def result_of(
    job: Job, model: TrainedModel, market: MarketBars, features: pd.DataFrame, dataset: Dataset
) -> TrainingResult:
    """Return the result of a model that is not saved yet."""
    return TrainingResult(
        success=True,
        model_path=None,
        model_id=None,
        training_metrics=model.history,
        test_metrics=model.metrics,
        per_symbol_metrics=dict(model.per_symbol),
        feature_names=list(job.strategy.features),
        feature_importance=dict(model.importance),
        label_distribution=dataset.label_shares(job.class_names),
        fuzzy_coverage=fuzzy_coverage(job.strategy, features, dataset),
        data_summary=data_summary(job.scope, market, dataset),
        metadata=model.metadata,
    )


def fuzzy_coverage(strategy: Strategy, features: pd.DataFrame, dataset: Dataset) -> dict[str, SetCoverage]:
    """Return how each fuzzy set that is an input covers the rows of all parts."""
    used = features.loc[dataset.index]
    coverage: dict[str, SetCoverage] = {}
    for item in strategy.nn_inputs:
        memberships = strategy.fuzzy_sets[item.fuzzy_set].memberships
        columns = [f"{strategy.base_timeframe}_{item.fuzzy_set}_{membership}" for membership in memberships]
        dead_zone, overlap = set_coverage(used[columns])
        coverage[item.fuzzy_set] = SetCoverage(dead_zone=dead_zone, overlap=overlap)
    return coverage


def data_summary(scope: Scope, market: MarketBars, dataset: Dataset) -> DataSummary:
    """Return what was trained on; where nothing bounds the dates, those of the first and the last bar."""
    first = min(bars.index[market.n_lookback[key]] for key, bars in market.series.items())
    last = max(bars.index[-1] for bars in market.series.values())
    return DataSummary(
        **dataset.total.model_dump(),
        symbols=list(scope.symbols),
        timeframes=list(scope.timeframes),
        start_date=scope.start_date or first.date().isoformat(),
        end_date=scope.end_date or last.date().isoformat(),
        data_sha256=market.sha256,
    )


def symbol_metrics(
    logits_NC: npt.NDArray[np.float32], dataset: Dataset, class_names: Sequence[str]
) -> dict[str, SymbolMetrics]:
    """Return each symbol's rows and metrics; `logits_NC` belong to the test part."""
    chosen = {symbol: dataset.test.rows_of(symbol) for symbol in dataset.rows}
    return {
        symbol: evaluate_symbol(
            logits_NC[is_chosen], dataset.test.select(is_chosen), dataset.train.y, class_names, dataset.rows[symbol]
        )
        for symbol, is_chosen in chosen.items()
    }
