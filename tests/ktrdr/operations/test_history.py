"""Both judgements on curves made by hand, and the best epoch."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from ktrdr.operations.history import EpochHistory, has_plateaued, monitored_of, overfits

FALLING = [1.0 / n for n in range(1, 31)]


def history(*epochs: dict[str, Any], monitored: Any = "val_loss") -> EpochHistory:
    return EpochHistory([json.dumps(epoch) for epoch in epochs], monitored)


def test_training_loss_that_falls_while_validation_loss_rises_far_above_its_best_is_overfitting() -> None:
    val_losses = FALLING[:15] + [FALLING[14] * (1 + 0.03 * n) for n in range(1, 16)]
    assert overfits(FALLING, val_losses) is True


@pytest.mark.parametrize(
    ("train_losses", "val_losses"),
    [
        (FALLING, FALLING),  # both fall
        (FALLING, [*FALLING[:15], *[FALLING[14] * (1 + 0.002 * n) for n in range(1, 16)]]),  # rises, but by 3 % only
        (FALLING, [*FALLING[:15], *[FALLING[14] * (2 - 0.01 * n) for n in range(1, 16)]]),  # above, but falls again
        ([1.0] * 30, [*FALLING[:15], *[FALLING[14] * (1 + 0.03 * n) for n in range(1, 16)]]),  # nothing is learnt
        (FALLING, [0.5 + 0.01 * (-1) ** n for n in range(30)]),  # noise of 2 %
    ],
)
def test_anything_less_is_not(train_losses: list[float], val_losses: list[float]) -> None:
    assert overfits(train_losses, val_losses) is False


def test_one_wild_epoch_is_no_overfitting() -> None:
    assert overfits(FALLING, [*FALLING[:-1], 5.0]) is False


def test_a_best_value_that_stands_for_ten_epochs_is_a_plateau() -> None:
    assert has_plateaued([*FALLING[:10], *[0.1] * 10]) is True
    assert has_plateaued([*FALLING[:10], *[0.1] * 9, 0.0999]) is False  # better by 0.1 % and a bit
    assert has_plateaued([*FALLING[:10], *[0.1] * 9, 0.09995]) is True
    assert has_plateaued(FALLING) is False


def test_of_an_accuracy_more_is_better() -> None:
    rising = [n / 30 for n in range(1, 21)]
    assert has_plateaued(rising, is_better_above=True) is False
    assert has_plateaued([*rising, *[0.5] * 10], is_better_above=True) is True


def test_too_few_epochs_are_not_judged() -> None:
    assert overfits(FALLING[:11], FALLING[:11]) is None
    assert overfits(FALLING[:12], FALLING[:12]) is False
    assert has_plateaued(FALLING[:10]) is None
    assert has_plateaued(FALLING[:11]) is False


def test_epochs_without_numbers_are_left_out() -> None:
    val_losses: list[float | None] = [*FALLING[:15], *[FALLING[14] * (1 + 0.03 * n) for n in range(1, 16)]]
    with_gaps: list[float | None] = [value for pair in zip(val_losses, [None] * 30, strict=True) for value in pair]
    twice = [value for pair in zip(FALLING, FALLING, strict=True) for value in pair]
    assert overfits(twice, with_gaps) is True
    assert has_plateaued([None, *FALLING, None]) is False
    epochs = [{"epoch": 1, "val_loss": None}, {"epoch": 2, "val_loss": 0.5, "val_accuracy": None}, {"epoch": 3}]
    assert history(*epochs).judgement.best_epoch == 2
    judged = history(*epochs, monitored="val_accuracy").judgement
    assert (judged.best_epoch, judged.best_val_loss, judged.is_plateaued) == (None, None, None)
    assert history({"epoch": 1, "val_loss": math.nan}).judgement.best_epoch is None  # kept by an earlier version


def test_the_best_epoch_is_the_first_with_the_best_monitored_value() -> None:
    epochs = [
        {"epoch": 1, "val_loss": 0.5, "val_accuracy": 0.7},
        {"epoch": 2, "val_loss": 0.4, "val_accuracy": 0.6},
        {"epoch": 3, "val_loss": 0.4, "val_accuracy": 0.7},
    ]
    by_loss, by_accuracy = history(*epochs).judgement, history(*epochs, monitored="val_accuracy").judgement
    assert (by_loss.best_epoch, by_loss.best_val_loss) == (2, 0.4)
    assert (by_accuracy.best_epoch, by_accuracy.best_val_loss) == (1, 0.5)


def test_what_is_monitored_is_said_by_the_strategy() -> None:
    def request(early_stopping: Any) -> dict[str, Any]:
        return {"strategy": {"training": {"early_stopping": early_stopping}}}

    assert monitored_of(request({"monitor": "val_accuracy"})) == "val_accuracy"
    assert monitored_of(request({"monitor": "val_loss"})) == "val_loss"
    assert monitored_of(request(None)) == "val_loss"


def test_as_json_it_is_what_it_is_as_a_mapping() -> None:
    some = history(*({"epoch": n, "train_loss": 1 / n, "val_loss": 1 / n} for n in range(1, 21)))
    assert json.loads(some.metrics_json()) == some.metrics()
    assert history().metrics() is None
    assert json.loads(history().metrics_json()) == {
        "epochs": [],
        "best_epoch": None,
        "best_val_loss": None,
        "is_overfitting": None,
        "is_plateaued": None,
    }
