"""A training result, whole and valid, for tests that carry one about."""

from __future__ import annotations

from typing import Any

from ktrdr.results import TrainingResult

_ACCOUNT: dict[str, Any] = {
    "rows_loaded": 10, "rows_warmup": 1, "rows_unlabelled": 1, "rows_purged": 1, "rows_embargoed": 0,
    "rows_train": 4, "rows_validation": 1, "rows_test": 2,
}  # fmt: skip
_BASELINE = {"majority": 0.4, "last_sign": 0.3, "persistence": None}


def a_result(**changes: Any) -> TrainingResult:
    whole: dict[str, Any] = {
        "success": True,
        "model_path": None,
        "model_id": None,
        "training_metrics": {
            "epochs": [1], "train_loss": [1.0], "train_accuracy": [0.4], "val_loss": [1.1], "val_accuracy": [0.5],
            "learning_rate": [0.001], "final_train_loss": 1.0, "final_train_accuracy": 0.4, "final_val_loss": 1.1,
            "final_val_accuracy": 0.5, "best_epoch": 1, "best_val_loss": 1.1, "epochs_completed": 1,
            "early_stopped": False, "training_time_s": 0.1,
        },
        "test_metrics": {
            "loss": 1.0, "accuracy": 0.5, "balanced_accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1_score": 0.5,
            "mcc": 0.1, "per_class": {}, "confusion_matrix": [[1, 0], [1, 0]], "expected_calibration_error": 0.1,
            "baseline": _BASELINE, "confidence": {"threshold": 0.0, "coverage": 1.0, "accuracy": 0.5}, "returns": None,
            "verdict": "Accuracy 0.500 beats every baseline.",
        },
        "per_symbol_metrics": {},
        "feature_names": ["1d_rsi_low"],
        "feature_importance": {"1d_rsi_low": {"mean": 0.1, "std": 0.0}},
        "indicator_importance": {"rsi_14": {"mean": 0.1, "std": 0.0}},
        "label_distribution": {"BUY": 0.5, "SELL": 0.5},
        "fuzzy_coverage": {"1d_rsi": {"dead_zone": 0.0, "overlap": 0.5}},
        "data_summary": {
            **_ACCOUNT, "symbols": ["SP500"], "timeframes": ["1d"], "start_date": "2000-01-01",
            "end_date": "2001-01-01", "data_sha256": "00", "resampled": {},
        },
        "metadata": {
            "device": "cpu", "versions": {}, "seed": 1, "torch_threads": 1, "cpu_capability": "AVX2",
            "strategy_sha256": "00", "started_at": "2020-01-01T00:00:00Z", "ended_at": "2020-01-01T00:00:01Z",
            "duration_s": 1.0, "n_parameters": 10, "batch_size": 64,
        },
    }  # fmt: skip
    return TrainingResult.model_validate({**whole, **changes})
