from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from actors.parts import parts_of
from ktrdr.errors import StorageError, UnknownArtifact

WHOLE = bytes(range(200)) * 5


class Node:
    """Gives parts of 300 bytes; from an offset on it raises, has nothing more, or never answers."""

    def __init__(self, breaks_at: int = 10_000, ends_at: int = 10_000, hangs_at: int = 10_000) -> None:
        self._breaks_at, self._ends_at, self._hangs_at = breaks_at, ends_at, hangs_at
        self.asked: list[int] = []

    async def __call__(self, offset: int) -> bytes:
        self.asked.append(offset)
        await asyncio.sleep(0)
        if offset >= self._hangs_at:
            await asyncio.Event().wait()
        if offset >= self._breaks_at:
            raise UnknownArtifact("train-1")
        return WHOLE[offset : min(offset + 300, self._ends_at)]


def run(scene: Coroutine[Any, Any, bytes]) -> bytes:
    return asyncio.run(asyncio.wait_for(scene, 10))


async def whole(node: Node, size: int = len(WHOLE)) -> bytes:
    return b"".join([part async for part in await parts_of(node, size)])


def test_parts_make_up_the_whole_and_nothing_behind_its_end_is_asked_for() -> None:
    node = Node()
    assert run(whole(node)) == WHOLE
    assert node.asked == [0, 300, 600, 900]


def test_what_is_not_there_is_known_before_anything_is_given() -> None:
    async def scene() -> bytes:
        await parts_of(Node(breaks_at=0), len(WHOLE))
        return b""

    with pytest.raises(UnknownArtifact):
        run(scene())


def test_what_breaks_off_or_ends_early_is_an_error_and_not_a_short_file() -> None:
    with pytest.raises(UnknownArtifact):
        run(whole(Node(breaks_at=600)))
    with pytest.raises(StorageError, match="ended after 700 of 1,000 bytes"):
        run(whole(Node(ends_at=700)))


def test_who_goes_away_leaves_no_question_open() -> None:
    async def scene() -> bytes:
        before = asyncio.all_tasks()
        parts = await parts_of(Node(hangs_at=300), len(WHOLE))
        async for _ in parts:
            break
        await parts.aclose()  # type: ignore[attr-defined]
        for _ in range(3):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        return b""

    run(scene())
