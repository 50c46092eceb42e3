"""Whether a network that was read back answers the probe as the trained one did."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktrdr.strategy.decisions import CostModel

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PROBE_TOLERANCE = 1e-5
"""How far an output may be off: of outputs up to 1 in size; larger ones in proportion, as float32 rounds."""
TIE_TOLERANCE = 1e-6
"""How far it may be off where that changes the decision, on the same scale: what rounding alone can do."""


def probe_difference(expected_BO: FloatArray, got_BO: FloatArray, costs: CostModel | None) -> str | None:
    """Return in words how outputs differ from those of the training, None where they are alike.

    They are alike within `PROBE_TOLERANCE`, and where each row gets the same decision: the class of the largest logit,
    or with `costs` what those make of a forecast return. A row whose trained outputs lie so close to another decision
    that rounding reaches it (`TIE_TOLERANCE`: two logits that tie, a forecast at the edge) may get that one as well.
    That tolerance has to be the narrower: outputs within the wider one of a tie could always decide otherwise.

    Parameters
    ----------
    expected_BO, got_BO
        (B rows, O outputs), of the training and read back.
    costs
        Of a strategy that forecasts returns; None where the outputs are logits.
    """
    size_BO = np.maximum(1.0, np.abs(expected_BO))
    apart_BO = np.abs(got_BO - expected_BO)
    if not (apart_BO <= PROBE_TOLERANCE * size_BO).all():
        return f"outputs differ by up to {apart_BO.max():g}"
    slack_BO = TIE_TOLERANCE * size_BO
    if costs is None:
        is_alike_B = _has_same_class(expected_BO, got_BO, slack_BO)
    else:
        is_alike_B = _has_same_decision(expected_BO[:, 0], got_BO[:, 0], slack_BO[:, 0], costs)
    changed = np.flatnonzero(~is_alike_B)
    what = "class" if costs is None else "decision"
    return f"row {changed[0] + 1} gets another {what}" if changed.size else None


def _has_same_class(expected_BO: FloatArray, got_BO: FloatArray, slack_BO: FloatArray) -> BoolArray:
    could_be_largest_BO = expected_BO + slack_BO >= (expected_BO - slack_BO).max(axis=1, keepdims=True)
    return np.asarray(could_be_largest_BO[np.arange(len(got_BO)), got_BO.argmax(axis=1)])


def _has_same_decision(expected_B: FloatArray, got_B: FloatArray, slack_B: FloatArray, costs: CostModel) -> BoolArray:
    codes_B = costs.decide(got_B)
    # codes fall from SELL to BUY as the return rises
    return np.asarray((costs.decide(expected_B + slack_B) <= codes_B) & (codes_B <= costs.decide(expected_B - slack_B)))
