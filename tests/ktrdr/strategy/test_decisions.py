import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.labels import Signal
from ktrdr.strategy.decisions import CostModel

EDGE = 0.002
COSTS = CostModel(round_trip_cost=0.001, min_edge_multiplier=2)


def test_a_forecast_decides_beyond_the_edge_and_at_the_edge_it_does_not():
    beyond = np.nextafter(EDGE, 1)
    got = COSTS.decide(np.array([beyond, EDGE, 0.0, -EDGE, -beyond]))
    assert got.dtype == np.int64
    assert got.tolist() == [Signal.BUY, Signal.HOLD, Signal.HOLD, Signal.HOLD, Signal.SELL]


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_decisions_have_the_shape_of_the_forecasts(shape):
    assert COSTS.decide(np.zeros(shape)).shape == shape


def test_a_forecast_in_single_precision_is_compared_as_the_number_it_is():
    single = np.float32(EDGE)
    assert float(single) > EDGE
    assert COSTS.decide(np.array([single])).tolist() == [Signal.BUY]


@given(st.lists(st.floats(-1, 1), min_size=2), st.floats(1e-6, 0.5), st.floats(0.1, 10))
def test_a_higher_forecast_never_decides_for_less(returns, cost, multiplier):
    costs = CostModel(round_trip_cost=cost, min_edge_multiplier=multiplier)
    codes = costs.decide(np.sort(np.array(returns)))
    assert (np.diff(codes) <= 0).all()
    assert (costs.decide(-np.sort(np.array(returns))) == 2 - codes).all()
