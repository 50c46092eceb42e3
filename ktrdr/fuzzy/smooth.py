"""Memberships without corners: bells, the sigmoid, and curves of two parabolas."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from ktrdr.fuzzy.base import FloatArray, Membership, Positive, falling, rising


class Gaussian(Membership):
    """A bell around its mean: exp(-((x - mean) / sigma)^2 / 2).

    Source: Pedrycz and Gomide (1998), *An Introduction to Fuzzy Sets*, section 1.3; scikit-fuzzy `gaussmf`.
    """

    n_parameters = 2
    form = "[mean, sigma] with sigma > 0, both finite"

    type: Literal["gaussian"]
    parameters: tuple[float, Positive]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        _, sigma = values
        return _are_finite(values) and sigma > 0

    def _degrees(self, x: FloatArray) -> FloatArray:
        mean, sigma = self.parameters
        with np.errstate(over="ignore"):  # far away the square is infinite and the degree 0
            return _bell_of((x - mean) / sigma)


class Gaussian2(Membership):
    """The left half of one Gaussian up to m1, 1 up to m2, the right half of another beyond.

    Source: Jang, Sun and Mizutani (1997), *Neuro-Fuzzy and Soft Computing*, chapter 2; scikit-fuzzy `gauss2mf`.
    """

    n_parameters = 4
    form = "[m1, s1, m2, s2] with m1 <= m2, s1 > 0 and s2 > 0, all finite"

    type: Literal["gaussian2"]
    parameters: tuple[float, Positive, float, Positive]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        m1, s1, m2, s2 = values
        return _are_finite(values) and m1 <= m2 and s1 > 0 and s2 > 0

    def _degrees(self, x: FloatArray) -> FloatArray:
        m1, s1, m2, s2 = self.parameters
        with np.errstate(over="ignore"):  # far away the square is infinite and the degree 0
            return _bell_of(np.minimum(x - m1, 0.0) / s1) * _bell_of(np.maximum(x - m2, 0.0) / s2)


class Bell(Membership):
    """The generalised bell: 1 / (1 + |(x - center) / width|^(2 slope)), one half at a width from its center.

    Source: Jang (1993), "ANFIS: adaptive-network-based fuzzy inference system", *IEEE Transactions on Systems, Man,
    and Cybernetics* 23(3), section III; scikit-fuzzy `gbellmf`.
    """

    n_parameters = 3
    form = "[width, slope, center] with width > 0 and slope > 0, all finite"

    type: Literal["bell"]
    parameters: tuple[Positive, Positive, float]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        width, slope, _ = values
        return _are_finite(values) and width > 0 and slope > 0

    def _degrees(self, x: FloatArray) -> FloatArray:
        width, slope, center = self.parameters
        with np.errstate(over="ignore"):  # far away the power is infinite and the degree 0
            return 1.0 / (1.0 + np.abs((x - center) / width) ** (2.0 * slope))


class Sigmoid(Membership):
    """One half at its center; rises to 1 with a slope over 0, falls with one below: 1 / (1 + exp(-slope (x - center))).

    Source: Jang, Sun and Mizutani (1997), *Neuro-Fuzzy and Soft Computing*, section 2.4; scikit-fuzzy `sigmf`.
    """

    n_parameters = 2
    form = "[center, slope] with a slope that is not 0, both finite"

    type: Literal["sigmoid"]
    parameters: tuple[float, float]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        _, slope = values
        return _are_finite(values) and slope != 0

    def _degrees(self, x: FloatArray) -> FloatArray:
        center, slope = self.parameters
        with np.errstate(over="ignore"):  # far away the exponential is infinite and the degree 0
            return 1.0 / (1.0 + np.exp(-slope * (x - center)))


class SShape(Membership):
    """Rises from 0 at a to 1 at b, in two parabolas that meet at one half; a == b is a step, 1 at b itself.

    Source: Zadeh (1975), "Calculus of fuzzy restrictions", in *Fuzzy Sets and Their Applications to Cognitive and
    Decision Processes*, the S-function; scikit-fuzzy `smf`.
    """

    n_parameters = 2
    form = "[a, b] with a <= b, both finite"

    type: Literal["s_shape"]
    parameters: tuple[float, float]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        return _are_in_order(values)

    def _degrees(self, x: FloatArray) -> FloatArray:
        a, b = self.parameters
        with np.errstate(over="ignore"):  # a steep edge overflows far away, where it is clipped
            return _rounded(rising(x, a, b))


class ZShape(Membership):
    """Falls from 1 at a to 0 at b, in two parabolas that meet at one half; a == b is a step, 1 at a itself.

    Source: Zadeh (1975), "Calculus of fuzzy restrictions", in *Fuzzy Sets and Their Applications to Cognitive and
    Decision Processes*, the S-function, mirrored; scikit-fuzzy `zmf`.
    """

    n_parameters = 2
    form = "[a, b] with a <= b, both finite"

    type: Literal["z_shape"]
    parameters: tuple[float, float]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        return _are_in_order(values)

    def _degrees(self, x: FloatArray) -> FloatArray:
        a, b = self.parameters
        with np.errstate(over="ignore"):  # a steep edge overflows far away, where it is clipped
            return _rounded(falling(x, a, b))


class PiShape(Membership):
    """Rises from a to b as an s-shape, is 1 up to c and falls to d as a z-shape; a vertical edge belongs to the top.

    Source: Zadeh (1975), "Calculus of fuzzy restrictions", in *Fuzzy Sets and Their Applications to Cognitive and
    Decision Processes*, the pi-function; scikit-fuzzy `pimf`.
    """

    n_parameters = 4
    form = "[a, b, c, d] with a <= b <= c <= d, all finite"

    type: Literal["pi_shape"]
    parameters: tuple[float, float, float, float]

    @classmethod
    def _fit_together(cls, values: tuple[float, ...]) -> bool:
        return _are_in_order(values)

    def _degrees(self, x: FloatArray) -> FloatArray:
        a, b, c, d = self.parameters
        with np.errstate(over="ignore"):  # a steep edge overflows far away, where it is clipped
            return _rounded(np.minimum(rising(x, a, b), falling(x, c, d)))


def _are_finite(values: tuple[float, ...]) -> bool:
    return all(math.isfinite(value) for value in values)


def _are_in_order(values: tuple[float, ...]) -> bool:
    # the distance must be a number, too: the edge is divided by it
    return list(values) == sorted(values) and math.isfinite(values[-1] - values[0])


def _bell_of(z: FloatArray) -> FloatArray:
    return np.exp(-0.5 * z * z)


def _rounded(line: FloatArray) -> FloatArray:
    """Return a line from 0 to 1, clipped, with both its corners rounded by a parabola."""
    line = np.clip(line, 0.0, 1.0)
    return np.where(line <= 0.5, 2.0 * line**2, 1.0 - 2.0 * (1.0 - line) ** 2)
