from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn_metrics

from ktrdr.labels import Signal
from ktrdr.strategy.decisions import Decisions
from ktrdr.training.evaluation.returns import decisions_of, information_coefficient, return_metrics
from tests.ktrdr.training.small_parts import EDGE, priced

RETURN = st.floats(-0.875, 2.0, width=32)
PAIRS = st.lists(st.tuples(RETURN, RETURN), min_size=1, max_size=40)
# few different values, so that ranks tie
COARSE_PAIRS = st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=1, max_size=40)


def _columns(pairs):
    return tuple(np.array(column, dtype=np.float64) for column in zip(*pairs, strict=True))


def test_a_return_decides_beyond_the_edge_and_at_the_edge_it_does_not():
    beyond = np.nextafter(EDGE, 1)
    got = decisions_of(np.array([beyond, EDGE, 0.0, -EDGE, -beyond]), priced())
    assert got.dtype == np.int64
    assert got.tolist() == [Signal.BUY, Signal.HOLD, Signal.HOLD, Signal.HOLD, Signal.SELL]


@pytest.mark.parametrize(("cost", "multiplier"), [(0.001, 1.0), (0.001, 3.0), (0.01, 0.5)])
def test_the_edge_is_the_cost_times_its_multiplier(cost, multiplier):
    decisions = Decisions(
        output_format="regression", cost_model={"round_trip_cost": cost, "min_edge_multiplier": multiplier}
    )
    near, far = cost * multiplier * 0.999, cost * multiplier * 1.001
    assert decisions_of(np.array([near, far, -near, -far]), decisions).tolist() == [1, 0, 1, 2]


def test_a_forecast_in_single_precision_is_compared_as_the_number_it_is():
    single = np.float32(EDGE)
    assert float(single) > EDGE
    assert decisions_of(np.array([single]), priced()).tolist() == [Signal.BUY]


def test_decisions_have_the_shape_of_the_returns():
    assert decisions_of(np.zeros((2, 3)), priced()).tolist() == [[1, 1, 1], [1, 1, 1]]


def test_without_costs_nothing_is_decided():
    with pytest.raises(ValueError, match="without a cost_model"):
        decisions_of(np.zeros(1), Decisions())


def test_metrics_by_hand():
    got = return_metrics(np.array([0.1, -0.1, 0.0, 0.2]), np.array([0.2, 0.1, 0.0, 0.4]), np.array([0.1, 0.3]))
    # errors -0.1, -0.2, 0, -0.2; the training's mean is 0.2: 0, 0.1, 0.2, 0.2
    assert got.mae == pytest.approx(0.125)
    assert got.rmse == pytest.approx((0.09 / 4) ** 0.5)
    assert got.directional_accuracy == 0.75
    assert got.mae_of_zero == pytest.approx(0.175)
    assert got.mae_of_training_mean == pytest.approx(0.125)
    # ranks 3, 1, 2, 4 and 3, 2, 1, 4: 1 - 6 * 2 / (4 * 15)
    assert got.information_coefficient == pytest.approx(0.8)


def test_no_move_has_a_direction_of_its_own():
    got = return_metrics(np.array([0.0, 0.0, 0.1, -0.1]), np.array([0.0, 0.1, 0.0, -0.3]), np.array([0.0]))
    assert got.directional_accuracy == 0.5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("forecast", "y"), [([0.1, 0.1], [0.1, 0.2]), ([0.1, 0.2], [0.1, 0.1]), ([0.3], [0.2])], ids=str
)
def test_what_never_varies_has_no_information_coefficient(forecast, y):
    assert information_coefficient(np.array(forecast), np.array(y)) is None


def test_forecasting_zero_errs_exactly_as_much_as_zero():
    y = np.random.default_rng(0).normal(scale=0.01, size=1000)
    got = return_metrics(np.zeros(1000, dtype=np.float32), y, y)
    assert got.mae == got.mae_of_zero


@settings(max_examples=40, deadline=None)
@given(PAIRS, st.lists(RETURN, min_size=1, max_size=10))
def test_errors_are_scikit_learns(pairs, y_train):
    forecast, y = _columns(pairs)
    got = return_metrics(forecast.astype(np.float32), y, np.array(y_train))
    assert got.mae == pytest.approx(sklearn_metrics.mean_absolute_error(y, forecast))
    assert got.rmse == pytest.approx(sklearn_metrics.root_mean_squared_error(y, forecast))
    zeros, means = np.zeros(len(y)), np.full(len(y), sum(y_train) / len(y_train))
    assert got.mae_of_zero == pytest.approx(sklearn_metrics.mean_absolute_error(y, zeros))
    assert got.mae_of_training_mean == pytest.approx(sklearn_metrics.mean_absolute_error(y, means))
    signs = [[int(value > 0) - int(value < 0) for value in values] for values in (forecast, y)]
    assert got.directional_accuracy == pytest.approx(sklearn_metrics.accuracy_score(*signs))


@pytest.mark.parametrize("drawn", [PAIRS, COARSE_PAIRS], ids=["fine", "tied"])
def test_the_information_coefficient_is_scipys_rank_correlation(drawn):
    @settings(deadline=None)
    @given(drawn)
    def agrees(pairs):
        forecast, y = _columns(pairs)
        got = information_coefficient(forecast, y)
        if len(set(forecast)) == 1 or len(set(y)) == 1:
            assert got is None
        else:
            assert got == pytest.approx(stats.spearmanr(forecast, y).statistic, abs=1e-12)

    agrees()
