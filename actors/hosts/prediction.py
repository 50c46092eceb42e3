"""Prediction over the models folder of the settings and the head's bars."""

from __future__ import annotations

import asyncio

import ray

from actors.names import BARS, NAMESPACE
from actors.remote_bars import RemoteBarSource
from ktrdr.settings import Settings
from ktrdr.wire import PredictionRequest


class HostedPrediction:
    """The deployment `Prediction`: its own process alone loads torch."""

    def __init__(self, settings: Settings) -> None:
        # here, and not above: whoever deploys this class imports it
        from actors.prediction import Prediction  # noqa: PLC0415
        from ktrdr.storage import ModelStorage  # noqa: PLC0415

        bars = RemoteBarSource(ray.get_actor(BARS, namespace=NAMESPACE))
        self._prediction = Prediction(ModelStorage(settings.models_dir), bars)

    async def predict(self, strategy: str, name: str, asked: PredictionRequest) -> bytes:
        """As `Prediction.predict`, off the event loop: Serve goes on asking how the process is."""
        return await asyncio.to_thread(self._prediction.predict, strategy, name, asked)
