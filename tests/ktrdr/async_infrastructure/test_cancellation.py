from __future__ import annotations

import asyncio
import threading
import timeit

import pytest

from ktrdr.async_infrastructure import CancellationToken, ThreadCancellationToken, raise_if_cancelled
from ktrdr.errors import CancellationError


def test_a_fresh_token_is_not_cancelled() -> None:
    token: CancellationToken = ThreadCancellationToken()
    assert not token.is_cancelled()
    assert not token.is_cancelled_requested
    raise_if_cancelled(token)
    raise_if_cancelled(None)


def test_the_first_reason_is_kept() -> None:
    token = ThreadCancellationToken()
    token.cancel("wrong dates")
    token.cancel("impatience")
    assert token.is_cancelled() and token.is_cancelled_requested
    assert token.reason == "wrong dates"
    with pytest.raises(CancellationError, match="wrong dates"):
        raise_if_cancelled(token)


def test_of_many_threads_that_cancel_one_gives_the_reason() -> None:
    token = ThreadCancellationToken()
    barrier = threading.Barrier(8)

    def cancel(name: str) -> None:
        barrier.wait(timeout=5)
        token.cancel(name)

    threads = [threading.Thread(target=cancel, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=5)
    first = token.reason
    token.cancel("later")
    assert first in {str(i) for i in range(8)} and token.reason == first


def test_waiting_ends_when_another_thread_cancels() -> None:
    token = ThreadCancellationToken()

    async def wait() -> None:
        waiting = [asyncio.create_task(token.wait_for_cancellation()) for _ in range(3)]
        await asyncio.sleep(0)
        threading.Thread(target=token.cancel).start()
        await asyncio.wait_for(asyncio.gather(*waiting), timeout=5)
        await asyncio.wait_for(token.wait_for_cancellation(), timeout=5)  # at once

    asyncio.run(wait())
    assert token.reason == "Operation cancelled"


def test_a_waiter_that_gave_up_does_not_disturb_a_cancel() -> None:
    token = ThreadCancellationToken()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(token.wait_for_cancellation(), timeout=0.01)

    asyncio.run(give_up())
    token.cancel()
    assert token.is_cancelled()


def test_looking_costs_less_than_a_microsecond() -> None:
    token = ThreadCancellationToken()
    assert min(timeit.repeat(token.is_cancelled, number=10_000, repeat=5)) / 10_000 < 1e-6
