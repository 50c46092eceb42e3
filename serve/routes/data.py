"""`/data`: the bars there are."""

from __future__ import annotations

from fastapi import APIRouter

from ktrdr.data import SeriesInfo
from ktrdr.wire import Page
from serve.routes.gateway import GatewayDep

router = APIRouter(prefix="/data", tags=["data"])


@router.get("")
async def list_series(gateway: GatewayDep) -> Page[SeriesInfo]:
    """Return every series that can be trained on, by symbol and timeframe."""
    items: list[SeriesInfo] = await gateway.bars("catalog")
    return Page(items=items, total_count=len(items))
