"""Steps 1 to 6, from bars to the rows that train, validate and test: shared by a training and its plan, no torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pandas as pd

from ktrdr.data import Bars, DataManager, MarketBars, SeriesKey
from ktrdr.errors import NoRows, NotEnoughBars
from ktrdr.fuzzy import fuzzify
from ktrdr.indicators import compute_all
from ktrdr.labels import AnyLabeler
from ktrdr.strategy.schema import Strategy
from ktrdr.training.dataset import BaseBars, Dataset, check_classes, draw_split
from ktrdr.training.scope import Scope
from ktrdr.training.steps import Report


def load_market_data(strategy: Strategy, data: DataManager, scope: Scope, report: Report) -> MarketBars:
    """Load the bars of the date range, and before it those that warm-up, history and labels look back to.

    Raises
    ------
    DataError
        If a symbol or bars are missing, or fewer than `history_required` lie before the start date.
    """
    history = strategy.training_data.history_required
    market = data.load(
        list(scope.symbols),
        list(scope.timeframes),
        scope.start_date,
        scope.end_date,
        lookback_bars=max(strategy.warmup, history, strategy.training.labels.lookback),
        on_series=lambda number, total, key, n_bars: report(number, total, context=_place(key)),
    )
    for key, n_lookback in market.n_lookback.items():
        if scope.start_date is not None and n_lookback < history:
            raise NotEnoughBars(
                history,
                n_lookback,
                f"history_required of {key} before {scope.start_date}",
                "training_data.history_required",
                "Choose a later start_date, or lower history_required.",
            )
    return market


def calculate_indicators(
    strategy: Strategy, market: MarketBars, report: Report
) -> dict[SeriesKey, dict[str, pd.DataFrame]]:
    """Compute every indicator on every series."""
    items = itertools.count(1)
    n_items = len(market.series) * len(strategy.indicators)

    def of_series(key: SeriesKey, bars: Bars) -> dict[str, pd.DataFrame]:
        def on_indicator(name: str) -> None:
            report(next(items), n_items, context={**_place(key), "indicator": name})

        return compute_all(strategy.indicators, bars, on_indicator)

    return {key: of_series(key, bars) for key, bars in market.series.items()}


def generate_memberships(
    strategy: Strategy, indicators: Mapping[SeriesKey, dict[str, pd.DataFrame]], report: Report
) -> dict[SeriesKey, pd.DataFrame]:
    """Turn every series' indicators into degrees of belonging."""
    items = itertools.count(1)
    n_items = len(indicators) * len(strategy.fuzzy_sets)

    def of_series(key: SeriesKey, values: dict[str, pd.DataFrame]) -> pd.DataFrame:
        def on_set(name: str) -> None:
            report(next(items), n_items, f"{key} {name}")

        return fuzzify(strategy.fuzzy_sets, values, on_set)

    return {key: of_series(key, values) for key, values in indicators.items()}


def generate_labels(strategy: Strategy, market: MarketBars, report: Report) -> dict[str, pd.DataFrame]:
    """Label every symbol's bars; labels before the start date are left out.

    Raises
    ------
    NotEnoughBars
        If a symbol's bars are too few for a label.
    NoRows
        If they are enough, and none of them has a label all the same.
    OneClassLabels
        If all labels are of one class.
    """
    labeler = strategy.training.labels
    labels: dict[str, pd.DataFrame] = {}
    for number, (key, bars) in enumerate(market.series.items(), start=1):
        in_range = labeler.label(bars).loc[bars.index[market.n_lookback[key]] :]
        if in_range.empty:
            raise _unlabelled(key, labeler, len(bars), market.n_lookback[key])
        labels[key.symbol] = in_range
        report(number, len(market.series), context=_place(key))
    every_label = pd.concat([of_symbol["label"] for of_symbol in labels.values()])
    check_classes(every_label.to_numpy(), "available", labeler.class_names, labeler.source)
    return labels


def split_rows(
    strategy: Strategy, scope: Scope, market: MarketBars, features: pd.DataFrame, labels: Mapping[str, pd.DataFrame]
) -> Dataset:
    """Split the rows that have features and a label.

    Raises
    ------
    NotEnoughBars
        If a symbol's bars are all warm-up.
    NoRows
        If a part of a symbol is left without rows.
    OneClassLabels
        If the training rows are all of one class.
    """
    n_used_up = strategy.training_data.history_required if scope.start_date is None else 0
    base = {
        key.symbol: BaseBars(bars, market.n_lookback[key], n_used_up, strategy.warmup)
        for key, bars in market.series.items()
    }
    dataset = draw_split(features, labels, scope.data_split, base)
    labeler = strategy.training.labels
    check_classes(dataset.train.y, "training", labeler.class_names, labeler.source)
    return dataset


def _unlabelled(key: SeriesKey, labeler: AnyLabeler, n_bars: int, n_lookback: int) -> NotEnoughBars | NoRows:
    """Return why no bar of the date range has a label; `n_bars` are those in it and the `n_lookback` before it."""
    needed = max(labeler.lookback, n_lookback) + 1 + labeler.horizon
    if n_bars < needed:
        before = f", {n_lookback} before the start counted," if n_lookback else ""
        by = f"Labelling {key} by {labeler.source}{before}"
        return NotEnoughBars(needed, n_bars, by, "training.labels", labeler.advice)
    reason = labeler.why_none + (" after the start" if n_lookback else "")
    return NoRows(f"{key}, labelled by {labeler.source},", reason, "training.labels", labeler.advice)


def _place(key: SeriesKey) -> dict[str, str]:
    return {"symbol": key.symbol, "timeframe": key.timeframe}
