"""What one input gives on one timeframe: a block of columns that share one value of an indicator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ktrdr.data.bars import SeriesKey
from ktrdr.features.scaling import Normalization
from ktrdr.fuzzy import FittedSet, FuzzySet


@dataclass(frozen=True)
class InputBlock:
    """One input on one timeframe.

    The value is that of `output` of `indicator` (the first output where it is empty), computed on the bars of
    `data_source`, or of the row's own symbol. `transform` turns it into the columns `names`.
    """

    timeframe: str
    data_source: str | None
    indicator: str
    output: str
    names: tuple[str, ...]
    transform: FuzzySet | FittedSet | Normalization
    fuzzy_set: str | None = None
    """The name of the set; None where the input is raw."""

    @classmethod
    def of_set(
        cls,
        timeframe: str,
        data_source: str | None,
        value: tuple[str, str],
        fuzzy_set: str,
        transform: FuzzySet | FittedSet,
    ) -> InputBlock:
        """Return the block of a fuzzy set over `value`, an indicator and its output."""
        names = tuple(f"{timeframe}_{fuzzy_set}_{term}" for term in transform.terms)
        return cls(timeframe, data_source, *value, names, transform, fuzzy_set)

    @classmethod
    def of_raw(
        cls, timeframe: str, data_source: str | None, value: tuple[str, str], normalization: Normalization
    ) -> InputBlock:
        """Return the block of `value` itself, an indicator and its output."""
        name = f"{timeframe}_{'.'.join(filter(None, value))}_raw"
        return cls(timeframe, data_source, *value, (name,), normalization)

    @property
    def is_settled(self) -> bool:
        """Whether the columns need no training rows: they are degrees of a set that is not fitted."""
        return isinstance(self.transform, FuzzySet)

    @property
    def table_names(self) -> tuple[str, ...]:
        """The block's columns before the split: the degrees, or the value that is to be fitted.

        The value of a set is called by what no feature can be called.
        """
        if self.is_settled or self.fuzzy_set is None:
            return self.names
        return (f"{self.timeframe}_{self.fuzzy_set} (value)",)

    def key_for(self, symbol: str) -> SeriesKey:
        """Return the series that the block reads for rows of `symbol`."""
        return SeriesKey(self.data_source or symbol, self.timeframe)


def lagged_names(names: Sequence[str], n_lags: int) -> tuple[str, ...]:
    """Return the names, then all of them at lag 1, and so on.

    Examples
    --------
    >>> lagged_names(["1d_rsi_low", "1d_rsi_high"], 1)
    ('1d_rsi_low', '1d_rsi_high', '1d_rsi_low_lag_1', '1d_rsi_high_lag_1')
    """
    return (*names, *(f"{name}_lag_{lag}" for lag in range(1, n_lags + 1) for name in names))
