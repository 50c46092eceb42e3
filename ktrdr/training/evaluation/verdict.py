"""Where the model stands against forecasts that learn nothing, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ktrdr.results import Baseline, ReturnMetrics


def verdict(accuracy: float, baseline: Baseline, returns: ReturnMetrics | None = None) -> str:
    """Say which baselines the accuracy beats and which it does not, with digits enough to see it.

    With `returns` the same of the mean absolute error, against forecasting zero and the mean of the training rows.

    Examples
    --------
    >>> verdict(0.41, Baseline(majority=0.45, last_sign=0.33, persistence=None))  # doctest: +NORMALIZE_WHITESPACE
    'Accuracy 0.410 is below the majority baseline 0.450: a forecast that learns nothing does as well or better.
    It beats last_sign 0.330.'
    """
    accuracies = {name: value for name, value in baseline.model_dump().items() if value is not None}
    said = _ACCURACY.standing(accuracy, accuracies)
    if returns is None:
        return said
    errors = {"zero": returns.mae_of_zero, "training_mean": returns.mae_of_training_mean}
    return f"{said} {_ERROR.standing(returns.mae, errors)}"


@dataclass(frozen=True)
class _Measure:
    """What is compared, and how it is written."""

    name: str
    worse: Literal["below", "above"]
    notation: Literal["f", "g"]
    """Whether digits are counted from the point, or from the first that is not zero."""

    def standing(self, value: float, baselines: Mapping[str, float]) -> str:
        """Say which of `baselines` the value beats."""
        digits = self._digits_apart(value, baselines)
        beaten = [name for name, of in baselines.items() if (value > of if self.worse == "below" else value < of)]
        shown = {name: f"{name} {self._written(of, digits)}" for name, of in baselines.items()}
        subject = f"{self.name} {self._written(value, digits)}"
        if len(beaten) == len(baselines):
            return f"{subject} beats every baseline: {', '.join(shown.values())}."
        unbeaten = [
            f"{'equal to' if value == of else self.worse} the {name} baseline {self._written(of, digits)}"
            for name, of in baselines.items()
            if name not in beaten
        ]
        also = f" It beats {', '.join(shown[name] for name in beaten)}." if beaten else ""
        return f"{subject} is {' and '.join(unbeaten)}: a forecast that learns nothing does as well or better.{also}"

    def _digits_apart(self, value: float, baselines: Mapping[str, float]) -> int:
        """Return how many digits show `value` apart from each baseline that differs from it; 3 or more."""
        others = [of for of in baselines.values() if of != value]
        for digits in range(3, 17):
            if all(self._written(of, digits) != self._written(value, digits) for of in others):
                return digits
        return 17  # all that a double holds

    def _written(self, value: float, digits: int) -> str:
        return f"{value:.{digits}{self.notation}}"


_ACCURACY = _Measure("Accuracy", "below", "f")
_ERROR = _Measure("Mean absolute error", "above", "g")  # a return may have many zeros after the point
