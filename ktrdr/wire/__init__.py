"""The fields of requests and answers, shared by the client, the drivers and the service."""

from ktrdr.wire.answers import (
    SHA256_HEADER,
    ConfigChange,
    IdenticalModel,
    Links,
    MigratedStrategy,
    NewStrategy,
    ProblemDetails,
    TrainingConfig,
    TrainingReused,
    TrainingStarted,
)
from ktrdr.wire.bundles import ImportedModel
from ktrdr.wire.models import AliasRequest, AnnotationRequest, ModelQuery, PruneRequest
from ktrdr.wire.operations import OperationSummary, OperationView, Page, Queue
from ktrdr.wire.predictions import PredictionAnswer, PredictionRequest
from ktrdr.wire.requests import (
    CancelRequest,
    CheckRequest,
    ExecutionMode,
    MigrateRequest,
    NewStrategyRequest,
    RetryRequest,
    StrategyRequest,
    TrainingRequest,
    ValidateRequest,
)
from ktrdr.wire.system import EnvironmentEntry, EnvironmentList, Health, NodeEntry

__all__ = [
    "SHA256_HEADER",
    "AliasRequest",
    "AnnotationRequest",
    "CancelRequest",
    "CheckRequest",
    "ConfigChange",
    "EnvironmentEntry",
    "EnvironmentList",
    "ExecutionMode",
    "Health",
    "IdenticalModel",
    "ImportedModel",
    "Links",
    "MigrateRequest",
    "MigratedStrategy",
    "ModelQuery",
    "NewStrategy",
    "NewStrategyRequest",
    "NodeEntry",
    "OperationSummary",
    "OperationView",
    "Page",
    "PredictionAnswer",
    "PredictionRequest",
    "ProblemDetails",
    "PruneRequest",
    "Queue",
    "RetryRequest",
    "StrategyRequest",
    "TrainingConfig",
    "TrainingRequest",
    "TrainingReused",
    "TrainingStarted",
    "ValidateRequest",
]
