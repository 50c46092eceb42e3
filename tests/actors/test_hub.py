from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.hub import ProgressHub


def update(attempt: int, sequence: int, percentage: float = 0.0) -> dict[str, Any]:
    return {"attempt": attempt, "sequence": sequence, "percentage": percentage}


def test_an_older_update_that_arrives_late_is_dropped() -> None:
    hub = ProgressHub(lambda: 1)
    assert hub.publish_progress("a", update(1, 2))
    assert not hub.publish_progress("a", update(1, 1))
    assert hub.publish_progress("a", update(2, 1))
    assert not hub.publish_progress("a", update(1, 9))
    assert hub.progress("a") == update(2, 1)


def test_the_share_done_never_goes_back_over_attempts() -> None:
    hub = ProgressHub(lambda: 1)
    hub.publish_progress("a", update(1, 5, 58.3))
    hub.publish_progress("a", update(2, 1, 8.3))
    progress = hub.progress("a")
    assert progress is not None
    assert progress["percentage"] == 58.3


def test_ids_rise_within_an_operation_and_over_a_restart() -> None:
    before = ProgressHub(lambda: 1_000)
    for sequence in range(1, 4):
        before.publish_progress("a", update(1, sequence))
    last = before.newer("a", 0)[-1].id
    after = ProgressHub(lambda: 1_500)  # half a second later
    after.publish_state("a", {"status": "running"})
    assert after.newer("a", last)[0].id > last


def test_a_reader_gets_the_latest_of_each_kind_and_nothing_twice() -> None:
    hub = ProgressHub(lambda: 1)
    for sequence in range(1, 100):
        hub.publish_progress("a", update(1, sequence))
    hub.publish_state("a", {"status": "running"})
    events = hub.newer("a", 0)
    assert [event.event for event in events] == ["progress", "state"]
    assert events[0].payload["sequence"] == 99
    assert hub.newer("a", events[-1].id) == []


def test_an_id_from_the_future_counts_as_the_latest() -> None:
    hub = ProgressHub(lambda: 1)
    hub.publish_progress("a", update(1, 1))
    assert hub.newer("a", 10**9) == []


def test_a_reader_with_an_id_from_the_future_gets_the_next_event() -> None:
    async def scene() -> None:
        hub = ProgressHub(lambda: 1)
        hub.publish_progress("a", update(1, 1))
        waiting = asyncio.create_task(hub.wait("a", 10**15, timeout_s=30.0))
        await asyncio.sleep(0)
        hub.publish_progress("a", update(1, 2))
        [event] = await waiting
        assert event.payload["sequence"] == 2

    asyncio.run(scene())


def test_an_operation_that_is_forgotten_leaves_nothing() -> None:
    hub = ProgressHub(lambda: 1)
    hub.publish_progress("a", update(1, 1))
    hub.forget("a")
    assert hub.progress("a") is None
    assert hub.newer("a", 0) == []


def test_a_waiting_reader_is_woken_by_the_next_event() -> None:
    async def scene() -> None:
        hub = ProgressHub(lambda: 1)
        waiting = asyncio.create_task(hub.wait("a", 0, timeout_s=30.0))
        await asyncio.sleep(0)
        hub.publish_progress("a", update(1, 1))
        [event] = await waiting
        assert event.payload["sequence"] == 1
        assert await hub.wait("a", event.id, timeout_s=0.0) == []

    asyncio.run(scene())


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 20)), max_size=40))
def test_whatever_the_order_of_arrival_the_newest_stands(arrivals: list[tuple[int, int]]) -> None:
    hub = ProgressHub(lambda: 1)
    for attempt, sequence in arrivals:
        hub.publish_progress("a", update(attempt, sequence))
    progress = hub.progress("a")
    assert (progress and (progress["attempt"], progress["sequence"])) == (max(arrivals) if arrivals else None)
