"""The twelve steps of a training, in order. Step n is `STEPS[n - 1]`."""

from __future__ import annotations

STEPS: tuple[str, ...] = (
    "Loading market data",
    "Calculating technical indicators",
    "Generating fuzzy membership values",
    "Engineering features",
    "Generating labels",
    "Splitting train/test data",
    "Training neural network model",
    "Evaluating model performance",
    "Calculating feature importance",
    "Saving model",
    "Building results",
    "Complete",
)
