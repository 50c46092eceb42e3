"""The deployment `Prediction` without Serve: its handle over the object itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from actors.prediction import Prediction
from actors.remote_prediction import RemotePrediction
from ktrdr.data import BarStore
from ktrdr.settings import Settings
from ktrdr.storage import ModelStorage


def direct_prediction(settings: Settings) -> RemotePrediction:
    """Return predictions of the models and the bars of the settings' folders."""
    return remote_over(Prediction(ModelStorage(settings.models_dir), BarStore(settings.data_roots)).predict)


def remote_over(predict: Any) -> RemotePrediction:
    """Return predictions that `predict` answers."""

    async def remote(*asked: Any) -> Any:
        return predict(*asked)

    return RemotePrediction(SimpleNamespace(predict=SimpleNamespace(remote=remote)))
