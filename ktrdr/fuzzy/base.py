"""What a membership function is: a frozen declaration that says how far a number belongs to a term, in [0, 1]."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, field_validator

from ktrdr.declaration import Declaration, shown

FloatArray = npt.NDArray[np.float64]

# Told by the form in words before pydantic sees the number; the bound is what the JSON Schema says.
Positive = Annotated[float, Field(gt=0)]

_INFINITIES = {"-inf": -math.inf, "inf": math.inf}


class Membership(Declaration):
    """A term's shape, called with numbers. NaN in, NaN out; -inf and inf in, the limits out.

    A flat top includes a vertical edge: where two corners between which the degree changes fall together, the degree
    there is 1. scikit-fuzzy, whose definitions are followed otherwise, gives 0 or NaN on such edges of its curved
    shapes.
    """

    n_parameters: ClassVar[int]
    form: ClassVar[str]
    """What the parameters must be, in words."""

    @abstractmethod
    def _degrees(self, x: FloatArray) -> FloatArray:
        """Return the degrees of (n,) numbers."""

    @classmethod
    @abstractmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        """Say whether the right number of numbers, none of them NaN, has the promised form."""

    def __call__(self, x: Any) -> Any:
        """Return the degrees of `x` in the same shape and kind.

        Parameters
        ----------
        x : float, list, numpy.ndarray or pandas.Series
            Numbers. Every kind gives the same values; a Series keeps its index and name.

        Raises
        ------
        TypeError
            If `x` is of another kind.

        Examples
        --------
        >>> from ktrdr.fuzzy import Triangular
        >>> Triangular(type="triangular", parameters=(0, 25, 40))([0, 10, 25, 34])
        [0.0, 0.4, 1.0, 0.4]
        """
        if isinstance(x, pd.Series):
            values = x.to_numpy(dtype=np.float64, na_value=np.nan)
            return pd.Series(self._degrees(np.ascontiguousarray(values)), index=x.index, name=x.name)
        if isinstance(x, np.ndarray | list):
            # NumPy's exp may round differently over strides: contiguous, so that every kind gives the same values
            values = np.asarray(x, dtype=np.float64)
            degrees = self._degrees(np.ascontiguousarray(values).ravel()).reshape(values.shape)
            return degrees.tolist() if isinstance(x, list) else degrees
        if isinstance(x, int | float | np.integer | np.floating):
            return float(self._degrees(np.array([x], dtype=np.float64))[0])
        raise TypeError(f"a membership takes a number, a list, an array or a Series, not a {type(x).__name__}")

    @field_validator("parameters", mode="before", check_fields=False)
    @classmethod
    def _have_the_form(cls, parameters: Any) -> tuple[float, ...]:
        if not isinstance(parameters, list | tuple):
            raise ValueError(f"expected {cls.form}, not {shown(parameters)}")  # noqa: TRY004 pydantic's way
        if len(parameters) != cls.n_parameters:
            raise ValueError(f"expected {cls.form}, not {_counted(len(parameters))}")
        values = tuple(_number(value, cls.form) for value in parameters)
        if not cls._fit_together(values):
            raise ValueError(f"expected {cls.form}, not [{', '.join(f'{value:g}' for value in values)}]")
        return values


def rising(x: FloatArray, foot: float, top: float) -> FloatArray:
    """Return the line through 0 at `foot` and 1 at `top`, beyond [0, 1] outside; a vertical edge belongs to the top.

    A `foot` of -inf is a shoulder without an edge.
    """
    if foot == -math.inf:
        return np.where(np.isnan(x), np.nan, 1.0)
    if foot == top:
        return np.heaviside(x - foot, 1.0)
    return (x - foot) / (top - foot)


def falling(x: FloatArray, top: float, foot: float) -> FloatArray:
    """Return the line through 1 at `top` and 0 at `foot`: `rising`, mirrored."""
    return rising(-x, -foot, -top)


def _counted(n_values: int) -> str:
    return "1 value" if n_values == 1 else f"{n_values} values"


def _number(value: Any, form: str) -> float:
    if isinstance(value, str) and value in _INFINITIES:
        return _INFINITIES[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected {form}, all numbers, not {shown(value)}")  # noqa: TRY004 pydantic's way
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"expected {form}; a number is too large") from None
    if math.isnan(number):
        raise ValueError(f"expected {form}, not NaN")
    return number
