"""What a training says about itself, gathered from its rows and its model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktrdr.data import MarketBars
from ktrdr.fuzzy import set_coverage
from ktrdr.results import DataSummary, SymbolMetrics, TrainingResult
from ktrdr.results.training import SetCoverage
from ktrdr.strategy.schema import Strategy
from ktrdr.training.evaluation.metrics import evaluate_symbol
from ktrdr.training.job import Job, TrainedModel
from ktrdr.training.rows.dataset import Dataset
from ktrdr.training.rows.shares import label_shares
from ktrdr.training.scope import Scope


def result_of(job: Job, model: TrainedModel, market: MarketBars, dataset: Dataset) -> TrainingResult:
    """Return the result of a model that is not saved yet."""
    return TrainingResult(
        success=True,
        model_path=None,
        model_id=None,
        training_metrics=model.history,
        test_metrics=model.metrics,
        per_symbol_metrics=dict(model.per_symbol),
        feature_names=list(job.strategy.features),
        feature_importance=model.importance.features,
        indicator_importance=model.importance.indicators,
        label_distribution=label_shares(job.strategy, dataset.y),
        fuzzy_coverage=fuzzy_coverage(job.strategy, dataset),
        data_summary=data_summary(job.scope, market, dataset),
        metadata=model.metadata,
    )


def fuzzy_coverage(strategy: Strategy, dataset: Dataset) -> dict[str, SetCoverage]:
    """Return how each fuzzy set that is an input covers the rows of all parts, by `{timeframe}_{fuzzy_set}`."""
    coverage: dict[str, SetCoverage] = {}
    for block in strategy.blocks:
        if block.fuzzy_set is not None:
            dead_zone, overlap = set_coverage(dataset.features[list(block.names)])
            coverage[f"{block.timeframe}_{block.fuzzy_set}"] = SetCoverage(dead_zone=dead_zone, overlap=overlap)
    return coverage


def data_summary(scope: Scope, market: MarketBars, dataset: Dataset) -> DataSummary:
    """Return what was trained on; where nothing bounds the dates, those of the first and the last base bar."""
    first = min(bars.index[market.n_lookback[key]] for key, bars in market.base.items())
    last = max(bars.index[-1] for bars in market.base.values())
    return DataSummary(
        **dataset.total.model_dump(),
        symbols=list(scope.symbols),
        timeframes=list(scope.timeframes),
        start_date=scope.start_date or first.date().isoformat(),
        end_date=scope.end_date or last.date().isoformat(),
        data_sha256=market.sha256,
        resampled={str(key): source for key, source in market.resampled.items()},
    )


def symbol_metrics(job: Job, outputs_NO: npt.NDArray[np.float32], dataset: Dataset) -> dict[str, SymbolMetrics]:
    """Return each symbol's rows and metrics; `outputs_NO` (rows, outputs) belong to the test part."""
    chosen = {symbol: dataset.test.rows_of(symbol) for symbol in dataset.rows}
    return {
        symbol: evaluate_symbol(
            outputs_NO[is_chosen],
            dataset.test.select(is_chosen),
            dataset.train.y,
            job.labeler,
            job.strategy.decisions,
            dataset.rows[symbol],
        )
        for symbol, is_chosen in chosen.items()
    }
