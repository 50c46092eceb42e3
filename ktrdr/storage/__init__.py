"""Trained models: what a training hands over, how it travels, and the versioned store that keeps it.

Names that need torch are imported when first used, so that a process that only passes artifacts on never loads it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ktrdr.storage.aliases import AliasEntry
from ktrdr.storage.annotations import Annotation, AnnotationChange
from ktrdr.storage.artifact import (
    MAX_PACKED_SIZE,
    MAX_RAW_SIZE,
    ModelArtifact,
    PackedArtifact,
    pack,
    raw_size_of,
    unpack,
)
from ktrdr.storage.checkpoints import FileCheckpointStore
from ktrdr.storage.filtering import METRIC_NAMES, ModelFilter
from ktrdr.storage.names import check_strategy_name, model_name, parse_version
from ktrdr.storage.pages import ModelPage
from ktrdr.storage.retention import Deleted, Kept, Pruned
from ktrdr.storage.versions import ModelVersion

if TYPE_CHECKING:
    from ktrdr.storage.loaded import LoadedModel
    from ktrdr.storage.store import ModelStorage
    from ktrdr.storage.weights import weights_of

__all__ = [
    "MAX_PACKED_SIZE",
    "MAX_RAW_SIZE",
    "METRIC_NAMES",
    "AliasEntry",
    "Annotation",
    "AnnotationChange",
    "Deleted",
    "FileCheckpointStore",
    "Kept",
    "LoadedModel",
    "ModelArtifact",
    "ModelFilter",
    "ModelPage",
    "ModelStorage",
    "ModelVersion",
    "PackedArtifact",
    "Pruned",
    "check_strategy_name",
    "model_name",
    "pack",
    "parse_version",
    "raw_size_of",
    "unpack",
    "weights_of",
]

_NEED_TORCH = {
    "LoadedModel": "ktrdr.storage.loaded",
    "ModelStorage": "ktrdr.storage.store",
    "weights_of": "ktrdr.storage.weights",
}


def __getattr__(name: str) -> Any:
    if name in _NEED_TORCH:
        return getattr(importlib.import_module(_NEED_TORCH[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
