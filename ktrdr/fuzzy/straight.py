"""Memberships with straight edges: triangular and trapezoidal."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PlainSerializer, WithJsonSchema

from ktrdr.fuzzy.base import FloatArray, Membership, falling, rising


def _spelled_for_json(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


# JSON has no infinity: a shoulder is written "inf" there, so that a dump rebuilds to an equal membership.
_Corner = Annotated[float, Field(allow_inf_nan=True), PlainSerializer(_spelled_for_json, when_used="json")]
LeftCorner = Annotated[_Corner, WithJsonSchema({"anyOf": [{"type": "number"}, {"const": "-inf"}]})]
RightCorner = Annotated[_Corner, WithJsonSchema({"anyOf": [{"type": "number"}, {"const": "inf"}]})]


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
    parameters: tuple[LeftCorner, LeftCorner, RightCorner, RightCorner]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        a, b, c, d = values
        is_left_sound = a == b == -math.inf or math.isfinite(b - a)
        is_right_sound = c == d == math.inf or math.isfinite(d - c)
        return a <= b <= c <= d and is_left_sound and is_right_sound and b < math.inf and c > -math.inf

    def _degrees(self, x: FloatArray) -> FloatArray:
        a, b, c, d = self.parameters
        return _between(x, (a, b), (c, d))


def _between(x: FloatArray, rise: tuple[float, float], fall: tuple[float, float]) -> FloatArray:
    """Return the degrees of a shape that rises over one stretch, is 1 to the next and falls over that."""
    with np.errstate(over="ignore"):  # a steep edge overflows far away, where it is clipped
        return np.clip(np.minimum(rising(x, *rise), falling(x, *fall)), 0.0, 1.0)
