"""Operations that wait for a node: pending with a reason and a deadline, placed when one comes, failed if none does."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import ClusterView, NodeView
from cluster.environments import ENVIRONMENTS, Environments
from ktrdr.errors import ExecutionModeError
from tests.fakes.house import House, run
from tests.ktrdr.operations.builders import Clock

GPU = {"strategy_name": "minimal", "require_gpu": True}
MAC = NodeView("mac-1", "a", "mps-mac", "mps", slots=1)
CARD = NodeView("card-1", "a", "cuda-cloud", "cuda", slots=1)


def test_without_a_place_and_without_waiting_it_is_refused(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        with pytest.raises(ExecutionModeError):
            await house.operations.submit(GPU)
        assert (await house.operations.page()).total_count == 0

    run(scene)


def test_one_that_may_wait_is_pending_and_says_for_what_and_how_long(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        house = House(tmp_path, clock=clock)
        started = await house.operations.start({**GPU, "wait_for_node_s": 60})
        assert (started.status, started.environment) == ("pending", "mps-mac")
        clock.advance(seconds=20)
        await house.operations.waiting_room.look()
        operation = await house.operations.get(started.operation_id)
        assert operation.status == "pending"
        assert "mps-mac" in operation.status_reason
        assert operation.status_reason.endswith("It waits 40 s more for one.")

    run(scene)


def test_it_goes_to_the_node_that_joins_first_and_starts(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        operation_id = await house.operations.submit({**GPU, "wait_for_node_s": 60})
        house.view = ClusterView((*house.view.nodes, CARD))
        await house.operations.waiting_room.look()
        operation = await house.operations.get(operation_id)
        assert operation.execution["environment"] == "cuda-cloud"
        assert operation.execution["mode"] == "cloud"
        claim = await house.operations.claim("cuda-cloud", "d-1")
        assert claim is not None and claim.operation_id == operation_id

    run(scene)


def test_its_time_over_it_fails_with_kind_timeout_and_the_reason(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        house = House(tmp_path, clock=clock)
        operation_id = await house.operations.submit({**GPU, "wait_for_node_s": 60})
        clock.advance(seconds=61)
        await house.operations.waiting_room.look()
        operation = await house.operations.get(operation_id)
        assert operation.status == "failed"
        assert operation.error is not None and operation.error["kind"] == "timeout"
        assert "It waited 61 s for one." in operation.status_reason
        house.view = ClusterView((*house.view.nodes, MAC))
        assert await house.operations.claim("mps-mac", "d-1") is None

    run(scene)


def test_a_queue_with_a_longest_wait_ends_what_waited_longer(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        impatient = Environments((ENVIRONMENTS.named("cpu-docker").model_copy(update={"max_queue_s": 30.0}),))
        house = House(tmp_path, clock=clock, environments=impatient)
        first, second = [await house.operations.submit({"strategy_name": "minimal"}) for _ in range(2)]
        await house.operations.claim("cpu-docker", "d-1")
        clock.advance(seconds=30)
        await house.operations.waiting_room.look()
        assert (await house.operations.get(first)).status == "running"
        ended = await house.operations.get(second)
        assert ended.status == "failed"
        assert ended.error is not None and ended.error["kind"] == "timeout"

    run(scene)


def test_what_is_tried_again_or_was_cancelled_is_no_longer_the_rooms_business(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = Clock()
        house = House(tmp_path, clock=clock)
        house.view = ClusterView((*house.view.nodes, MAC))
        tried, cancelled = [await house.operations.submit({**GPU, "wait_for_node_s": 5}) for _ in range(2)]
        await house.operations.claim("mps-mac", "d-1")
        await house.operations.requeue(tried, 1, "The node left.")
        await house.operations.cancel(cancelled)
        house.view = ClusterView(house.view.nodes[:1])
        clock.advance(seconds=100)
        await house.operations.waiting_room.look()
        assert (await house.operations.get(tried)).status == "pending"
        assert (await house.operations.get(cancelled)).status == "cancelled"

    run(scene)
