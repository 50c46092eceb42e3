"""The rows as the network is given them: features fitted on the training rows, windows, labels and weights.

Shapes: N rows, F features, S steps of a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.errors import NotFinite, TrainingError
from ktrdr.features import FittedInputs, InputBlock, complete_rows, fit_inputs, windows, with_lags
from ktrdr.labels import uniqueness
from ktrdr.model.config import AnyModel
from ktrdr.results import RowAccount
from ktrdr.training.rows.splitting import BaseBars, BoolArray, Draw, IntArray, LabelArray, Rows

MAX_INPUT_BYTES = 16 * 2**30
"""Of all parts' inputs together; windows over many bars reach it first."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Rows of one part, symbol after symbol, in time order within a symbol."""

    X: npt.NDArray[np.float32]
    """(N, F), or (N, S, F) for a network that reads windows; F counts lagged copies."""
    y: LabelArray
    """(N,) class codes (int64), or returns (float64)."""
    index: pd.MultiIndex
    """(symbol, bar open) of each row."""
    known_at: pd.DatetimeIndex
    """The bar whose close made the label known."""
    last_sign: IntArray
    """(N,) -1, 0 or 1: the sign of the row's own close-to-close return."""
    last_known_y: LabelArray
    """(N,) the label of the symbol's newest row that is known by the row's own time, else unknown."""

    def __len__(self) -> int:
        return len(self.y)

    @property
    def targets(self) -> npt.NDArray[Any]:
        """The labels as a loss takes them: class codes (int64), or returns (float32)."""
        return np.asarray(self.y, dtype=np.int64 if self.y.dtype.kind == "i" else np.float32)

    def rows_of(self, symbol: str) -> BoolArray:
        """Return which rows are the symbol's."""
        return np.asarray(self.index.get_level_values("symbol") == symbol)

    def select(self, chosen: BoolArray) -> Part:
        """Return the chosen rows."""
        return Part(
            np.ascontiguousarray(self.X[chosen]),
            self.y[chosen],
            self.index[chosen],
            self.known_at[chosen],
            self.last_sign[chosen],
            self.last_known_y[chosen],
        )


@dataclass(frozen=True)
class Dataset:
    """The three parts, what was fitted on the first, and what became of every bar."""

    train: Part
    validation: Part
    test: Part
    rows: dict[str, RowAccount]
    """For each symbol."""
    inputs: FittedInputs
    features: pd.DataFrame
    """The rows of all parts, part after part, by (symbol, bar open): each feature on the row's own bar, no lags."""
    weights: npt.NDArray[np.float32] | None
    """(n training rows,) what each counts in the training's loss, 1 on average; None where all count alike."""

    @property
    def total(self) -> RowAccount:
        """The account over all symbols."""
        accounts = [account.model_dump() for account in self.rows.values()]
        return RowAccount(**{field: sum(account[field] for account in accounts) for field in RowAccount.model_fields})

    @property
    def y(self) -> LabelArray:
        """The labels of all parts, part after part."""
        return np.concatenate([self.train.y, self.validation.y, self.test.y])


def complete_bars(table: pd.DataFrame, model: AnyModel) -> BoolArray:
    """Return which bars of a symbol's table have all that the network reads: features, lags, a full window."""
    has_features = ~np.isnan(table.to_numpy()).any(axis=1)
    return complete_rows(has_features, model.features.lookback_periods, model.sequence_length)


def assemble(  # noqa: PLR0913 - what the rows are made of, one name each
    blocks: Sequence[InputBlock],
    model: AnyModel,
    tables: Mapping[str, pd.DataFrame],
    draw: Draw,
    base: Mapping[str, BaseBars],
    sample_weights: str = "none",
) -> Dataset:
    """Return the drawn rows with their inputs; scalers, fitted sets and weights come from the training rows alone.

    Parameters
    ----------
    blocks, model
        What the network reads, and how far back.
    tables
        Each symbol's columns before the split, one row a base bar.
    draw
        The rows of each part.
    base
        Each symbol's bars.
    sample_weights
        `uniqueness`, or `none`.

    Raises
    ------
    EqualQuantiles, NotFinite
        If a set cannot be fitted; naming the feature and the bar that float32 cannot hold.
    TrainingError
        If the windows would not fit into memory.
    """
    training = pd.concat([tables[symbol].iloc[rows.bar_number] for symbol, rows in draw.train.items()])
    inputs = fit_inputs(blocks, training)
    features = {symbol: inputs.features_of(table) for symbol, table in tables.items()}
    n_rows = sum(len(rows) for part in (draw.train, draw.validation, draw.test) for rows in part.values())
    refuse_too_many(n_rows, len(inputs.names), model)
    readings = {symbol: readings_of(values, model) for symbol, values in features.items()}
    train, validation, test = (_part(rows, readings, model) for rows in (draw.train, draw.validation, draw.test))
    for part in (train, validation, test):
        refuse_overflow(part.X, part.index, inputs.names)
    weights = _uniqueness_of(draw.train, base) if sample_weights == "uniqueness" else None
    of_rows = _features_of_rows(draw, features, inputs.names)
    return Dataset(train, validation, test, draw.accounts, inputs, of_rows, weights)


def _part(rows: Mapping[str, Rows], readings: Mapping[str, npt.NDArray[np.float32]], model: AnyModel) -> Part:
    each = list(rows.values())
    inputs = [network_inputs(readings[symbol], of_symbol.bar_number, model) for symbol, of_symbol in rows.items()]
    return Part(
        np.concatenate(inputs),
        np.concatenate([one.y for one in each]),
        each[0].index.append([one.index for one in each[1:]]),
        each[0].known_at.append([one.known_at for one in each[1:]]),
        np.concatenate([one.last_sign for one in each]),
        np.concatenate([one.last_known_y for one in each]),
    )


def readings_of(features_MF: FloatArray, model: AnyModel) -> npt.NDArray[np.float32]:
    """Return what the network reads of each bar of a symbol: its features and their lagged copies."""
    with np.errstate(over="ignore"):  # what overflows is refused with its name
        return with_lags(features_MF.astype(np.float32), model.features.lookback_periods)


def network_inputs(readings_MF: npt.NDArray[np.float32], rows_N: IntArray, model: AnyModel) -> npt.NDArray[np.float32]:
    """Return what the network is given for each row: the readings of its own bar, or of the window that it ends."""
    length = model.sequence_length
    return np.ascontiguousarray(readings_MF[rows_N] if length is None else windows(readings_MF, rows_N, length))


def refuse_too_many(n_rows: int, n_features: int, model: AnyModel) -> None:
    """Refuse inputs that would not fit into memory; `n_features` are those of one bar.

    Raises
    ------
    TrainingError
        Saying how much memory they would need.
    """
    n_bytes = n_rows * n_features * (model.features.lookback_periods + 1) * (model.sequence_length or 1) * 4
    if n_bytes > MAX_INPUT_BYTES:
        raise TrainingError(
            f"The inputs of {n_rows:,} rows would need {n_bytes / 2**30:.0f} GiB; at most {MAX_INPUT_BYTES >> 30} GiB.",
            "Lower model.architecture.sequence_length or model.features.lookback_periods, or narrow the date range.",
        )


def refuse_overflow(X: npt.NDArray[np.float32], index: pd.MultiIndex, names: Sequence[str]) -> None:
    """Refuse inputs that float32 cannot hold; `names` are the features of one bar.

    Raises
    ------
    NotFinite
        Naming the feature and the first row that reads it.
    """
    is_finite = np.isfinite(X)
    if is_finite.all():
        return
    row, *_, column = np.argwhere(~is_finite)[0]
    symbol, time = index[row]
    raise NotFinite(names[column % len(names)], str(symbol), f"{time}")


def _features_of_rows(draw: Draw, features: Mapping[str, FloatArray], names: Sequence[str]) -> pd.DataFrame:
    frames = [
        pd.DataFrame(features[symbol][rows.bar_number], index=rows.index, columns=list(names))
        for part in (draw.train, draw.validation, draw.test)
        for symbol, rows in part.items()
    ]
    return pd.concat(frames)


def _uniqueness_of(training: Mapping[str, Rows], base: Mapping[str, BaseBars]) -> npt.NDArray[np.float32]:
    of_symbols = [
        uniqueness(pd.Series(rows.known_at, index=rows.index.get_level_values("time")), base[symbol].bars.index)
        for symbol, rows in training.items()
    ]
    weights = np.concatenate([np.asarray(values, dtype=np.float64) for values in of_symbols])
    return np.asarray(weights / weights.mean(), dtype=np.float32)
