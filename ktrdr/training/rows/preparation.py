"""Steps 1 to 6, from bars to the rows that train, validate and test: shared by a training and its plan, no torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd

from ktrdr.data import Bars, DataManager, MarketBars, SeriesKey
from ktrdr.errors import NoRows, NotEnoughBars, UnknownSymbol
from ktrdr.features import feature_table
from ktrdr.fuzzy import FuzzySet, fuzzify
from ktrdr.indicators import Indicator, compute_all
from ktrdr.labels import AnyLabeler
from ktrdr.strategy.schema import Strategy
from ktrdr.training.rows.dataset import Dataset, assemble, complete_bars
from ktrdr.training.rows.splitting import BaseBars, check_classes, draw_split
from ktrdr.training.scope import Coverage, Scope
from ktrdr.training.steps import Report

IndicatorValues = dict[SeriesKey, dict[str, pd.DataFrame]]


def load_market_data(strategy: Strategy, data: DataManager, scope: Scope, report: Report) -> MarketBars:
    """Load the bars of the date range, and before it those that warm-up, history and labels look back to.

    Raises
    ------
    DataError
        If a symbol or bars are missing, or fewer than `history_required` lie before the start date.
    """
    market = read_market(strategy, data, scope, report)
    history = strategy.training_data.history_required
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


def read_market(
    strategy: Strategy,
    data: DataManager,
    coverage: Coverage,
    report: Report,
    first_bars: Mapping[SeriesKey, pd.Timestamp] | None = None,
) -> MarketBars:
    """Read the bars of the date range and those before it, however few there are; of `first_bars` as in `load`.

    Raises
    ------
    DataError
        If a symbol or bars are missing.
    """
    _check_sources(strategy, data)
    history, joined = strategy.training_data.history_required, strategy.joined_lookback
    return data.load(
        list(coverage.symbols),
        list(strategy.timeframes_read),
        coverage.start_date,
        coverage.end_date,
        max(strategy.warmup, history, strategy.training.labels.lookback, joined.get(strategy.base_timeframe, 0)),
        lambda number, total, key, n_bars: report(number, total, context=_place(key)),
        base_timeframe=strategy.base_timeframe,
        joined_lookback=joined,
        context=strategy.context,
        first_bars=first_bars,
    )


def _check_sources(strategy: Strategy, data: DataManager) -> None:
    """Refuse another symbol that there is no series of, at the indicator that names it."""
    sources = {block.data_source: block.indicator for block in strategy.blocks if block.data_source}
    catalog = data.catalog() if sources else []
    for symbol, indicator in sources.items():
        if symbol not in {series.symbol for series in catalog}:
            known = tuple(f"{series.symbol} {series.timeframe}" for series in catalog)
            raise UnknownSymbol(symbol, known, f"indicators.{indicator}.data_source")


def calculate_indicators(strategy: Strategy, market: MarketBars, report: Report) -> IndicatorValues:
    """Compute what the inputs read, on each series that they read it of."""
    asked = {key: _indicators_of(strategy, market, key) for key in market.series}
    items, n_items = itertools.count(1), sum(map(len, asked.values()))

    def of_series(key: SeriesKey, indicators: dict[str, Indicator]) -> dict[str, pd.DataFrame]:
        def on_indicator(name: str) -> None:
            report(next(items), n_items, context={**_place(key), "indicator": name})

        return compute_all(indicators, market.series[key], on_indicator)

    return {key: of_series(key, indicators) for key, indicators in asked.items()}


def _indicators_of(strategy: Strategy, market: MarketBars, key: SeriesKey) -> dict[str, Indicator]:
    is_traded = any(base.symbol == key.symbol for base in market.base)
    own = strategy.indicators_on(key.timeframe, None) if is_traded else {}
    return own | strategy.indicators_on(key.timeframe, key.symbol)


def generate_memberships(
    strategy: Strategy, indicators: IndicatorValues, report: Report
) -> dict[SeriesKey, pd.DataFrame]:
    """Turn every series' indicators into degrees of belonging; sets that are fitted wait for their training rows."""
    asked = {key: _sets_of(strategy, key.timeframe, values) for key, values in indicators.items()}
    items, n_items = itertools.count(1), sum(map(len, asked.values()))

    def of_series(key: SeriesKey, sets: dict[str, FuzzySet]) -> pd.DataFrame:
        def on_set(name: str) -> None:
            report(next(items), n_items, f"{key} {name}")

        return fuzzify(sets, indicators[key], on_set)

    return {key: of_series(key, sets) for key, sets in asked.items()}


def _sets_of(strategy: Strategy, timeframe: str, computed: Mapping[str, pd.DataFrame]) -> dict[str, FuzzySet]:
    return {
        block.fuzzy_set: block.transform
        for block in strategy.blocks
        if block.fuzzy_set is not None
        and isinstance(block.transform, FuzzySet)
        and block.timeframe == timeframe
        and block.indicator in computed
    }


def engineer_features(
    strategy: Strategy,
    market: MarketBars,
    indicators: IndicatorValues,
    memberships: Mapping[SeriesKey, pd.DataFrame],
) -> dict[str, pd.DataFrame]:
    """Join every symbol's columns to its base bars, those that have to be fitted as they are.

    Raises
    ------
    NotFinite
        If a value is infinite.
    """
    return {key.symbol: feature_table(strategy.blocks, market, key, indicators, memberships) for key in market.base}


def generate_labels(strategy: Strategy, market: MarketBars, report: Report) -> dict[str, pd.DataFrame]:
    """Label every symbol's bars of the date range.

    Of the bars before it the labeler sees those that it looks back to and no more: neither the indicators nor
    `history_required` change a label.

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
    for number, (key, bars) in enumerate(market.base.items(), start=1):
        in_range = labels_of(labeler, bars, market.n_lookback[key])
        if in_range.empty:
            raise _unlabelled(key, labeler, len(bars), market.n_lookback[key])
        labels[key.symbol] = in_range
        report(number, len(market.base), context=_place(key))
    every_label = pd.concat([of_symbol["label"] for of_symbol in labels.values()])
    check_classes(every_label.to_numpy(), "available", labeler.class_names, labeler.source)
    return labels


def labels_of(labeler: AnyLabeler, bars: Bars, n_lookback: int) -> pd.DataFrame:
    """Return the labels of all bars but the first `n_lookback`; of these the labeler sees what it looks back to."""
    seen = bars.iloc[max(0, n_lookback - labeler.lookback) :]
    return labeler.label(seen).loc[bars.index[n_lookback] :]


def split_rows(
    strategy: Strategy,
    scope: Scope,
    market: MarketBars,
    tables: Mapping[str, pd.DataFrame],
    labels: Mapping[str, pd.DataFrame],
) -> Dataset:
    """Split the rows that have features and a label; fit scalers and fuzzy sets on those that train.

    Raises
    ------
    NotEnoughBars
        If a symbol's bars are all warm-up.
    NoRows
        If a part of a symbol is left without rows.
    OneClassLabels
        If the training rows are all of one class.
    EqualQuantiles, NotFinite
        If a set cannot be fitted, or a feature is beyond what float32 holds.
    """
    base = base_bars(strategy, scope, market)
    complete = {symbol: complete_bars(table, strategy.model) for symbol, table in tables.items()}
    for symbol, table in tables.items():
        if not complete[symbol].any():
            _refuse_without_values(symbol, table, base[symbol])
    draw = draw_split(complete, labels, scope.data_split, base)
    labeler = strategy.training.labels
    y_train = np.concatenate([rows.y for rows in draw.train.values()])
    check_classes(y_train, "training", labeler.class_names, labeler.source)
    return assemble(strategy.blocks, strategy.model, tables, draw, base, strategy.training.sample_weights)


def base_bars(strategy: Strategy, scope: Scope, market: MarketBars) -> dict[str, BaseBars]:
    """Return each symbol's bars of the base timeframe, and which of them cannot be rows."""
    n_used_up = strategy.training_data.history_required if scope.start_date is None else 0
    return {
        key.symbol: BaseBars(bars, market.n_lookback[key], n_used_up, strategy.warmup)
        for key, bars in market.base.items()
    }


def _refuse_without_values(symbol: str, table: pd.DataFrame, base: BaseBars) -> None:
    """Name the column that has no value on any bar, where the bars would be enough for the warm-up."""
    empty = table.columns[table.isna().all().to_numpy()]
    if len(base.bars) > base.n_warmup and len(empty):
        reason = f"{empty[0]} has no value on any bar"
        advice = (
            "Widen the date range, shorten the indicator's period, or import more bars of that timeframe; ACOS and"
            " ASIN of TA-Lib have no value of any price."
        )
        raise NoRows(symbol, reason, "nn_inputs", advice)


def _unlabelled(key: SeriesKey, labeler: AnyLabeler, n_bars: int, n_lookback: int) -> NotEnoughBars | NoRows:
    """Return why no bar of the date range has a label; `n_bars` are those in it and the `n_lookback` before it."""
    n_before = min(n_lookback, labeler.lookback)
    n_seen, needed = n_bars - n_lookback + n_before, labeler.lookback + 1 + labeler.horizon
    if n_seen < needed:
        before = f", {n_before} before the start counted," if n_before else ""
        by = f"Labelling {key} by {labeler.source}{before}"
        return NotEnoughBars(needed, n_seen, by, "training.labels", labeler.advice)
    reason = labeler.why_none + (" after the start" if n_lookback else "")
    return NoRows(f"{key}, labelled by {labeler.source},", reason, "training.labels", labeler.advice)


def _place(key: SeriesKey) -> dict[str, str]:
    return {"symbol": key.symbol, "timeframe": key.timeframe}
