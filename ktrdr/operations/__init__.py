"""The life of an operation, and the book that keeps them all."""

from ktrdr.operations.book import OperationBook
from ktrdr.operations.identifiers import is_operation_id, new_operation_id, utc_now
from ktrdr.operations.operation import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    UNDER_WAY,
    Execution,
    KeptArtifact,
    Operation,
    OperationError,
    OperationStatus,
    moment_of,
    utc_text,
)
from ktrdr.operations.paging import Page
from ktrdr.operations.store import OperationStore

__all__ = [
    "ACTIVE",
    "TERMINAL",
    "TRANSITIONS",
    "UNDER_WAY",
    "Execution",
    "KeptArtifact",
    "Operation",
    "OperationBook",
    "OperationError",
    "OperationStatus",
    "OperationStore",
    "Page",
    "is_operation_id",
    "moment_of",
    "new_operation_id",
    "utc_now",
    "utc_text",
]
