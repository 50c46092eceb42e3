"""From memberships to the ordered columns of the network's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import pandas as pd

from ktrdr.data.bars import SeriesKey


class _FuzzyInput(Protocol):
    @property
    def fuzzy_set(self) -> str: ...

    @property
    def timeframes(self) -> Literal["all"] | tuple[str, ...]: ...


class _FuzzySet(Protocol):
    @property
    def memberships(self) -> Mapping[str, object]: ...


class DescribesInputs(Protocol):
    """What this room reads of a strategy: the room of strategies lies above it."""

    @property
    def nn_inputs(self) -> Sequence[_FuzzyInput]: ...

    @property
    def fuzzy_sets(self) -> Mapping[str, _FuzzySet]: ...


def feature_table(strategy: DescribesInputs, memberships: Mapping[SeriesKey, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows on which every feature has a value, one column a feature.

    Parameters
    ----------
    strategy
        Its `nn_inputs` choose the fuzzy sets and give the order: inputs x memberships.
    memberships
        For each series, of one timeframe all, a frame of degrees with columns `{fuzzy_set}_{membership}`; NaN in the
        warm-up.

    Returns
    -------
    pandas.DataFrame
        (n_rows, n_features) float64 in [0, 1], columns `{timeframe}_{fuzzy_set}_{membership}`, indexed by
        (symbol, time) in the order of `memberships`. Warm-up rows are left out, never filled: who holds the bars
        counts them as the ones that are missing here.
    """
    tables = {key.symbol: _columns_of(strategy, key.timeframe, degrees) for key, degrees in memberships.items()}
    return pd.concat(tables, names=["symbol", "time"]).dropna()


def _columns_of(strategy: DescribesInputs, timeframe: str, degrees: pd.DataFrame) -> pd.DataFrame:
    chosen = [
        f"{item.fuzzy_set}_{membership}"
        for item in strategy.nn_inputs
        if item.timeframes == "all" or timeframe in item.timeframes
        for membership in strategy.fuzzy_sets[item.fuzzy_set].memberships
    ]
    return degrees[chosen].add_prefix(f"{timeframe}_")
