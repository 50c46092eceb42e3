"""Prediction over the models folder of the settings and the head's bars."""

from __future__ import annotations

from functools import partial

import ray

from actors.names import BARS, NAMESPACE
from actors.one_by_one import OneByOne
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
        self._one_by_one = OneByOne()

    async def predict(self, strategy: str, name: str, asked: PredictionRequest) -> bytes:
        """As `Prediction.predict`, off the event loop: Serve goes on asking how the process is.

        Serve cancels a request whose client is gone. What is being computed for it is computed to its end, and the
        next begins only then: torch's number of threads, the models in memory and the memory are the process's.
        """
        return await self._one_by_one.run(partial(self._prediction.predict, strategy, name, asked))
