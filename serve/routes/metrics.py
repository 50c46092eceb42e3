"""`/metrics`, at the root, where Prometheus looks for it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from serve.routes.gateway import GatewayDep

router = APIRouter(prefix="/metrics", tags=["system"])


@router.get("", response_class=PlainTextResponse)
async def scrape(gateway: GatewayDep) -> PlainTextResponse:
    """Return the service's metrics in Prometheus' text format; of an actor that is away, that it is."""
    return PlainTextResponse(await gateway.exposition(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
