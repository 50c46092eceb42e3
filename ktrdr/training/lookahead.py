"""Whether anything that a training reads knows the future: bars after a cut are changed, and nothing before it may."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data import Bars, DataManager, MarketBars, SeriesKey
from ktrdr.strategy.schema import Strategy
from ktrdr.training.rows.dataset import Dataset, Part, assemble
from ktrdr.training.rows.preparation import (
    calculate_indicators,
    engineer_features,
    generate_labels,
    generate_memberships,
    labels_of,
    load_market_data,
    split_rows,
)
from ktrdr.training.rows.splitting import Draw, Rows
from ktrdr.training.scope import Scope
from ktrdr.training.steps import Report, unreported

CUT_SHARES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
"""Where bars are cut, as shares of the base bars of all symbols; the last bars that train and validate are cuts too."""

JOINED_CUT_SHARES = (0.3, 0.6, 0.9)
"""Of the bars of each slower timeframe: the last base bar before such a one closes is a cut as well."""

_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Leak:
    """Something that was known at a cut and changed with the bars after it. The first bar of each is named."""

    kind: str
    """`feature`, `label`, `split` (a label that is known only when the next part has begun) or `fitted`."""
    column: str
    symbol: str
    bar: str
    before: float | str | None
    after: float | str | None
    cut: str
    """The close after which bars were changed."""
    n_bars: int
    """How many bars changed."""

    def __str__(self) -> str:
        more = f" (the first of {self.n_bars} bars)" if self.n_bars > 1 else ""
        return (
            f"{self.kind} {self.column} of {self.symbol} on bar {self.bar} is {self.before}, and {self.after} when bars"
            f" after {self.cut} are changed{more}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Reading:
    """All that a training reads of one market before it splits it."""

    market: MarketBars
    tables: Mapping[str, pd.DataFrame]
    labels: Mapping[str, pd.DataFrame]


def find_leaks(
    strategy: Strategy, data: DataManager, scope: Scope, report: Report = unreported, seed: int = 0
) -> tuple[Leak, ...]:
    """Return everything that a training would know before its time.

    The bars that close after a cut are changed at random: their prices, their shapes, their volumes. Features of bars
    that close by the cut, labels known by it, what was fitted on the training rows, and what the network reads of rows
    known by it, lags and windows included, must be bit for bit what they were.

    How the bars were loaded, and slower ones made of faster, is not judged: what is changed are the bars as loaded.

    Parameters
    ----------
    strategy, data, scope
        What would be trained.
    report
        Called before each cut; may raise to stop.
    seed
        Of the factors.

    Raises
    ------
    DataError
        What the training would raise.
    """
    market = load_market_data(strategy, data, scope, unreported)
    reading = _read(strategy, market, generate_labels(strategy, market, unreported))
    dataset = split_rows(strategy, scope, market, reading.tables, reading.labels)
    leaks = [*_split_leaks(dataset, market)]
    cuts = _cuts(market, dataset)
    random = np.random.default_rng(seed)
    for number, cut in enumerate(cuts, start=1):
        report(number, len(cuts), f"bars after {cut} changed")
        later = _changed_after(market, cut, random)
        changed = _read(strategy, later, _labels_of(strategy, later))
        leaks += _label_leaks(reading, changed, cut)
        # what is made of features that leak would only be named once more
        leaks += list(_feature_leaks(reading, changed, cut)) or _input_leaks(strategy, dataset, market, changed, cut)
    return tuple({(leak.kind, leak.column, leak.symbol): leak for leak in reversed(leaks)}.values())[::-1]


def _read(strategy: Strategy, market: MarketBars, labels: Mapping[str, pd.DataFrame]) -> _Reading:
    indicators = calculate_indicators(strategy, market, unreported)
    memberships = generate_memberships(strategy, indicators, unreported)
    tables = engineer_features(strategy, market, indicators, memberships)
    return _Reading(market, tables, labels)


def _labels_of(strategy: Strategy, market: MarketBars) -> dict[str, pd.DataFrame]:
    """Return the labels in the date range; changed bars may leave none, or all of one class, which is no fault."""
    return {
        key.symbol: labels_of(strategy.training.labels, bars, market.n_lookback[key])
        for key, bars in market.base.items()
    }


def _cuts(market: MarketBars, dataset: Dataset) -> list[pd.Timestamp]:
    """Return closes of base bars: where `CUT_SHARES` and `JOINED_CUT_SHARES` say, and of the last rows of parts."""
    base = _pooled(market.closes[key] for key in market.base)
    cuts = {base[int(share * len(base))] for share in CUT_SHARES}
    cuts |= {max(_closes_of(part, market)) for part in (dataset.train, dataset.validation)}
    for timeframe in {key.timeframe for key in market.series} - {market.base_timeframe}:
        slower = _pooled(closes for key, closes in market.closes.items() if key.timeframe == timeframe)
        for share in JOINED_CUT_SHARES:
            n_before = int(base.searchsorted(slower[int(share * len(slower))]))
            cuts |= {base[n_before - 1]} if n_before else set()
    return sorted(cuts)


def _pooled(closes: Iterable[pd.DatetimeIndex]) -> pd.DatetimeIndex:
    # bars of several sources may carry times of several resolutions
    return pd.DatetimeIndex(np.unique(np.concatenate([one.as_unit("ns").asi8 for one in closes]))).tz_localize("UTC")


def _closes_of(part: Part, market: MarketBars) -> pd.DatetimeIndex:
    """Return when the bars of a part's rows close, symbol after symbol."""
    times = part.index.get_level_values("time")
    of_symbols = [
        market.closes[key][bars.index.get_indexer(times[part.rows_of(key.symbol)])] for key, bars in market.base.items()
    ]
    return of_symbols[0].append(of_symbols[1:])


def _changed_after(market: MarketBars, cut: pd.Timestamp, random: np.random.Generator) -> MarketBars:
    changed = {key: _redrawn(bars, market.closes[key] > cut, random) for key, bars in market.series.items()}
    return dataclasses.replace(market, series=changed)


def _redrawn(bars: Bars, chosen: npt.NDArray[np.bool_], random: np.random.Generator) -> Bars:
    """Return the bars, each number of the chosen ones times a factor of its own, high and low at the ends again."""
    changed = bars * np.where(chosen[:, None], np.exp(random.normal(0.0, 0.2, bars.shape)), 1.0)
    prices = changed[["open", "high", "low", "close"]]
    return changed.assign(high=prices.max(axis=1), low=prices.min(axis=1))


def _feature_leaks(reading: _Reading, changed: _Reading, cut: pd.Timestamp) -> Iterator[Leak]:
    for key in reading.market.base:
        known = reading.market.closes[key] <= cut
        before, after = reading.tables[key.symbol][known], changed.tables[key.symbol][known]
        for column in before.columns:
            yield from _differences("feature", column, key, (before[column], after[column]), cut)


def _label_leaks(reading: _Reading, changed: _Reading, cut: pd.Timestamp) -> Iterator[Leak]:
    for key in reading.market.base:
        closes = pd.Series(reading.market.closes[key], index=reading.market.series[key].index)
        pair = [_known_labels(one.labels[key.symbol], closes, cut) for one in (reading, changed)]
        rows = pair[0].index.union(pair[1].index)
        before, after = (labels.reindex(rows) for labels in pair)
        leaks = [
            leak
            for column in ("label", "known_at")
            for leak in _differences("label", column, key, (before[column], after[column]), cut)
        ]
        yield from leaks[:1]  # a row that is gone differs in both


def _known_labels(labels: pd.DataFrame, closes: pd.Series, cut: pd.Timestamp) -> pd.DataFrame:
    return labels[(closes.loc[labels["known_at"]] <= cut).to_numpy()]


def _split_leaks(dataset: Dataset, market: MarketBars) -> Iterator[Leak]:
    """Name the rows whose label is known only when the next part of their symbol has begun."""
    parts = _parts_of(dataset)
    for name, part, following in zip(_PARTS, parts, parts[1:], strict=False):
        for key in market.base:
            own, next_rows = part.rows_of(key.symbol), following.rows_of(key.symbol)
            first = following.index[next_rows].get_level_values("time").min()
            late = own & np.asarray(part.known_at >= first)
            if late.any():
                row = int(np.argmax(late))
                bar, known = f"{part.index[row][1]}", f"known at {part.known_at[row]}"
                yield Leak("split", name, key.symbol, bar, known, f"next part at {first}", f"{first}", int(late.sum()))


def _input_leaks(
    strategy: Strategy, dataset: Dataset, market: MarketBars, changed: _Reading, cut: pd.Timestamp
) -> list[Leak]:
    """Name what was fitted on training rows that are all known by the cut, and what known rows give the network."""
    train, validation, test = (_known_rows(part, market, cut) for part in _parts_of(dataset))
    if sum(map(len, train.values())) < len(dataset.train):
        return []
    draw = Draw(train, validation, test, dataset.rows)
    again = assemble(strategy.blocks, strategy.model, changed.tables, draw, {})
    return list(_fitted_leaks(dataset, again, cut)) or list(_reading_leaks(strategy, dataset, again, cut))


def _known_rows(part: Part, market: MarketBars, cut: pd.Timestamp) -> dict[str, Rows]:
    """Return each symbol's rows whose bars close by the cut."""
    known = part.select(np.asarray(_closes_of(part, market) <= cut))
    times, rows = known.index.get_level_values("time"), {}
    for key, bars in market.base.items():
        own = known.rows_of(key.symbol)
        of_symbol = known.select(own)
        number = np.asarray(bars.index.get_indexer(times[own]), dtype=np.int64)
        rows[key.symbol] = Rows(
            number,
            of_symbol.index,
            of_symbol.y,
            of_symbol.known_at,
            of_symbol.last_sign,
            of_symbol.last_known_y,
        )
    return rows


def _fitted_leaks(dataset: Dataset, again: Dataset, cut: pd.Timestamp) -> Iterator[Leak]:
    """Name what was fitted and is another with other bars after the cut."""
    last = dataset.train.index.get_level_values("time").max()
    pairs = zip(dataset.inputs.transforms, again.inputs.transforms, strict=True)
    for block, (before, after) in zip(dataset.inputs.blocks, pairs, strict=True):
        if before != after:
            column, symbols = ", ".join(block.names), ", ".join(dataset.rows)
            yield Leak("fitted", column, symbols, f"{last}", str(before), str(after), f"{cut}", len(dataset.train))


def _reading_leaks(strategy: Strategy, dataset: Dataset, again: Dataset, cut: pd.Timestamp) -> Iterator[Leak]:
    """Name the columns, lagged ones too, that the network reads otherwise on a row known by the cut."""
    for part, known in zip(_parts_of(dataset), _parts_of(again), strict=True):
        rows = part.index.get_indexer(known.index)
        for column, name in enumerate(strategy.features):
            old, new = part.X[rows, ..., column], known.X[..., column]
            differs = np.argwhere(old != new)
            if len(differs):
                at = tuple(differs[0])  # the row, and in a window the step
                symbol, bar = known.index[at[0]]
                n_rows = len(np.unique(differs[:, 0]))
                yield Leak("feature", name, symbol, f"{bar}", float(old[at]), float(new[at]), f"{cut}", n_rows)


def _parts_of(dataset: Dataset) -> tuple[Part, Part, Part]:
    return dataset.train, dataset.validation, dataset.test


def _differences(
    kind: str, column: str, key: SeriesKey, pair: tuple[pd.Series, pd.Series], cut: pd.Timestamp
) -> Iterator[Leak]:
    before, after = pair
    differs = ~((before == after) | (before.isna() & after.isna())).to_numpy()
    if differs.any():
        at = int(np.argmax(differs))
        was, became = (_plain(values.iloc[at]) for values in pair)
        yield Leak(kind, column, key.symbol, f"{before.index[at]}", was, became, f"{cut}", int(differs.sum()))


def _plain(value: Any) -> float | str | None:
    if pd.isna(value):
        return None
    return f"{value}" if isinstance(value, pd.Timestamp) else float(value)
