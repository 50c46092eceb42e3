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
from ktrdr.wire.operations import OperationSummary, OperationView, Page, Queue
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
    "NewStrategy",
    "NewStrategyRequest",
    "NodeEntry",
    "OperationSummary",
    "OperationView",
    "Page",
    "ProblemDetails",
    "Queue",
    "RetryRequest",
    "StrategyRequest",
    "TrainingConfig",
    "TrainingRequest",
    "TrainingReused",
    "TrainingStarted",
    "ValidateRequest",
]
