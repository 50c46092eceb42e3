"""`/indicators`: what a strategy can compute."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from ktrdr.indicators.catalog import describe, describe_all, describe_talib
from ktrdr.wire import Page

router = APIRouter(prefix="/indicators", tags=["indicators"])


@router.get("")
async def list_indicators(talib: bool = False) -> Page[dict[str, Any]]:
    """Return every indicator type; with `talib`, the functions of TA-Lib that the type `talib` computes."""
    found = await asyncio.to_thread(describe_talib if talib else describe_all)
    return Page(items=[info.as_dict() for info in found], total_count=len(found))


@router.get("/{name}")
async def show(name: str) -> dict[str, Any]:
    """Return one type, by its name or another of its names, or a function of TA-Lib: parameters, outputs, source."""
    return (await asyncio.to_thread(describe, name)).as_dict()
