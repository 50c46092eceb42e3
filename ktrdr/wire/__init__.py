"""The fields of requests and answers, shared by the client, the drivers and the service."""

from ktrdr.wire.answers import (
    ConfigChange,
    Links,
    MigratedStrategy,
    NewStrategy,
    ProblemDetails,
    TrainingConfig,
    TrainingStarted,
)
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
    "CancelRequest",
    "CheckRequest",
    "ConfigChange",
    "EnvironmentEntry",
    "EnvironmentList",
    "ExecutionMode",
    "Health",
    "Links",
    "MigrateRequest",
    "MigratedStrategy",
    "NewStrategy",
    "NewStrategyRequest",
    "NodeEntry",
    "OperationSummary",
    "OperationView",
    "Page",
    "PredictionAnswer",
    "PredictionRequest",
    "ProblemDetails",
    "Queue",
    "RetryRequest",
    "StrategyRequest",
    "TrainingConfig",
    "TrainingRequest",
    "TrainingStarted",
    "ValidateRequest",
]
