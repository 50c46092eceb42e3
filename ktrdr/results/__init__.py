"""The typed result of a training: what training makes, storage keeps and operations report."""

from ktrdr.results.training import (
    Baseline,
    ClassMetrics,
    Confidence,
    DataSummary,
    FeatureImportance,
    ReturnMetrics,
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
    "Confidence",
    "DataSummary",
    "FeatureImportance",
    "ReturnMetrics",
    "RowAccount",
    "SymbolMetrics",
    "TestMetrics",
    "TrainingHistory",
    "TrainingMetadata",
    "TrainingResult",
]
