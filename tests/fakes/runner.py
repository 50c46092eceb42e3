"""A runner whose attempts end when the test says so, and a node to run on."""

from __future__ import annotations

import asyncio

from actors.runners import Claim
from cluster import NodeView
from ktrdr.results import TrainingResult
from tests.fakes.results import a_result

LOCAL_NODE = NodeView("node-1", "127.0.0.1", "cpu-docker", "cpu", slots=2)


class FakeRunner:
    """Every attempt is kept in `claims`; it lasts until `finish` or `break_off` ends it.

    Where it `is_cut_off` a kill never comes through.
    """

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.stopped_by_force: list[str] = []
        self.let_go_of: list[tuple[str, str]] = []
        self.is_cut_off = False
        self._ends: dict[str, asyncio.Future[TrainingResult]] = {}

    async def run(self, claim: Claim) -> TrainingResult:
        self.claims.append(claim)
        end: asyncio.Future[TrainingResult] = asyncio.get_running_loop().create_future()
        self._ends[claim.operation_id] = end
        return await end

    async def force_stop(self, claim: Claim) -> None:
        self.stopped_by_force.append(claim.operation_id)
        if self.is_cut_off:
            await asyncio.Event().wait()

    async def let_go(self, operation_id: str, node_id: str) -> None:
        self.let_go_of.append((operation_id, node_id))

    def finish(self, operation_id: str) -> None:
        self._ends.pop(operation_id).set_result(a_result(model_id=f"{operation_id}/m_v1"))

    def break_off(self, operation_id: str, error: Exception) -> None:
        self._ends.pop(operation_id).set_exception(error)
