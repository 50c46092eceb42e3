"""Trained models: what a training hands over, how it travels, and the versioned store that keeps it.

Names that need torch are imported when first used, so that a process that only passes artifacts on never loads it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ktrdr.storage.aliases import AliasEntry
from ktrdr.storage.annotations import Annotation, AnnotationChange
from ktrdr.storage.artifact import ModelArtifact, WeightsFile
from ktrdr.storage.checkpoints import FileCheckpointStore
from ktrdr.storage.encodings import Blob, Encoding, view_of
from ktrdr.storage.filtering import METRIC_NAMES, ModelFilter
from ktrdr.storage.names import check_strategy_name, model_name, parse_version
from ktrdr.storage.packing import MAX_PACKED_SIZE, MAX_RAW_SIZE, PackedArtifact, pack
from ktrdr.storage.pages import ModelPage
from ktrdr.storage.retention import Deleted, Kept, Pruned
from ktrdr.storage.spool import Spool
from ktrdr.storage.unpacking import ReceivedArtifact, unpack
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
    "Blob",
    "Deleted",
    "Encoding",
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
    "ReceivedArtifact",
    "Spool",
    "WeightsFile",
    "check_strategy_name",
    "model_name",
    "pack",
    "parse_version",
    "unpack",
    "view_of",
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
