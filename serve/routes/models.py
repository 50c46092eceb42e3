"""`/models`: the versions there are."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ktrdr.wire import Page
from serve.routes.gateway import GatewayDep

router = APIRouter(prefix="/models", tags=["models"])


@router.get("")
async def list_models(gateway: GatewayDep) -> Page[dict[str, Any]]:
    """Return every version, newest first."""
    return _page(await gateway.models("list_models"))


@router.get("/{strategy}")
async def list_of_strategy(strategy: str, gateway: GatewayDep) -> Page[dict[str, Any]]:
    """Return one strategy's versions, newest first."""
    return _page(await gateway.models("list_models", strategy))


@router.get("/{strategy}/{name}")
async def show(strategy: str, name: str, gateway: GatewayDep) -> dict[str, Any]:
    """Return all that is known of a version; name is `{symbol}_{timeframe}_v{N}` or `..._latest`."""
    found: dict[str, Any] = await gateway.models("describe", strategy, name)
    return found


def _page(items: list[dict[str, Any]]) -> Page[dict[str, Any]]:
    return Page(items=items, total_count=len(items))
