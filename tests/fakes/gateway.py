"""The gateway of the HTTP service, over the actors as plain objects: routes are tested without Ray."""

from __future__ import annotations

from typing import Any

from ray.exceptions import ActorUnavailableError

from actors.bars import BarsActor
from actors.gateway import Gateway
from actors.model_storage import ModelStorageActor
from actors.names import MODEL_STORAGE, OPERATIONS
from actors.parts import ReadPart
from cluster import NodeView
from ktrdr.data import BarStore
from ktrdr.settings import Settings
from ktrdr.storage import ModelStorage, Spool
from tests.fakes.house import House

PART_SIZE = 100
"""Small, so that a small artifact has several."""


class DirectGateway(Gateway):
    """Calls a `House`, a real model store and the bars of the settings' folders; not those that are `away`."""

    def __init__(self, settings: Settings, house: House) -> None:
        super().__init__(settings, house.environments)
        self.away: set[str] = set()
        self._house, self._storage = house, ModelStorage(settings.models_dir)
        self._spool = Spool(settings.home / "spool")
        self._bars = BarsActor(BarStore(settings.data_roots))
        self._model_storage = ModelStorageActor(ModelStorage(settings.models_dir), None, settings.home / "checkpoints")

    async def operations(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self._house.operations, method)(*args, **kwargs)

    async def models(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._model_storage, method)(*args, **kwargs)

    async def bars(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._bars, method)(*args, **kwargs)

    def _parts_on(self, node_id: str, operation_id: str, sha256: str) -> ReadPart:
        async def read(offset: int) -> bytes:
            return self._spool.part(operation_id, sha256, offset, PART_SIZE)

        return read

    async def alive(self) -> dict[str, bool]:
        return {name: name not in self.away for name in ("operations", "model_storage", "bars")}

    async def all_nodes(self) -> tuple[NodeView, ...]:
        return self._house.view.nodes

    async def _once(self, name: str, method: str, *args: Any, **kwargs: Any) -> Any:
        if name in self.away:
            raise ActorUnavailableError(f"{name} restarts", None)
        if name == MODEL_STORAGE:
            return getattr(self._model_storage, method)(*args, **kwargs)
        return await getattr({OPERATIONS: self._house.operations}[name], method)(*args, **kwargs)
