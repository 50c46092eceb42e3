"""From bars to the rows that a stored model reads: steps 1 to 4 of its training, and what was fitted then.

Shapes: M bars, N rows, F features of one bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data import DataManager, SeriesKey
from ktrdr.errors import NoBars, NoRows, RequestError
from ktrdr.prediction.stretches import Stretch
from ktrdr.storage.loaded import LoadedModel
from ktrdr.training.rows.dataset import complete_bars, network_inputs, readings_of, refuse_overflow
from ktrdr.training.rows.preparation import calculate_indicators, engineer_features, generate_memberships, read_market
from ktrdr.training.rows.splitting import IntArray
from ktrdr.training.scope import Coverage
from ktrdr.training.steps import unreported

MAX_INPUT_BYTES = 512 * 2**20
"""Of what the network is given for one answer; windows over many bars reach it first."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """Which rows."""

    symbols: tuple[str, ...]
    start_date: str | None = None
    end_date: str | None = None
    """Both inclusive, by a bar's open date; None: as far as the bars go that are read."""
    last: int | None = None
    """Of each symbol the newest so many rows; None: all."""
    max_rows: int | None = None
    """More are refused, of all symbols together."""


@dataclass(frozen=True)
class PredictionRows:
    """The rows, symbol after symbol, in time order within a symbol."""

    X: npt.NDArray[np.float32]
    """(N, F), or (N, S, F) for a network that reads windows; F counts lagged copies."""
    index: pd.MultiIndex
    """(symbol, bar open) of each row."""
    features: FloatArray
    """(N, F) of the row's own bar, no lags."""
    n_left_out: int
    """Bars of the dates asked for that have not all that the network reads."""


def read_rows(
    model: LoadedModel, data: DataManager, asked: Asked, stretches: Mapping[str, Sequence[Stretch]]
) -> PredictionRows:
    """Return the rows of each symbol's stretches, which follow one another. Each symbol is read by itself.

    Raises
    ------
    NoBars, NoRows
        If the dates have no bars, or no bar with all that the network reads.
    RequestError
        If there are more rows than `asked.max_rows`.
    DataError, TrainingError
        What the training would raise of such bars.
    """
    found = [_of_symbol(model, data, asked, symbol, stretches[symbol]) for symbol in asked.symbols]
    return _joined(model, asked, [one for of_symbol in found for one in of_symbol])


def _of_symbol(
    model: LoadedModel, data: DataManager, asked: Asked, symbol: str, stretches: Sequence[Stretch]
) -> list[_Found]:
    found: list[_Found] = []
    absent: NoBars | None = None
    for stretch in reversed(stretches):
        if asked.last is not None and _n_rows(found) >= asked.last:
            break
        try:
            newer = _found_in(model, data, symbol, stretch)
        except NoBars as error:
            if len(stretches) == 1:
                raise
            absent = error  # the bars may begin, or end, where the training began
            continue
        missing = None if asked.last is None else max(0, asked.last - _n_rows(found))
        found.insert(0, newer.newest(missing))
    if absent is not None and not found:
        raise absent
    return found


@dataclass(frozen=True)
class _Found:
    """One symbol's bars of one stretch."""

    symbol: str
    opens: pd.DatetimeIndex
    features: FloatArray
    """(M, F)."""
    in_range: IntArray
    """Positions of the bars asked for."""
    rows: IntArray
    """Of these, the positions of those that have all that the network reads."""

    def newest(self, n_rows: int | None) -> _Found:
        """Return the newest rows, and of the bars asked for those since the first of them."""
        if n_rows is None or n_rows >= len(self.rows):
            return self
        rows = self.rows[len(self.rows) - n_rows :]
        since = rows[0] if len(rows) else len(self.opens)
        return _Found(self.symbol, self.opens, self.features, self.in_range[self.in_range >= since], rows)

    @property
    def index(self) -> pd.MultiIndex:
        """(symbol, bar open) of each row."""
        return pd.MultiIndex.from_product([[self.symbol], self.opens[self.rows]], names=["symbol", "time"])


def _n_rows(found: Sequence[_Found]) -> int:
    return sum(len(one.rows) for one in found)


def _found_in(model: LoadedModel, data: DataManager, symbol: str, stretch: Stretch) -> _Found:
    strategy = model.trained_from
    coverage = Coverage((symbol,), stretch.read_from, stretch.end_date)
    market = read_market(strategy, data, coverage, unreported, stretch.first_bars)
    indicators = calculate_indicators(strategy, market, unreported)
    memberships = generate_memberships(strategy, indicators, unreported)
    key = SeriesKey(symbol, strategy.base_timeframe)
    table = engineer_features(strategy, market, indicators, memberships)[symbol]
    first = market.n_lookback[key]
    if stretch.start_date is not None:
        first = max(first, int(table.index.searchsorted(pd.Timestamp(stretch.start_date, tz="UTC"))))
    in_range = np.arange(first, len(table), dtype=np.int64)
    is_complete = complete_bars(table, strategy.model)
    is_complete[: strategy.training_data.history_required] = False  # demanded before a row, here as in training
    rows = in_range[is_complete[in_range]]
    return _Found(symbol, table.index, model.inputs.features_of(table), in_range, rows)


def _joined(model: LoadedModel, asked: Asked, found: Sequence[_Found]) -> PredictionRows:
    network, n_rows = model.trained_from.model, _n_rows(found)
    _refuse_without_rows(model, asked, found)
    if asked.max_rows is not None and n_rows > asked.max_rows:
        raise RequestError(
            "start_date",
            f"These dates have {n_rows:,} rows; one answer has {asked.max_rows:,} at most.",
            "Choose a later start_date or an earlier end_date, one symbol, or the `last` rows alone.",
        )
    _refuse_too_large(n_rows, model)
    with_rows = [one for one in found if len(one.rows)]
    inputs = [network_inputs(readings_of(one.features, network), one.rows, network) for one in with_rows]
    X = inputs[0] if len(inputs) == 1 else np.concatenate(inputs)  # which would copy the one as well
    index = with_rows[0].index.append([one.index for one in with_rows[1:]])
    refuse_overflow(X, index, model.inputs.names)
    features = np.concatenate([one.features[one.rows] for one in with_rows])
    return PredictionRows(X, index, features, sum(len(one.in_range) for one in found) - n_rows)


def _refuse_too_large(n_rows: int, model: LoadedModel) -> None:
    network = model.trained_from.model
    n_values = len(model.inputs.names) * (network.features.lookback_periods + 1) * (network.sequence_length or 1)
    n_fit = MAX_INPUT_BYTES // (4 * n_values)
    if n_rows > n_fit:
        raise RequestError(
            "start_date",
            f"What {model.model_id} reads of {n_rows:,} rows takes {n_rows * n_values * 4 / 2**20:,.0f} MiB of memory;"
            f" one answer has {MAX_INPUT_BYTES / 2**20:,.0f} MiB at most.",
            f"Ask for {n_fit:,} rows at most: fewer dates after one another, one symbol, or the `last` rows alone.",
        )


def _refuse_without_rows(model: LoadedModel, asked: Asked, found: Sequence[_Found]) -> None:
    if _n_rows(found):
        return
    dates = f"{asked.start_date or 'the first bar'} to {asked.end_date or 'the last bar'}"
    if not any(len(one.in_range) for one in found):
        first, last = min(one.opens[0] for one in found), max(one.opens[-1] for one in found)
        series = f"{', '.join(asked.symbols)} {model.trained_from.base_timeframe}"
        raise NoBars(series, dates, f"{first.date()} to {last.date()}")
    n_needed = max(model.trained_from.warmup, model.trained_from.training_data.history_required)
    raise NoRows(
        f"{', '.join(asked.symbols)} from {dates}",
        f"no bar has all that {model.model_id} reads, which is there after {n_needed} bars of warm-up",
        "bars",
        "Choose later dates, or import or send more bars before them.",
    )
