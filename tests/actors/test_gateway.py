"""What the gateway says of the service goes by the configured environments."""

from __future__ import annotations

import asyncio
from pathlib import Path

from actors.gateway import Gateway
from actors.names import BARS, MODEL_STORAGE, OPERATIONS
from cluster import Environment, Environments
from ktrdr.settings import Settings

LAB = Environments((Environment(name="bench", mode="lab"), Environment(name="desk", mode="local")))


class SilentGateway(Gateway):
    """None of its actors answers."""

    async def _answers(self, name: str) -> bool:
        return False


def test_every_configured_environments_dispatcher_is_asked_whether_it_lives(tmp_path: Path) -> None:
    alive = asyncio.run(SilentGateway(Settings(home=tmp_path), LAB).alive())
    assert list(alive) == [OPERATIONS, MODEL_STORAGE, BARS, "dispatcher:bench", "dispatcher:desk"]
