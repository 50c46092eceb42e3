"""Gauges that are pushed, not asked for, such as Ray's, are set again every few seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import ray.exceptions as ray_errors
from sqlalchemy.exc import SQLAlchemyError

from ktrdr.errors import KtrdrError

log = logging.getLogger("ktrdr.meters")

REFRESH_S = 10.0


async def refresh_for_ever(refresh: Callable[[], Awaitable[object]], every_s: float = REFRESH_S) -> None:
    """Call `refresh` every `every_s`; a store or a cluster in trouble is asked again the next time."""
    while True:
        try:
            await refresh()
        except (SQLAlchemyError, ray_errors.RayError, KtrdrError, OSError) as error:
            log.warning("The gauges are as they were: %s", error)
        await asyncio.sleep(every_s)
