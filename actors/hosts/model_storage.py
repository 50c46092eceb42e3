"""ModelStorageActor over the models folder and the home of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ray

from actors.meters import STORAGE_METRICS, Meters
from actors.meters.ray_mirror import RayMirror
from actors.model_storage import ModelStorageActor
from actors.names import NAMESPACE, OPERATIONS
from ktrdr.settings import Settings

if TYPE_CHECKING:
    from ktrdr.storage import ModelVersion


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

    # Where this actor ends under an import, Ray does not begin that again: what is in the bundle may be why.
    @ray.method(max_task_retries=0)  # type: ignore[untyped-decorator]
    def import_bundle(self, path: Path) -> ModelVersion:
        """Save the model in a bundle, a file on this machine, as the next version of its name."""
        return super().import_bundle(path)
