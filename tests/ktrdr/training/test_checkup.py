from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ktrdr.errors import OneClassLabels
from ktrdr.strategy import load_strategy
from ktrdr.training.checkup import check_on_data
from ktrdr.training.scope import settle_scope
from tests.ktrdr.training.strategies import bundled_data, document, small_strategy

EXAMPLES = sorted((Path(__file__).parents[3] / "strategies").glob("*.yaml"))


@pytest.fixture(scope="module")
def checkup():
    strategy = small_strategy()
    return check_on_data(strategy, bundled_data(), settle_scope(strategy))


def test_rows_and_labels_are_accounted_for(checkup):
    rows = checkup.rows.model_dump()
    assert rows.pop("rows_loaded") == sum(rows.values())
    assert sum(checkup.label_shares.values()) == pytest.approx(1)
    of_symbol = checkup.labels["SP500"]
    assert sum(of_symbol["shares"].values()) == pytest.approx(1)
    assert of_symbol["max_life_bars"] <= 10
    assert 0 < of_symbol["mean_uniqueness"] <= 1


def test_coverage_is_that_of_the_rows_by_hand(checkup):
    sets = checkup.fuzzy_sets
    assert set(sets) == {"1d_rsi", "1d_roc"}
    n_rows = sum(checkup.rows.model_dump()[f"rows_{part}"] for part in ("train", "validation", "test"))
    assert {report["n_rows"] for report in sets.values()} == {n_rows}
    # rises from 35: every RSI below is low or in no term, the terms leave no gap between 0 and 100
    assert sets["1d_rsi"]["dead_zone"] == 0
    assert sets["1d_rsi"]["overlap"] > 0.1


def test_a_dead_zone_over_30_per_cent_is_a_warning_that_names_it():
    strategy = load_strategy(document() | {"fuzzy_sets": {
        "rsi": {"indicator": "rsi_14", "low": [0, 10, 20], "high": [80, 90, 100]},
        "roc": document()["fuzzy_sets"]["roc"],
    }})  # fmt: skip
    (warning,) = check_on_data(strategy, bundled_data(), settle_scope(strategy)).warnings
    assert "'1d_rsi'" in warning
    assert "%" in warning


def test_a_class_that_a_part_has_no_row_of_is_a_warning():
    strategy = small_strategy(labels={"source": "forward_return", "horizon": 5, "threshold": 0.06})
    found = check_on_data(strategy, bundled_data(), settle_scope(strategy))
    absent = [warning for warning in found.warnings if warning.startswith("None of the")]
    assert absent
    assert all(" rows is " in warning and "Widen the date range" in warning for warning in absent)
    usual = small_strategy()
    assert check_on_data(usual, bundled_data(), settle_scope(usual)).warnings == []


def test_labels_of_one_class_are_an_error():
    strategy = small_strategy(labels={"source": "forward_return", "horizon": 5, "threshold": 9.0})
    with pytest.raises(OneClassLabels, match="HOLD"):
        check_on_data(strategy, bundled_data(), settle_scope(strategy))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_leaves_few_rows_in_no_term_and_few_labels_rare(path):
    strategy = load_strategy(path)
    checkup = check_on_data(strategy, bundled_data(), settle_scope(strategy))
    assert checkup.warnings == []
    for name, report in checkup.fuzzy_sets.items():
        assert report["dead_zone"] < 0.05, name
        assert min(term["mean_degree"] for term in report["terms"].values()) > 0.01, name
    assert min(checkup.label_shares.values()) > 0.03
    assert np.isclose(sum(checkup.label_shares.values()), 1)
