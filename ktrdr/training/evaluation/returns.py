"""Forecasts of returns: what they decide, and how far they are from what came."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ktrdr.results import ReturnMetrics
from ktrdr.strategy.decisions import Decisions
from ktrdr.training.rows.splitting import IntArray

FloatArray = npt.NDArray[np.float64]


def decisions_of(returns: npt.NDArray[np.floating], decisions: Decisions) -> IntArray:
    """Return the `Signal` code that the cost model makes of each simple return, in the shape of `returns`.

    Raises
    ------
    ValueError
        Without a cost model.
    """
    if decisions.cost_model is None:
        raise ValueError("without a cost_model no return decides anything")
    return decisions.cost_model.decide(returns)


def return_metrics(forecast_N: npt.NDArray[np.floating], y_N: FloatArray, y_train: FloatArray) -> ReturnMetrics:
    """Return how far forecasts are from what came, next to forecasting zero and the mean of the training rows.

    Parameters
    ----------
    forecast_N, y_N
        (n_rows,) simple returns.
    y_train
        Simple returns of the training rows.
    """
    forecast = np.asarray(forecast_N, dtype=np.float64)
    errors = forecast - y_N
    return ReturnMetrics(
        mae=_mean_size(errors),
        rmse=float(np.sqrt(np.mean(errors**2))),
        directional_accuracy=float(np.mean(np.sign(forecast) == np.sign(y_N))),
        information_coefficient=information_coefficient(forecast, y_N),
        mae_of_zero=_mean_size(y_N),
        mae_of_training_mean=_mean_size(y_N - y_train.mean()),
    )


def information_coefficient(forecast_N: FloatArray, y_N: FloatArray) -> float | None:
    """Return the rank correlation of forecast and return, in [-1, 1]; None where one of them never varies.

    Equal values share the mean of their ranks.

    Source: Spearman (1904), *The Proof and Measurement of Association between Two Things*; as a measure of forecasts
    Grinold and Kahn (2000), *Active Portfolio Management*, chapter 6.
    """
    if any((values == values[0]).all() for values in (forecast_N, y_N)):
        return None
    forecast_ranks, ranks = (pd.Series(values).rank() for values in (forecast_N, y_N))
    return float(np.corrcoef(forecast_ranks, ranks)[0, 1])


def _mean_size(values: FloatArray) -> float:
    return float(np.mean(np.abs(values)))
