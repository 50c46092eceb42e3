"""`/models/{strategy}/{name}/predict`: what a stored model says of bars."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from actors.remote_prediction import RemotePrediction
from ktrdr.wire import PredictionAnswer, PredictionRequest

router = APIRouter(prefix="/models", tags=["models"])


def _predictions(request: Request) -> RemotePrediction:
    predictions: RemotePrediction = request.app.state.predictions
    return predictions


@router.post("/{strategy}/{name}/predict", response_model=PredictionAnswer)
async def predict(
    strategy: str,
    name: str,
    asked: PredictionRequest,
    predictions: Annotated[RemotePrediction, Depends(_predictions)],
) -> Response:
    """Return class, probabilities and fired fuzzy terms of each bar: of stored ones, or of those that are sent.

    Bars before the dates are read for warm-up. The first request after a rest waits some seconds for a process.
    """
    return Response(await predictions.predict(strategy, name, asked), media_type="application/json")
