"""`/health`."""

from __future__ import annotations

from fastapi import APIRouter

import ktrdr
from ktrdr.wire import Health
from serve.routes.gateway import GatewayDep

router = APIRouter(tags=["system"])


@router.get("/health")
async def health(gateway: GatewayDep) -> Health:
    """Say which actors answer and how many nodes of each environment are there."""
    actors = await gateway.alive()
    return Health(
        status="ok" if all(actors.values()) else "degraded",
        version=ktrdr.__version__,
        actors=actors,
        nodes=await gateway.nodes(),
    )
