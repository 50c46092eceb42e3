from __future__ import annotations

import asyncio
import threading

import pytest

from actors.one_by_one import OneByOne


class Work:
    """Goes on until it is let go, and counts."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.n_begun = self.n_running = self.most_at_once = 0

    def __call__(self) -> str:
        self.n_begun += 1
        self.n_running += 1
        self.most_at_once = max(self.most_at_once, self.n_running)
        self.begun.set()
        assert self.may_end.wait(20)
        self.n_running -= 1
        return "done"


async def _begun(work: Work) -> None:
    assert await asyncio.to_thread(work.begun.wait, 20)


async def _turns() -> None:
    """Let everything that can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_whoever_is_cancelled_keeps_his_place_until_his_work_is_done() -> None:
    async def scene() -> None:
        one_by_one, work = OneByOne(), Work()
        first = asyncio.create_task(one_by_one.run(work))
        await _begun(work)
        for _ in range(3):  # in a hurry
            first.cancel()
            await _turns()
            assert not first.done()
        second = asyncio.create_task(one_by_one.run(work))
        await _turns()
        assert work.n_begun == 1
        work.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second == "done"
        assert (work.n_begun, work.most_at_once) == (2, 1)

    asyncio.run(scene())


def test_many_that_are_asked_for_and_cancelled_never_run_two_at_once() -> None:
    async def scene() -> None:
        one_by_one, work = OneByOne(), Work()
        asked = [asyncio.create_task(one_by_one.run(work)) for _ in range(6)]
        await _begun(work)
        for task in asked[:4]:
            task.cancel()
        await _turns()
        assert [task.done() for task in asked] == [False, True, True, True, False, False]
        work.may_end.set()
        await asyncio.wait(asked)
        assert [task.cancelled() for task in asked] == [True] * 4 + [False] * 2
        assert (work.n_begun, work.most_at_once) == (3, 1)

    asyncio.run(scene())


def test_what_goes_wrong_is_told_to_who_asked() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(OneByOne().run(lambda: 1 // 0))
