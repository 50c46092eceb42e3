"""The actors of the service as plain objects in one process: real book, admission, bars and strategies; no Ray."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

from actors.admission import Admission
from actors.dispatcher import EnvironmentDispatcher
from actors.meters import OperationMeters
from actors.operation_logs import OperationLogs
from actors.operations import OperationsActor
from cluster import ENVIRONMENTS, ClusterView, Environments, ExecutionModeSelector
from ktrdr.data import BarStore, DataManager
from ktrdr.errors import InfrastructureError
from ktrdr.operations import OperationBook, OperationStore, utc_now
from ktrdr.results import TrainingResult
from ktrdr.storage import Encoding
from ktrdr.strategy import StrategyLibrary
from ktrdr.training import CheckpointPolicy
from tests.fakes.runner import LOCAL_NODE, FakeRunner

ROOT = Path(__file__).parents[2]


class House:
    """Nodes are in `view`; `committed` is what the model store has, by operation; `forgotten`: whose checkpoints.

    `trained` is the model that each training made, by `training_sha256`.
    """

    def __init__(
        self,
        folder: Path,
        configured_mode: str | None = None,
        checkpoint_policy: CheckpointPolicy | None = None,
        artifact_encoding: Encoding = Encoding.GZIP,
        environments: Environments = ENVIRONMENTS,
        clock: Callable[[], datetime] = utc_now,
        meters: OperationMeters | None = None,
    ) -> None:
        self.environments = environments
        self.view = ClusterView((LOCAL_NODE,))
        self.committed: dict[str, TrainingResult] = {}
        self.forgotten: list[str] = []
        self.trained: dict[str, dict[str, Any]] = {}
        self.asked_of_registry: list[tuple[Any, ...]] = []
        self.registry_is_away = False
        self.runner = FakeRunner()
        self.book = OperationBook(OperationStore(f"sqlite:///{folder / 'operations.db'}"), clock)
        bars = DataManager(BarStore([ROOT / "data"]))
        self.operations = OperationsActor(
            book=self.book,
            admission=Admission(
                StrategyLibrary([ROOT / "strategies"]),
                bars,
                lambda: self.view,
                self._identical,
                ExecutionModeSelector(environments),
            ),
            logs=OperationLogs(folder / "logs"),
            view=lambda: self.view,
            environments=environments,
            configured_mode=configured_mode,
            checkpoint_policy=checkpoint_policy,
            artifact_encoding=artifact_encoding,
            clock=clock,
            meters=meters,
        )

    def _identical(self, *asked: Any) -> dict[str, Any] | None:
        self.asked_of_registry.append(asked)
        if self.registry_is_away:
            raise InfrastructureError("The store of models does not answer.")
        return self.trained.get(asked[-1])

    async def begun(self, **asked: Any) -> str:
        """Return an operation, of the strategy `minimal`, whose attempt is the first that its dispatcher has begun."""
        operation_id = await self.operations.submit({"strategy_name": "minimal", **asked})
        await until(lambda: len(self.runner.claims) == 1)
        return operation_id

    def dispatcher(self, environment: str = "cpu-docker", cancel_grace_s: float = 0.05) -> EnvironmentDispatcher:
        return EnvironmentDispatcher(
            environment,
            self.operations,
            self.runner,
            lambda: self.view,
            self.committed.get,
            self.forgotten.append,
            cancel_grace_s,
        )


def run(scene: Callable[[], Coroutine[Any, Any, None]], timeout_s: float = 120.0) -> None:
    """Play a scene to its end, within a bound, and stop what it left running."""
    asyncio.run(asyncio.wait_for(scene(), timeout_s))


async def until(is_so: Callable[[], bool | Awaitable[bool]]) -> None:
    """Give way to the others until it is so; the scene's own bound ends it otherwise."""
    while True:
        answer = is_so()
        if answer if isinstance(answer, bool) else await answer:
            return
        await asyncio.sleep(0.002)
