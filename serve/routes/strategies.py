"""`/strategies`: what can be trained, and whether a file is right."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ktrdr.wire import Page, ValidateRequest
from serve.routes.gateway import GatewayDep

router = APIRouter(prefix="/strategies", tags=["strategies"])


@router.get("")
async def list_strategies(gateway: GatewayDep) -> Page[dict[str, Any]]:
    """Return the strategies in the folder and those that came with requests."""
    items = await gateway.strategies()
    return Page(items=items, total_count=len(items))


@router.get("/{name}")
async def show(name: str, gateway: GatewayDep) -> dict[str, Any]:
    """Return one strategy: its document, features, versions and how its last training went."""
    return await gateway.strategy(name)


@router.post("/validate")
async def validate(asked: ValidateRequest, gateway: GatewayDep) -> dict[str, Any]:
    """Judge a strategy without training it: every problem with path, line and suggestion."""
    return await gateway.validate(asked.strategy)
