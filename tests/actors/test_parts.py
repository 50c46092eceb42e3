"""What is given part by part."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.parts import parts_of
from ktrdr.errors import StorageError, UnknownModel

CONTENT = bytes(range(200))


def reader(log: list[int], content: bytes = CONTENT, fault_at: int = -1) -> Any:
    async def read(offset: int) -> bytes:
        log.append(offset)
        if offset == fault_at:
            raise UnknownModel("trend/SP500_1d_v1")
        return content[offset : offset + 70]

    return read


async def collected(read: Any, size: int, got: list[bytes]) -> bytes:
    async for part in await parts_of(read, size):
        got.append(part)
    return b"".join(got)


def test_every_part_is_read_once_and_in_order() -> None:
    log: list[int] = []
    assert asyncio.run(collected(reader(log), 200, [])) == CONTENT
    assert log == [0, 70, 140]


def test_what_the_first_part_raises_comes_before_anything_is_given() -> None:
    async def first() -> None:
        await parts_of(reader([], fault_at=0), 200)

    with pytest.raises(UnknownModel):
        asyncio.run(first())


@pytest.mark.parametrize(
    ("read", "error"),
    [(reader([], fault_at=140), UnknownModel), (reader([], content=CONTENT[:140]), StorageError)],
    ids=["raises later", "ends early"],
)
def test_what_comes_later_breaks_off_what_is_given(read: Any, error: type[Exception]) -> None:
    got: list[bytes] = []
    with pytest.raises(error):
        asyncio.run(collected(read, 200, got))
    assert b"".join(got) == CONTENT[:140]


def test_whoever_stops_in_between_leaves_no_read_behind() -> None:
    async def stop() -> int:
        parts = await parts_of(reader([]), 200)
        async for _ in parts:
            break
        await parts.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(stop()) == 0
