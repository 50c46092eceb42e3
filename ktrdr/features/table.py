"""From series of several lengths and symbols to one row for each base bar: a value is there once its bar has closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.data import MarketBars, SeriesKey
from ktrdr.errors import NotFinite
from ktrdr.features.blocks import InputBlock

FloatArray = npt.NDArray[np.float64]


def feature_table(
    blocks: Sequence[InputBlock],
    market: MarketBars,
    base: SeriesKey,
    indicators: Mapping[SeriesKey, Mapping[str, pd.DataFrame]],
    memberships: Mapping[SeriesKey, pd.DataFrame],
) -> pd.DataFrame:
    """Return one symbol's columns before the split.

    Parameters
    ----------
    blocks
        The inputs, in the order of the features.
    market
        The bars of every series that the blocks read, and when they close.
    base
        The series whose bars are the rows.
    indicators, memberships
        What was computed on each series that the blocks read, row for row with its bars: values by indicator, and
        degrees in columns `{fuzzy_set}_{term}`. NaN in the warm-up.

    Returns
    -------
    pandas.DataFrame
        (n_base_bars, n_columns) float64, indexed by the open times of `base`. What has to be fitted is still the
        indicator's value. NaN where a value is not there yet: never filled.

    Raises
    ------
    NotFinite
        Naming the column and the bar where a value is infinite.
    """
    columns: dict[str, FloatArray] = {}
    for block in blocks:
        key = block.key_for(base.symbol)
        values_NC = _values_of(block, indicators[key], memberships.get(key))
        if key != base:
            values_NC = as_of(values_NC, market.closes[key], market.closes[base])
        columns |= dict(zip(block.table_names, values_NC.T, strict=True))
    table = pd.DataFrame(columns, index=market.series[base].index)
    _refuse_infinite(table, base)
    return table


def as_of(values_NC: FloatArray, closes: pd.DatetimeIndex, at: pd.DatetimeIndex) -> FloatArray:
    """Return, for each time of `at`, the row of the last bar that has closed by then; NaN where none has.

    Parameters
    ----------
    values_NC
        (n_bars, n_columns).
    closes
        (n_bars,) ascending.
    at
        (n_rows,) when the rows' own bars close.
    """
    last = closes.as_unit("ns").searchsorted(at.as_unit("ns"), side="right") - 1
    joined = np.full((len(at), values_NC.shape[1]), np.nan)
    joined[last >= 0] = values_NC[last[last >= 0]]
    return joined


def _values_of(
    block: InputBlock, indicators: Mapping[str, pd.DataFrame], memberships: pd.DataFrame | None
) -> FloatArray:
    if block.is_settled:
        assert memberships is not None  # whoever computed the indicators computed these
        prefix = len(block.timeframe) + 1
        return np.asarray(memberships[[name[prefix:] for name in block.names]], dtype=np.float64)
    outputs = indicators[block.indicator]
    return np.asarray(outputs[[block.output or outputs.columns[0]]], dtype=np.float64)


def _refuse_infinite(table: pd.DataFrame, series: SeriesKey) -> None:
    is_infinite = np.isinf(table.to_numpy())
    if is_infinite.any():
        row, column = np.argwhere(is_infinite)[0]
        raise NotFinite(str(table.columns[column]), str(series), f"{table.index[row]}")
