"""Scalers against scikit-learn, on columns that vary and on those that do not."""

import json
import math
import pickle
from typing import get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from ktrdr.features.scaling import Normalization, Scaler

REFERENCES = {"zscore": StandardScaler, "minmax": MinMaxScaler}
every_normalization = pytest.mark.parametrize("normalization", get_args(Normalization))
each_that_fits = pytest.mark.parametrize("normalization", [*REFERENCES])
columns = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


@each_that_fits
@given(training=columns, later=columns)
def test_scaled_values_equal_those_of_scikit_learn(
    normalization: Normalization, training: list[float], later: list[float]
) -> None:
    spread, size = max(training) - min(training), max(map(abs, training))
    assume(spread == 0 or spread > 1e-6 * max(size, 1e-3))  # between the two lies what is constant but for rounding
    x = np.array([*training, *later])
    reference = REFERENCES[normalization]().fit(np.array(training)[:, None])
    scaled = Scaler.fit(normalization, np.array(training))(x)
    np.testing.assert_allclose(scaled, reference.transform(x[:, None])[:, 0], rtol=1e-7, atol=1e-7)


def test_zscore_has_the_population_deviation() -> None:
    scaler = Scaler.fit("zscore", np.array([1.0, 3.0]))
    assert (scaler.offset, scaler.scale) == (2, 1)
    assert scaler(np.array([1.0, 3.0, 6.0])).tolist() == [-1, 1, 4]


def test_minmax_does_not_clip_values_outside_the_training_range() -> None:
    scaler = Scaler.fit("minmax", np.array([20.0, 10.0, 30.0]))
    assert scaler(np.array([10.0, 25.0, 30.0, 0.0, 50.0])).tolist() == [0, 0.75, 1, -0.5, 2]


@given(values=columns)
def test_none_changes_nothing(values: list[float]) -> None:
    column = np.array(values)
    np.testing.assert_array_equal(Scaler.fit("none", column)(column), column)


@each_that_fits
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e-300, 1e15])
def test_a_constant_column_becomes_0(normalization: Normalization, value: float) -> None:
    column = np.full(1001, value)
    scaler = Scaler.fit(normalization, column)
    assert scaler.scale == 1
    assert scaler(column).tolist() == [0] * 1001
    assert scaler(np.array([value + 2.0]))[0] == pytest.approx(2.0)


@each_that_fits
def test_a_column_that_is_constant_but_for_rounding_is_not_blown_up(normalization: Normalization) -> None:
    column = np.array([4000.1, np.nextafter(4000.1, 0), np.nextafter(4000.1, 5000)])
    assert np.abs(Scaler.fit(normalization, column)(column)).max() < 1e-9


@each_that_fits
def test_a_small_column_is_scaled_like_any_other(normalization: Normalization) -> None:
    column = np.array([1.0, 2.0, 4.0])
    expected = Scaler.fit(normalization, column)(column)
    np.testing.assert_allclose(Scaler.fit(normalization, column * 1e-30)(column * 1e-30), expected, rtol=1e-12)


@every_normalization
@given(values=columns)
def test_a_scaler_survives_json_and_pickle(normalization: Normalization, values: list[float]) -> None:
    scaler = Scaler.fit(normalization, np.array(values))
    text = json.dumps(scaler.model_dump(mode="json"), allow_nan=False)
    assert Scaler.model_validate(json.loads(text)) == scaler
    assert Scaler.model_validate_json(text) == scaler
    assert pickle.loads(pickle.dumps(scaler)) == scaler


@every_normalization
@pytest.mark.parametrize("values", [[], [1.0, math.nan, 2.0], [1.0, math.inf], [-math.inf, 0.0]])
def test_scalers_are_fitted_on_finite_values_only(normalization: Normalization, values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite values, at least one"):
        Scaler.fit(normalization, np.array(values))


@every_normalization
def test_shapes_nan_and_the_input_are_kept(normalization: Normalization) -> None:
    values = np.array([[1.0, math.nan], [3.0, 4.0]])
    before = values.copy()
    scaled = Scaler.fit(normalization, np.array([1.0, 2.0, 3.0]))(values)
    assert (scaled.shape, scaled.dtype) == ((2, 2), np.float64)
    assert np.isnan(scaled).tolist() == [[False, True], [False, False]]
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize(
    "config",
    [
        {"normalization": "robust", "offset": 0.0, "scale": 1.0},
        {"normalization": "zscore", "offset": 0.0, "scale": 0.0},
        {"normalization": "zscore", "offset": math.nan, "scale": 1.0},
        {"normalization": "zscore", "offset": 0.0},
    ],
)
def test_a_scaler_that_cannot_scale_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Scaler.model_validate(config)


@pytest.mark.parametrize("size", [1e-170, 1e200, 1e300])
@pytest.mark.parametrize("normalization", ["zscore", "minmax"])
def test_values_whose_squares_vanish_or_overflow_are_scaled_like_any_other(
    normalization: Normalization, size: float
) -> None:
    values = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(
        Scaler.fit(normalization, values * size)(values * size), Scaler.fit(normalization, values)(values)
    )
