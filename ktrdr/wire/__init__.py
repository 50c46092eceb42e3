"""The fields of requests and answers, shared by the client, the drivers and the service."""

from ktrdr.wire.answers import ConfigChange, Health, Links, ProblemDetails, TrainingConfig, TrainingStarted
from ktrdr.wire.operations import OperationSummary, OperationView, Page, Queue
from ktrdr.wire.requests import CancelRequest, ExecutionMode, TrainingRequest, ValidateRequest

__all__ = [
    "CancelRequest",
    "ConfigChange",
    "ExecutionMode",
    "Health",
    "Links",
    "OperationSummary",
    "OperationView",
    "Page",
    "ProblemDetails",
    "Queue",
    "TrainingConfig",
    "TrainingRequest",
    "TrainingStarted",
    "ValidateRequest",
]
