from __future__ import annotations

import re

import numpy as np
import pytest

from ktrdr.results import Baseline, ReturnMetrics
from ktrdr.training.evaluation.verdict import verdict

BEATEN = Baseline(majority=0.45, last_sign=None, persistence=None)


def _errors(mae: float, zero: float, training_mean: float) -> ReturnMetrics:
    return ReturnMetrics(
        mae=mae,
        rmse=mae,
        directional_accuracy=0.5,
        information_coefficient=None,
        mae_of_zero=zero,
        mae_of_training_mean=training_mean,
    )


def test_the_verdict_names_every_baseline_and_whether_it_is_beaten():
    text = verdict(0.41, Baseline(majority=0.45, last_sign=0.33, persistence=0.41))
    assert "below the majority baseline 0.450" in text
    assert "equal to the persistence baseline 0.410" in text
    assert "beats last_sign 0.330" in text
    assert verdict(0.5, BEATEN) == "Accuracy 0.500 beats every baseline: majority 0.450."


def test_the_verdict_shows_decimals_enough_to_tell_values_apart():
    text = verdict(0.35012, Baseline(majority=0.35014, last_sign=0.2, persistence=0.35012))
    assert "Accuracy 0.35012 is below the majority baseline 0.35014" in text
    assert "equal to the persistence baseline 0.35012" in text
    assert "beats last_sign 0.20000" in text
    just_above = verdict(0.3504, Baseline(majority=0.3496, last_sign=None, persistence=None))
    assert just_above == "Accuracy 0.3504 beats every baseline: majority 0.3496."
    # one row in ten million, and one step of a double
    assert "Accuracy 0.3500000 is below the majority baseline 0.3500001" in verdict(
        0.35, Baseline(majority=0.3500001, last_sign=None, persistence=None)
    )
    nearest = verdict(0.35, Baseline(majority=float(np.nextafter(0.35, 1)), last_sign=None, persistence=None))
    shown, baseline = re.findall(r"0\.[0-9]+", nearest)
    assert shown < baseline


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ((0.011, 0.012, 0.0125), "Mean absolute error 0.011 beats every baseline: zero 0.012, training_mean 0.0125."),
        (
            (0.0123, 0.012, 0.013),
            "Mean absolute error 0.0123 is above the zero baseline 0.012: a forecast that learns nothing does as well"
            " or better. It beats training_mean 0.013.",
        ),
        (
            (0.012, 0.012, 0.011),
            "Mean absolute error 0.012 is equal to the zero baseline 0.012 and above the training_mean baseline 0.011:"
            " a forecast that learns nothing does as well or better.",
        ),
    ],
    ids=["better", "between", "as bad as it gets"],
)
def test_in_regression_the_error_is_judged_beside_the_accuracy(errors, expected):
    assert verdict(0.5, BEATEN, _errors(*errors)) == f"{verdict(0.5, BEATEN)} {expected}"


def test_small_errors_are_told_apart_by_digits_that_count():
    text = verdict(0.5, BEATEN, _errors(0.00012341, 0.00012342, 0.0002))
    assert "error 0.00012341 beats every baseline: zero 0.00012342, training_mean 0.0002." in text


def test_errors_one_step_of_a_double_apart_are_told_apart():
    text = verdict(0.5, BEATEN, _errors(0.0123, float(np.nextafter(0.0123, 0)), 0.0123))
    mae, zero, mean = (float(number) for number in re.findall(r"0\.[0-9]+", text.partition("Mean")[2]))
    assert mae > zero
    assert mae == mean
