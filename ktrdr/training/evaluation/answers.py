"""From a network's raw outputs to classes, as they are counted in the evaluation and given in predictions.

Shapes: N rows, C classes; in regression C is 1, a forecast of the return.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktrdr.labels import Labeler
from ktrdr.strategy.decisions import Decisions
from ktrdr.training.evaluation.returns import decisions_of
from ktrdr.training.rows.splitting import IntArray


def classes_of(outputs_NC: npt.NDArray[np.float32], labeler: Labeler, decisions: Decisions) -> IntArray:
    """Return the class code (N,) of each row: of the highest logit, or what the costs make of the forecast."""
    if labeler.is_regression:
        return decisions_of(outputs_NC[:, 0], decisions)
    return np.asarray(outputs_NC.argmax(axis=1), dtype=np.int64)
