"""The gateway of the HTTP service, over the actors as plain objects: routes are tested without Ray."""

from __future__ import annotations

from typing import Any

from actors.bars import BarsActor
from actors.gateway import Gateway
from cluster import NodeView
from ktrdr.data import BarStore
from ktrdr.settings import Settings
from ktrdr.storage import ModelStorage
from tests.fakes.house import House


class DirectGateway(Gateway):
    """Calls the objects of a `House`, a real model store and the bars of the settings' folders."""

    def __init__(self, settings: Settings, house: House) -> None:
        super().__init__(settings, house.environments)
        self._house, self._storage = house, ModelStorage(settings.models_dir)
        self._bars = BarsActor(BarStore(settings.data_roots))

    async def operations(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self._house.operations, method)(*args, **kwargs)

    async def models(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._storage, method)(*args, **kwargs)

    async def bars(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self._bars, method)(*args, **kwargs)

    async def alive(self) -> dict[str, bool]:
        return {"operations": True, "model_storage": True, "bars": True}

    async def all_nodes(self) -> tuple[NodeView, ...]:
        return self._house.view.nodes
