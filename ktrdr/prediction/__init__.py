"""A stored model applied to bars: what training's evaluation gave on a row, a prediction gives on the same row."""

from ktrdr.prediction.predictions import Predictions
from ktrdr.prediction.predictor import Predictor

__all__ = ["Predictions", "Predictor"]
