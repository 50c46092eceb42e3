"""Fuzzy sets: numbers turned into degrees of belonging, in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from ktrdr.declaration import build_declared
from ktrdr.errors import Problem, StrategyError, did_you_mean
from ktrdr.fuzzy.base import Membership
from ktrdr.fuzzy.coverage import Gap, SetReport, TermCoverage, coverage_of, set_coverage
from ktrdr.fuzzy.memberships import AnyMembership
from ktrdr.fuzzy.sets import AnyFuzzySet, FittedSet, FuzzySet
from ktrdr.fuzzy.smooth import Bell, Gaussian, Gaussian2, PiShape, Sigmoid, SShape, ZShape
from ktrdr.fuzzy.straight import Trapezoidal, Triangular

__all__ = [
    "AnyFuzzySet",
    "AnyMembership",
    "Bell",
    "FittedSet",
    "FuzzySet",
    "Gap",
    "Gaussian",
    "Gaussian2",
    "Membership",
    "PiShape",
    "SShape",
    "SetReport",
    "Sigmoid",
    "TermCoverage",
    "Trapezoidal",
    "Triangular",
    "ZShape",
    "build",
    "coverage_of",
    "fuzzify",
    "set_coverage",
]

_MEMBERSHIP: TypeAdapter[Membership] = TypeAdapter(AnyMembership)


def build(config: Any) -> Membership:
    """Return the membership that `config` declares.

    Parameters
    ----------
    config : dict or list
        `{"type": "triangular", "parameters": [0, 50, 100]}`, or the shorthand: a list of 3 numbers (triangular) or of
        4 (trapezoidal).

    Raises
    ------
    StrategyError
        If the type is unknown or the parameters have not the form that the type expects, which the error says.
    """
    return build_declared(_MEMBERSHIP, config, "membership")


def fuzzify(
    fuzzy_sets: Mapping[str, FuzzySet],
    indicators: Mapping[str, pd.DataFrame],
    on_set: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Return the degrees of every term of every set, (n_bars, n_terms), columns `{set}_{term}` in order.

    Parameters
    ----------
    fuzzy_sets : mapping of str to FuzzySet
        The declared sets, by id. One with `fit` has no degrees before it is fitted: `FittedSet.fitted_on` first.
    indicators : mapping of str to DataFrame
        What the indicators computed, by id, all over the same bars. NaN in a value is NaN in its degrees.
    on_set : callable, optional
        Called with a set's id once the set is done.

    Raises
    ------
    StrategyError
        If a set reads an indicator or an output that is not there, or if two terms would share a column.
    """
    columns: dict[str, pd.Series] = {}
    for set_name, fuzzy_set in fuzzy_sets.items():
        values = _output(indicators, fuzzy_set.indicator, f"fuzzy_sets.{set_name}.indicator")
        for term, membership in fuzzy_set.memberships.items():
            column = f"{set_name}_{term}"
            if column in columns:
                raise _refused(f"fuzzy_sets.{set_name}.{term}", f"two terms are called {column}", "Rename one.")
            columns[column] = membership(values)
        if on_set is not None:
            on_set(set_name)
    index = next(iter(indicators.values())).index if indicators else None
    return pd.DataFrame(columns, index=index)


def _output(indicators: Mapping[str, pd.DataFrame], reference: str, path: str) -> pd.Series:
    name, dot, output = reference.partition(".")
    if name not in indicators:
        raise _refused(path, f"there is no indicator '{name}'", did_you_mean(name, indicators))
    outputs = indicators[name]
    if not dot:
        return outputs.iloc[:, 0]
    if output not in outputs.columns:
        known = f"Its outputs: {', '.join(outputs.columns)}."
        raise _refused(
            path, f"indicator '{name}' has no output '{output}'", did_you_mean(output, outputs.columns) or known
        )
    return outputs[output]


def _refused(path: str, message: str, suggestion: str | None) -> StrategyError:
    return StrategyError((Problem(path, message, suggestion),), "fuzzy sets")
