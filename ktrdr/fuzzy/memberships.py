"""Membership functions: how far a number belongs to a term, in [0, 1]. Definitions as in scikit-fuzzy."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BeforeValidator, Field, PlainSerializer, field_validator

from ktrdr.declaration import Declaration, shown

FloatArray = npt.NDArray[np.float64]

_INFINITIES = {"-inf": -math.inf, "inf": math.inf}


def _spelled_for_json(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


# JSON has no infinity: a shoulder is written "inf" there, so that a dump rebuilds to an equal membership.
Shoulder = Annotated[float, Field(allow_inf_nan=True), PlainSerializer(_spelled_for_json, when_used="json")]


class Membership(Declaration):
    """A term's shape, called with numbers. NaN in, NaN out."""

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
            raise ValueError(f"expected {cls.form}, not {len(parameters)} values")
        values = tuple(_number(value, cls.form) for value in parameters)
        if not cls._fit_together(values):
            raise ValueError(f"expected {cls.form}, not [{', '.join(f'{value:g}' for value in values)}]")
        return values


class Triangular(Membership):
    """Rises from a to its peak at b and falls to c; an edge may be vertical and then belongs to the peak.

    Source: Pedrycz and Gomide (1998), *An Introduction to Fuzzy Sets*, section 1.3; scikit-fuzzy `trimf`.
    """

    n_parameters = 3
    form = "[a, b, c] with a <= b <= c, all finite"

    type: Literal["triangular"]
    parameters: tuple[float, float, float]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        a, b, c = values
        return a <= b <= c and math.isfinite(c - a)

    def _degrees(self, x: FloatArray) -> FloatArray:
        a, b, c = self.parameters
        return _between(x, (a, b), (b, c))


class Trapezoidal(Membership):
    """Rises from a to b, is 1 up to c and falls to d; a shoulder may reach to infinity.

    Source: Pedrycz and Gomide (1998), *An Introduction to Fuzzy Sets*, section 1.3; scikit-fuzzy `trapmf`.
    """

    n_parameters = 4
    form = "[a, b, c, d] with a <= b <= c <= d, where a and b may both be -inf, c and d both inf"

    type: Literal["trapezoidal"]
    parameters: tuple[Shoulder, Shoulder, Shoulder, Shoulder]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        a, b, c, d = values
        is_left_sound = a == b == -math.inf or math.isfinite(b - a)
        is_right_sound = c == d == math.inf or math.isfinite(d - c)
        return a <= b <= c <= d and is_left_sound and is_right_sound and b < math.inf and c > -math.inf

    def _degrees(self, x: FloatArray) -> FloatArray:
        a, b, c, d = self.parameters
        return _between(x, (a, b), (c, d))


class Gaussian(Membership):
    """A bell around its mean: exp(-((x - mean) / sigma)^2 / 2).

    Source: Pedrycz and Gomide (1998), *An Introduction to Fuzzy Sets*, section 1.3; scikit-fuzzy `gaussmf`.
    """

    n_parameters = 2
    form = "[mean, sigma] with sigma > 0, both finite"

    type: Literal["gaussian"]
    parameters: tuple[float, float]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        mean, sigma = values
        return math.isfinite(mean) and math.isfinite(sigma) and sigma > 0

    def _degrees(self, x: FloatArray) -> FloatArray:
        mean, sigma = self.parameters
        with np.errstate(over="ignore"):  # far away the square is infinite and the degree 0
            z = (x - mean) / sigma
            return np.exp(-0.5 * z * z)


def from_shorthand(config: Any) -> Any:
    """Return a list of 3 numbers as a triangular config, of 4 as a trapezoidal one, and all else as it is."""
    if not isinstance(config, list | tuple):
        return config
    types = {3: "triangular", 4: "trapezoidal"}
    if len(config) not in types:
        raise ValueError(
            f"a list is 3 numbers (triangular) or 4 (trapezoidal), not {len(config)}; "
            "write other shapes as {type: ..., parameters: [...]}"
        )
    return {"type": types[len(config)], "parameters": config}


AnyMembership: TypeAlias = Annotated[
    Annotated[Triangular | Trapezoidal | Gaussian, Field(discriminator="type")],
    BeforeValidator(from_shorthand),
]
"""Every membership function there is; in a file also as the shorthand list."""


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


def _between(x: FloatArray, rise: tuple[float, float], fall: tuple[float, float]) -> FloatArray:
    """Return the degrees of a shape that rises over one stretch, is 1 to the next and falls over that."""
    with np.errstate(over="ignore"):  # a steep edge overflows far away, where it is clipped
        falling = _rising(-x, -fall[1], -fall[0])
        return np.clip(np.minimum(_rising(x, *rise), falling), 0.0, 1.0)


def _rising(x: FloatArray, foot: float, top: float) -> FloatArray:
    """Return the line through 0 at `foot` and 1 at `top`; a vertical edge belongs to the top."""
    if foot == -math.inf:
        return np.where(np.isnan(x), np.nan, 1.0)
    if foot == top:
        return np.heaviside(x - foot, 1.0)
    return (x - foot) / (top - foot)
