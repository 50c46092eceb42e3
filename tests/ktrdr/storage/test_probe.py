import numpy as np
import pytest

from ktrdr.errors import StorageError
from ktrdr.storage import ModelStorage
from ktrdr.storage.probe import PROBE_TOLERANCE, TIE_TOLERANCE, probe_difference
from ktrdr.strategy.decisions import CostModel
from tests.fakes.artifacts import RETURNS, trained_artifact
from tests.fakes.files import QuickFiles

EDGE = 0.002
COSTS = CostModel(round_trip_cost=EDGE)


def logits(*rows):
    return np.array(rows, dtype=np.float64)


def forecasts(*returns):
    return np.array(returns, dtype=np.float64)[:, None]


@pytest.mark.parametrize("costs", [None, COSTS])
def test_outputs_may_be_off_by_the_tolerance_and_no_more(costs):
    expected = forecasts(0.5, -0.5) if costs else logits([0.5, -0.5, 0.1], [0.0, 0.1, 0.9])
    assert probe_difference(expected, expected + 0.9 * PROBE_TOLERANCE, costs) is None
    assert "differ by up to 1.1e-05" in probe_difference(expected, expected + 1.1 * PROBE_TOLERANCE, costs)
    large = 1000 * expected
    assert probe_difference(large, large + 0.9 * PROBE_TOLERANCE * np.abs(large), costs) is None


@pytest.mark.parametrize("costs", [None, COSTS])
def test_what_is_no_number_is_not_alike(costs):
    expected = forecasts(0.5) if costs else logits([0.5, -0.5, 0.1])
    assert "differ by up to nan" in probe_difference(expected, expected * np.nan, costs)


def test_two_logits_apart_by_more_than_rounding_do_not_change_places():
    expected = logits([0.9, 0.1, 0.2], [0.1, 0.5 + 4 * TIE_TOLERANCE, 0.5])
    got = logits([0.9, 0.1, 0.2], [0.1, 0.5, 0.5 + TIE_TOLERANCE])
    assert probe_difference(expected, got, None) == "row 2 gets another class"


def test_two_logits_that_tie_may_change_places():
    # each of the two may be off by the tolerance
    expected, got = logits([0.1, 0.5 + 1.8 * TIE_TOLERANCE, 0.5]), logits([0.1, 0.5, 0.5 + TIE_TOLERANCE])
    assert probe_difference(expected, got, None) is None
    assert probe_difference(logits([0.5, 0.5, 0.5]), logits([0.5, 0.5, 0.5 + 1e-7]), None) is None


def test_of_three_logits_only_those_that_tie_may_win():
    expected = logits([0.5, 0.5, 0.5 - 5 * TIE_TOLERANCE])
    assert probe_difference(expected, logits([0.5, 0.5, 0.5 + 1e-9]), None) == "row 1 gets another class"


@pytest.mark.parametrize("sign", [1, -1])
def test_a_forecast_decides_as_it_did(sign):
    beyond = sign * (EDGE + 4 * TIE_TOLERANCE)
    within = sign * (EDGE - TIE_TOLERANCE)
    assert probe_difference(forecasts(0, beyond), forecasts(0, within), COSTS) == "row 2 gets another decision"
    assert probe_difference(forecasts(0, within - sign * 4 * TIE_TOLERANCE), forecasts(0, beyond), COSTS)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_forecast_at_the_edge_may_fall_to_either_side(sign):
    above, below = sign * (EDGE + TIE_TOLERANCE / 2), sign * (EDGE - TIE_TOLERANCE / 2)
    assert probe_difference(forecasts(above, below), forecasts(below, above), COSTS) is None


def test_at_an_edge_finer_than_rounding_a_buy_may_not_become_a_sell_from_afar():
    fine = CostModel(round_trip_cost=1e-7)
    assert probe_difference(forecasts(2e-7), forecasts(-2e-7), fine) is None
    assert probe_difference(forecasts(2e-6), forecasts(-2e-6), fine) == "row 1 gets another decision"


def test_a_model_of_returns_that_would_decide_otherwise_is_not_saved(tmp_path):
    store = ModelStorage(tmp_path, QuickFiles())
    artifact = trained_artifact(document=RETURNS)
    probe = artifact.features["probe"]
    forecast = abs(probe["outputs"][0][0])
    # an edge that the first forecast lies just within, and the trainer's number 5e-6 further out
    priced = {**RETURNS["decisions"], "cost_model": {"round_trip_cost": forecast + 2e-6}}
    moved = [[value + 5e-6 * np.sign(value) for value in row] for row in probe["outputs"]]
    features = {**artifact.features, "probe": {**probe, "outputs": moved}}
    document = {**RETURNS, "decisions": priced}
    with pytest.raises(StorageError, match=r"does not predict .*; row 1 gets another decision"):
        store.save_model(trained_artifact(document=document, features=features))
    assert store.save_model(trained_artifact(document=RETURNS, features=features)).version == 1
