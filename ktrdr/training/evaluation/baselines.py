"""Forecasts that learn nothing: what a network has to beat."""

from __future__ import annotations

import numpy as np

from ktrdr.results import Baseline
from ktrdr.training.rows.dataset import Part
from ktrdr.training.rows.splitting import UNKNOWN_CLASS, IntArray


def baseline_of(part: Part, y_train: IntArray, directions: tuple[int, int, int] | None) -> Baseline:
    """Return the accuracy of three forecasts that learn nothing, on the rows of `part`.

    `majority` says the most frequent class of training (of equal ones the lower code). `last_sign` says that the move
    goes on: the class of a rise after a bar that closed higher than the one before, of a fall after a lower one, else
    of no change. `persistence` repeats the label of the newest row that is known by the row's own time; a row before
    the first known one counts as wrong, and it is None where no row has one.

    Parameters
    ----------
    part
        Rows whose labels are class codes.
    y_train
        Class codes of the training rows.
    directions
        The codes that stand for a rise, no change and a fall; None where the classes are no directions, and
        `last_sign` says nothing.
    """
    majority = int(np.bincount(y_train).argmax())
    last_sign = None if directions is None else np.mean(np.array(directions)[1 - part.last_sign] == part.y)
    has_known = bool((part.last_known_y != UNKNOWN_CLASS).any())
    return Baseline(
        majority=float(np.mean(part.y == majority)),
        last_sign=None if last_sign is None else float(last_sign),
        persistence=float(np.mean(part.last_known_y == part.y)) if has_known else None,
    )
