"""`/strategies`: what can be trained, whether a file is right, what it makes of its bars. Nothing writes a file."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from ktrdr.strategy.json_schema import strategy_json_schema
from ktrdr.strategy.migration import migrate as migrated
from ktrdr.strategy.starter import starter
from ktrdr.wire import (
    CheckRequest,
    MigratedStrategy,
    MigrateRequest,
    NewStrategy,
    NewStrategyRequest,
    Page,
    ValidateRequest,
)
from serve.routes.gateway import GatewayDep

router = APIRouter(prefix="/strategies", tags=["strategies"])


@router.get("")
async def list_strategies(gateway: GatewayDep) -> Page[dict[str, Any]]:
    """Return the strategies in the folder and those that came with requests."""
    items = await gateway.strategies()
    return Page(items=items, total_count=len(items))


@router.get("/schema")
async def schema() -> dict[str, Any]:
    """Return the JSON Schema of a strategy file."""
    return await asyncio.to_thread(strategy_json_schema)


@router.get("/{name}")
async def show(name: str, gateway: GatewayDep) -> dict[str, Any]:
    """Return one strategy: its document, features, versions and how its last training went."""
    return await gateway.strategy(name)


@router.post("/validate")
async def validate(asked: ValidateRequest, gateway: GatewayDep) -> dict[str, Any]:
    """Judge a strategy without training it: every problem with path, line and suggestion."""
    return await gateway.validate(asked.strategy)


@router.post("/check")
async def check(asked: CheckRequest, gateway: GatewayDep) -> dict[str, Any]:
    """Return what a strategy makes of its bars: rows, labels, coverage of its fuzzy sets; with `lookahead`, leaks."""
    found: dict[str, Any] = await gateway.operations("check", asked)
    return found


@router.post("/migrate")
async def migrate(asked: MigrateRequest) -> MigratedStrategy:
    """Rewrite the text of an older strategy file, and say what was changed and what could not be carried."""
    return MigratedStrategy.of(await asyncio.to_thread(migrated, asked.strategy))


@router.post("/new")
async def new(asked: NewStrategyRequest) -> NewStrategy:
    """Return the text of a strategy to begin from."""
    text = await asyncio.to_thread(starter, asked.name, asked.template)
    return NewStrategy(name=asked.name, text=text)
