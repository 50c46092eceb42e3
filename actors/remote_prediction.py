"""The deployment `Prediction`, as the HTTP service calls it."""

from __future__ import annotations

from typing import Any

import ray.exceptions as ray_errors
from ray.serve.exceptions import RayServeException

from actors.own_errors import own_errors
from ktrdr.errors import InfrastructureError
from ktrdr.wire import PredictionRequest


class RemotePrediction:
    """Asks a deployment by its handle; the first request after a rest waits until a process has started."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    async def predict(self, strategy: str, name: str, asked: PredictionRequest) -> bytes:
        """Return the answer as JSON.

        Raises
        ------
        KtrdrError
            What `Prediction.predict` raised, as itself.
        InfrastructureError
            If its process went away, or too many requests wait already.
        """
        try:
            with own_errors():
                answer: bytes = await self._handle.predict.remote(strategy, name, asked)
                return answer
        except ray_errors.RayTaskError:
            raise
        except (ray_errors.RayError, RayServeException) as error:
            message = f"No prediction could be made now ({type(error).__name__}): ask again in a moment."
            raise InfrastructureError(message) from error
