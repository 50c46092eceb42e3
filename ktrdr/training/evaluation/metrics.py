"""How good the network is on rows it has not seen, next to forecasts that learn nothing.

Shapes: N rows, C classes; in regression C is 1, a forecast of the return.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from ktrdr.labels import Labeler
from ktrdr.results import ClassMetrics, ReturnMetrics, RowAccount, SymbolMetrics, TestMetrics
from ktrdr.strategy.decisions import Decisions
from ktrdr.training.evaluation.answers import classes_of
from ktrdr.training.evaluation.baselines import baseline_of
from ktrdr.training.evaluation.confidence import confidence_at, expected_calibration_error, softmax
from ktrdr.training.evaluation.returns import decisions_of, return_metrics
from ktrdr.training.evaluation.verdict import verdict
from ktrdr.training.rows.dataset import Part
from ktrdr.training.rows.splitting import UNKNOWN_CLASS, IntArray, LabelArray

Outputs = npt.NDArray[np.float32]
"""(n_rows, n_classes) logits, or (n_rows, 1) forecasts of simple returns."""


def evaluate(  # noqa: PLR0913
    outputs_NC: Outputs,
    part: Part,
    *,
    loss: float,
    y_train: LabelArray,
    labeler: Labeler,
    decisions: Decisions,
) -> TestMetrics:
    """Return every metric of the predictions on one part.

    Averages are macro averages over the classes that occur in the part, so recall equals balanced accuracy. Without
    any prediction of a class its precision is 0. In regression the classes are the decisions that the cost model makes
    of forecast and return.

    Parameters
    ----------
    outputs_NC
        One row for each of `part`.
    part
        The held-out rows.
    loss
        The training's loss on these rows.
    y_train
        Labels of the training rows, which the baselines read.
    labeler
        What the labels are.
    decisions
        Coverage and accuracy are stated at its threshold of confidence; in regression its costs decide.
    """
    answers = _Answers.of(outputs_NC, part, y_train, labeler, decisions)
    y_N, counted = answers.part.y, _Counted.of(answers, len(labeler.class_names))
    probabilities_NC = None if labeler.is_regression else softmax(outputs_NC)
    baseline = baseline_of(answers.part, answers.y_train, labeler.directions)
    returns = _returns(outputs_NC, part, y_train, labeler)
    return TestMetrics(
        loss=loss,
        **counted.averages,
        per_class={name: counted.of_class(code) for code, name in enumerate(labeler.class_names)},
        confusion_matrix=counted.confusion.tolist(),
        expected_calibration_error=(
            None if probabilities_NC is None else expected_calibration_error(probabilities_NC, y_N)
        ),
        baseline=baseline,
        confidence=(
            None if probabilities_NC is None else confidence_at(decisions.confidence_threshold, probabilities_NC, y_N)
        ),
        returns=returns,
        verdict=verdict(counted.averages["accuracy"], baseline, returns),
    )


def evaluate_symbol(  # noqa: PLR0913
    outputs_NC: Outputs,
    part: Part,
    y_train: LabelArray,
    labeler: Labeler,
    decisions: Decisions,
    rows: RowAccount,
) -> SymbolMetrics:
    """Return how the predictions do on one symbol's held-out rows, next to the same baselines.

    `part` holds the symbol's rows only, `y_train` the training rows of all symbols: what the network learned from.
    """
    answers = _Answers.of(outputs_NC, part, y_train, labeler, decisions)
    return SymbolMetrics(
        **rows.model_dump(),
        **_Counted.of(answers, len(labeler.class_names)).averages,
        baseline=baseline_of(answers.part, answers.y_train, labeler.directions),
        returns=_returns(outputs_NC, part, y_train, labeler),
    )


@dataclass(frozen=True)
class _Answers:
    """Rows and what the network says of them, as class codes whether it forecasts classes or returns."""

    predicted: IntArray
    part: Part
    y_train: IntArray

    @classmethod
    def of(
        cls, outputs_NC: Outputs, part: Part, y_train: LabelArray, labeler: Labeler, decisions: Decisions
    ) -> _Answers:
        predicted = classes_of(outputs_NC, labeler, decisions)
        if not labeler.is_regression:
            return cls(predicted, part, y_train)
        # no return is known yet where it is NaN: that is no HOLD
        known = np.where(np.isnan(part.last_known_y), UNKNOWN_CLASS, decisions_of(part.last_known_y, decisions))
        decided = replace(part, y=decisions_of(part.y, decisions), last_known_y=known)
        return cls(predicted, decided, decisions_of(y_train, decisions))


@dataclass(frozen=True)
class _Counted:
    """Predictions counted against what came, by class."""

    confusion: npt.NDArray[np.int64]
    by_class: tuple[npt.NDArray[np.float64], ...]
    """Precision, recall, F1 and support, (C,) each."""

    @classmethod
    def of(cls, answers: _Answers, n_classes: int) -> _Counted:
        pair, codes = (answers.part.y, answers.predicted), list(range(n_classes))
        by_class = precision_recall_fscore_support(*pair, labels=codes, zero_division=0)
        return cls(confusion_matrix(*pair, labels=codes), by_class)

    @property
    def averages(self) -> dict[str, float]:
        """Means over the classes that occur, beside the accuracy."""
        precision, recall, f1_score, support = self.by_class
        means = [float(of_class[support > 0].mean()) for of_class in (precision, recall, f1_score)]
        return {
            "accuracy": float(np.trace(self.confusion) / self.confusion.sum()),
            "balanced_accuracy": means[1],
            **dict(zip(("precision", "recall", "f1_score"), means, strict=True)),
            "mcc": _matthews(self.confusion),
        }

    def of_class(self, code: int) -> ClassMetrics:
        precision, recall, f1_score, support = (of_class[code] for of_class in self.by_class)
        return ClassMetrics(
            precision=float(precision), recall=float(recall), f1_score=float(f1_score), support=int(support)
        )


def _returns(outputs_NC: Outputs, part: Part, y_train: LabelArray, labeler: Labeler) -> ReturnMetrics | None:
    return return_metrics(outputs_NC[:, 0], part.y, y_train) if labeler.is_regression else None


def _matthews(confusion: npt.NDArray[np.int64]) -> float:
    """Return the multiclass Matthews coefficient, 0 where one side has a single class.

    Source: Gorodkin (2004), *Comparing two K-category assignments by a K-category correlation coefficient*, eq. 8.
    """
    # in Python integers: no overflow, however many rows
    true, predicted = ([int(count) for count in confusion.sum(axis=axis)] for axis in (1, 0))
    n_rows, n_right = sum(true), int(np.trace(confusion))
    covariance = n_right * n_rows - sum(t * p for t, p in zip(true, predicted, strict=True))
    spread = (n_rows**2 - sum(t * t for t in true)) * (n_rows**2 - sum(p * p for p in predicted))
    return float(covariance / spread**0.5) if spread else 0.0
