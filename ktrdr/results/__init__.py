"""The typed result of a training: what training makes, storage keeps and operations report."""

from ktrdr.results.training import (
    Baseline,
    ClassMetrics,
    DataSummary,
    RowAccount,
    SymbolMetrics,
    TestMetrics,
    TrainingHistory,
    TrainingMetadata,
    TrainingResult,
)

__all__ = [
    "Baseline",
    "ClassMetrics",
    "DataSummary",
    "RowAccount",
    "SymbolMetrics",
    "TestMetrics",
    "TrainingHistory",
    "TrainingMetadata",
    "TrainingResult",
]
