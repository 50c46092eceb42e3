"""ModelStorageActor over the models folder and the home of the settings."""

from __future__ import annotations

import ray

from actors.meters import STORAGE_METRICS, Meters
from actors.meters.ray_mirror import RayMirror
from actors.model_storage import ModelStorageActor
from actors.names import NAMESPACE, OPERATIONS
from ktrdr.settings import Settings


class HostedModelStorage(ModelStorageActor):
    """The actor `model_storage`."""

    def __init__(self, settings: Settings) -> None:
        # whoever asks Ray for this actor's handle imports this module: only the actor itself is to load torch
        from ktrdr.storage import ModelStorage  # noqa: PLC0415

        operations = ray.get_actor(OPERATIONS, namespace=NAMESPACE)
        super().__init__(
            ModelStorage(settings.models_dir),
            operations,
            settings.home / "checkpoints",
            meters=Meters(STORAGE_METRICS, [RayMirror(STORAGE_METRICS)]),
        )
