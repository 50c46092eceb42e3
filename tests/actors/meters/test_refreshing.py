from __future__ import annotations

import asyncio
import logging

import pytest

from actors.meters.refreshing import refresh_for_ever
from ktrdr.errors import InfrastructureError
from tests.fakes.house import run, until


def test_a_store_in_trouble_is_asked_again_and_the_trouble_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    async def refresh() -> str:
        calls.append(len(calls))
        if len(calls) == 1:
            raise InfrastructureError("The disk is full.")
        return "text"

    async def scene() -> None:
        refreshing = asyncio.create_task(refresh_for_ever(refresh, every_s=0.0))
        await until(lambda: len(calls) >= 3)
        assert not refreshing.done()

    with caplog.at_level(logging.WARNING, "ktrdr.meters"):
        run(scene)
    assert "The gauges are as they were: The disk is full." in caplog.text
