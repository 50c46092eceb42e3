"""Training: rows split, a network trained, judged and handed to the store.

Names are imported when first used: a plan needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ktrdr.training.artifact import ModelSaver
    from ktrdr.training.checkpoints import CheckpointPolicy, CheckpointStore
    from ktrdr.training.device import detect_device, resolve_device
    from ktrdr.training.executor import TrainingExecutor
    from ktrdr.training.learning.trainer import ModelTrainer
    from ktrdr.training.plan import TrainingPlan, plan_training

__all__ = [
    "CheckpointPolicy",
    "CheckpointStore",
    "ModelSaver",
    "ModelTrainer",
    "TrainingExecutor",
    "TrainingPlan",
    "detect_device",
    "plan_training",
    "resolve_device",
]

_MODULES = {
    "CheckpointPolicy": "checkpoints",
    "CheckpointStore": "checkpoints",
    "ModelSaver": "artifact",
    "ModelTrainer": "learning.trainer",
    "TrainingExecutor": "executor",
    "TrainingPlan": "plan",
    "detect_device": "device",
    "plan_training": "plan",
    "resolve_device": "device",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
