"""What the HTTP service asks of the actors: the same calls, awaited, with our own errors."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
import ray.exceptions as ray_errors
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from actors.admission import source_of
from actors.artifact_parts import parts_on
from actors.hub import END, Event
from actors.meters import SERVICE_METRICS, Meters
from actors.meters.declared import ACTOR_UP
from actors.names import BARS, MODEL_STORAGE, NAMESPACE, OPERATIONS, dispatcher_name
from actors.outcome import first_line
from actors.own_errors import own_errors
from actors.parts import ReadPart, parts_of
from actors.strategy_catalog import StrategyCatalog
from cluster.environments import Environments
from cluster.node_table import read_nodes
from cluster.view import ClusterView, NodeView
from ktrdr.errors import (
    ArtifactAway,
    ImportCutShort,
    InfrastructureError,
    StrategyError,
    UnknownArtifact,
    UnknownModel,
)
from ktrdr.exchange import BundleOffer
from ktrdr.operations import KeptArtifact, new_operation_id
from ktrdr.settings import Settings
from ktrdr.storage import Deleted
from ktrdr.strategy import StrategyLibrary, validate_strategy
from ktrdr.wire import TrainingRequest, TrainingReused, TrainingStarted

if TYPE_CHECKING:
    from ktrdr.storage import ModelVersion

log = logging.getLogger("ktrdr.gateway")

_AWAY_S = 10.0
"""An actor that restarts is back in about a second; after this its absence is reported."""

PING_TIMEOUT_S = 2.0
SCRAPE_TIMEOUT_S = 5.0
"""Prometheus itself waits 10 s, unless told otherwise."""

__all__ = ["END", "Event", "Gateway"]


class Gateway:
    """Calls named actors; waits out their restarts."""

    def __init__(self, settings: Settings, environments: Environments) -> None:
        self._catalog = StrategyCatalog(StrategyLibrary(settings.strategy_roots))
        self._environments = environments

    async def operations(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call `method` of the OperationsActor."""
        return await self._call(OPERATIONS, method, *args, **kwargs)

    async def models(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call `method` of the ModelStorageActor."""
        return await self._call(MODEL_STORAGE, method, *args, **kwargs)

    async def delete_model(self, strategy: str, name: str) -> Deleted:
        """Delete one version, and the same one however often the call is repeated on its way.

        Raises
        ------
        UnknownModel
            If there was none of that name.
        ModelInUse
            If an alias names it.
        """
        version: str = await self.models("name_of", strategy, name)
        try:
            deleted: Deleted = await self.models("delete_model", strategy, version)
        except UnknownModel:  # it was there a moment ago: a repeat of this very call, or somebody else's
            return Deleted(f"{strategy}/{version}", await self.models("latest_of", strategy, version))
        return deleted

    async def bars(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call `method` of the BarsActor."""
        return await self._call(BARS, method, *args, **kwargs)

    async def strategies(self) -> list[dict[str, Any]]:
        """Return an entry for each strategy."""
        return await asyncio.to_thread(self._catalog.entries, *await self._known_of_strategies())

    async def strategy(self, name: str) -> dict[str, Any]:
        """Return one strategy's entry, document and features."""
        return await asyncio.to_thread(self._catalog.entry, name, *await self._known_of_strategies())

    async def validate(self, source: str | Mapping[str, Any]) -> dict[str, Any]:
        """Judge a strategy without training it."""
        try:
            judged = await asyncio.to_thread(validate_strategy, source_of(source))
        except StrategyError as error:  # no YAML at all: then there is no document to judge
            return {"valid": False, "errors": [problem.as_dict() for problem in error.problems], "notes": []}
        return {
            "valid": judged.valid,
            "errors": [problem.as_dict() for problem in judged.problems],
            "notes": list(judged.notes),
        }

    async def start(self, request: TrainingRequest, idempotency_key: str | None) -> TrainingStarted | TrainingReused:
        """Start a training. Its id is minted here where the client minted none: a call that Ray repeats makes one."""
        if request.operation_id is None:
            request = request.model_copy(update={"operation_id": new_operation_id()})
        started: TrainingStarted | TrainingReused = await self.operations("start", request, idempotency_key)
        return started

    async def retry(self, operation_id: str, retry_id: str | None) -> TrainingStarted:
        """Start what an ended operation asked for again; its id is minted here as that of a start."""
        started: TrainingStarted = await self.operations("retry", operation_id, retry_id or new_operation_id())
        return started

    async def artifact(self, operation_id: str) -> tuple[KeptArtifact, AsyncIterator[bytes]]:
        """Return what a failed hand-over left, and its bytes as its node gives them.

        Raises
        ------
        UnknownArtifact
            If nothing is kept.
        ArtifactAway
            If its node is not there.
        """
        operation = await self.operations("get", operation_id)
        if operation.artifact is None:
            raise UnknownArtifact(operation_id)
        kept = KeptArtifact.model_validate(operation.artifact)
        there = ClusterView(tuple(node for node in await self.all_nodes() if node.alive))
        node = there.again(kept.node, kept.address, operation.execution["environment"])
        if node is None:
            raise ArtifactAway(operation_id, kept.node, kept.address, kept.path)
        return kept, await parts_of(self._parts_on(node.node_id, operation_id, kept.sha256), kept.size)

    async def bundle(self, strategy: str, name: str) -> tuple[BundleOffer, AsyncIterator[bytes]]:
        """Return which version is offered as a bundle, and the bundle's bytes as they are read."""
        offer: BundleOffer = await self.models("offer_bundle", strategy, name)
        return offer, await parts_of(functools.partial(self.models, "bundle_part", offer), offer.size)

    async def import_bundle(self, path: Path) -> ModelVersion:
        """Save the model in a bundle, a file on this machine, as the next version of its name.

        Asked for once, of an actor that answers: one that ends over a bundle would end again as often as it is back.

        Raises
        ------
        ImportCutShort
            If the actor went away meanwhile.
        InfrastructureError
            If it is not there.
        """
        await self.models("ping")
        try:
            with own_errors():
                version: ModelVersion = await self._once(MODEL_STORAGE, "import_bundle", path)
        except ray_errors.RayTaskError:
            raise
        except ray_errors.RayError as error:
            raise ImportCutShort(MODEL_STORAGE, type(error).__name__) from error
        return version

    async def alive(self) -> dict[str, bool]:
        """Say of each actor whether it answers, and of each dispatcher whether it dispatches."""
        names = (OPERATIONS, MODEL_STORAGE, BARS, *map(dispatcher_name, self._environments.names))
        return dict(zip(names, await asyncio.gather(*map(self._answers, names)), strict=True))

    async def exposition(self) -> str:
        """Return the metrics of every actor that answers, and which do, in Prometheus' text format."""
        up, operations, models = await asyncio.gather(
            self.alive(), self._exposition_of(OPERATIONS), self._exposition_of(MODEL_STORAGE)
        )
        up |= {OPERATIONS: operations is not None, MODEL_STORAGE: models is not None}
        meters = Meters(SERVICE_METRICS)
        meters.show(ACTOR_UP, {(name,): float(is_up) for name, is_up in up.items()})
        return meters.text() + (operations or "") + (models or "")

    async def nodes(self) -> dict[str, int]:
        """Return how many live nodes each environment has."""
        view = ClusterView(tuple(node for node in await self.all_nodes() if node.alive))
        return {name: len(view.of(name)) for name in self._environments.names}

    async def all_nodes(self) -> tuple[NodeView, ...]:
        """Return every node that the cluster remembers."""
        return await asyncio.to_thread(read_nodes)

    def _parts_on(self, node_id: str, operation_id: str, sha256: str) -> ReadPart:
        return parts_on(node_id, operation_id, sha256)

    async def _known_of_strategies(self) -> tuple[Any, Any]:
        return await self.operations("newest_of_each_strategy"), await self.models("list_models")

    async def _answers(self, name: str) -> bool:
        return await self._at_once(name, "ping", PING_TIMEOUT_S) is not None

    async def _exposition_of(self, name: str) -> str | None:
        text: str | None = await self._at_once(name, "exposition", SCRAPE_TIMEOUT_S)
        return text

    async def _at_once(self, name: str, method: str, timeout_s: float) -> Any:
        """Return the actor's answer, or None: one that is away is not waited for."""
        try:
            return await asyncio.wait_for(self._once(name, method), timeout_s)
        except (ray_errors.RayError, ValueError, TimeoutError) as error:
            log.warning("%s did not answer to %s: %s", name, method, first_line(error))
            return None

    async def _call(self, name: str, method: str, *args: Any, **kwargs: Any) -> Any:
        away = (ray_errors.ActorUnavailableError, ray_errors.ActorDiedError)
        tries = AsyncRetrying(
            retry=retry_if_exception_type(away), wait=wait_fixed(0.2), stop=stop_after_delay(_AWAY_S), reraise=True
        )
        try:
            with own_errors():
                return await tries(self._once, name, method, *args, **kwargs)
        except ray_errors.RayTaskError:
            raise
        except ray_errors.RayError as error:
            raise InfrastructureError(
                f"The service's {name} actor does not answer ({type(error).__name__})."
            ) from error

    async def _once(self, name: str, method: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(_actor(name), method).remote(*args, **kwargs)


_actor = functools.partial(ray.get_actor, namespace=NAMESPACE)
