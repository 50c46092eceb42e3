"""`/trainings`: start one, plan one, the default mode."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict

from ktrdr.wire import ConfigChange, ExecutionMode, TrainingConfig, TrainingRequest, TrainingReused, TrainingStarted
from serve.routes.gateway import GatewayDep

router = APIRouter(prefix="/trainings", tags=["trainings"])


class NewDefaultMode(BaseModel):
    """Body of `PUT /trainings/config`."""

    model_config = ConfigDict(extra="forbid")

    default_execution_mode: ExecutionMode


@router.post("/start", status_code=202, responses={200: {"model": TrainingReused}})
async def start(
    request: TrainingRequest,
    gateway: GatewayDep,
    response: Response,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> TrainingStarted | TrainingReused:
    """Start a training. The same `Idempotency-Key` with the same body starts one, for 24 hours.

    With `reuse: if_identical`, 200 and the model that the same training made, where there is one: nothing is trained.
    """
    answer = await gateway.start(request, idempotency_key)
    if isinstance(answer, TrainingReused):
        response.status_code = HTTPStatus.OK
    return answer


@router.post("/plan")
async def plan(request: TrainingRequest, gateway: GatewayDep) -> dict[str, Any]:
    """Say where it would run and why, bars, rows per part, label shares, features and parameters; train nothing."""
    planned: dict[str, Any] = await gateway.operations("plan", request)
    return planned


@router.get("/config")
async def config(gateway: GatewayDep) -> TrainingConfig:
    """Return the default execution mode and where it comes from."""
    current: TrainingConfig = await gateway.operations("training_config")
    return current


@router.put("/config")
async def change_config(change: NewDefaultMode, gateway: GatewayDep) -> ConfigChange:
    """Change the default execution mode; it holds over restarts."""
    changed: ConfigChange = await gateway.operations("set_default_mode", change.default_execution_mode)
    return changed
