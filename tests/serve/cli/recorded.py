"""Answers and events of a service, as they came over the wire."""

from __future__ import annotations

from typing import Any

from ktrdr.client import ServiceEvent

OPERATION_ID = "train-01jdj5x0aa7k2m9q4w"
MODEL_ID = "sp500_daily/SP500_1d_v3"
VERDICT = "The model is better than the majority class by 1.2 points and worse than persistence."

STARTED = {
    "success": True,
    "operation_id": OPERATION_ID,
    "status": "pending",
    "execution_mode": "local",
    "environment": "cpu-docker",
    "reason": "local was asked for, and 1 node is there.",
    "fallback": False,
    "message": "accepted",
    "links": {},
}
TEST_METRICS = {
    "loss": 1.0421,
    "accuracy": 0.5234,
    "balanced_accuracy": 0.4111,
    "precision": 0.4,
    "recall": 0.4,
    "f1_score": 0.4022,
    "mcc": 0.0876,
    "baseline": {"majority": 0.5111, "last_sign": 0.4999, "persistence": None},
    "returns": None,
    "verdict": VERDICT,
}
RETURNS = {
    "mae": 0.0158,
    "rmse": 0.0211,
    "directional_accuracy": 0.5301,
    "information_coefficient": None,
    "mae_of_zero": 0.0162,
    "mae_of_training_mean": 0.0159,
}
RESULT = {
    "training_metrics": {
        "epochs_completed": 3,
        "best_epoch": 2,
        "early_stopped": True,
        "train_loss": [0.9, 0.8, 0.7],
        "train_accuracy": [0.4, 0.5, 0.6],
        "val_loss": [1.2, 1.0, 1.1],
        "val_accuracy": [0.41, 0.52, 0.5],
    },
    "model_id": MODEL_ID,
    "model_path": "models/sp500_daily/SP500_1d_v3",
    "test_metrics": TEST_METRICS,
    "data_summary": {"rows_test": 714},
}


def operation(status: str, **changes: Any) -> dict[str, Any]:
    """Return the view of an operation in `status`."""
    result = RESULT if status == "completed" else None
    error = None
    if status == "failed":
        problem = {
            "path": "training.labels",
            "message": "All 600 training labels are flat: there is nothing to learn.",
            "suggestion": "Widen the date range.",
        }
        error = {
            "kind": "data",
            "message": problem["message"],
            "problems": [problem],
            "step": 5,
            "traceback": "Traceback",
        }
    return {
        "operation_id": OPERATION_ID,
        "status": status,
        "status_reason": f"{status.capitalize()}. See it with `ktrdr operations show {OPERATION_ID}`.",
        "strategy_name": "sp500_daily",
        "created_at": "2025-11-25T20:00:00.123Z",
        "started_at": "2025-11-25T20:00:01.000Z",
        "completed_at": None,
        "attempt": 1,
        "max_attempts": 3,
        "unreachable_since": None,
        "ran_s": 0.0,
        "cost": None,
        "parent_operation_id": None,
        "resumable": False,
        "request": {"strategy_name": "sp500_daily"},
        "execution": {
            "requested_mode": "auto",
            "mode": "local",
            "environment": "cpu-docker",
            "node": "head",
            "device": "cpu",
            "fallback": False,
            "reason": "local",
        },
        "queue": None,
        "progress": None,
        "metrics": None,
        "result": result,
        "error": error,
        "artifact": None,
        **changes,
    }


def untaken(**changes: Any) -> dict[str, Any]:
    """Return the view of an operation whose model was trained and could not be stored."""
    path = f"/srv/.ktrdr/spool/{OPERATION_ID}.artifact"
    problem = {
        "path": "",
        "message": f"The trained model could not be stored: the disk is full. It is kept on node 5fae8d1c as {path}.",
        "suggestion": f"Hand it over again with `ktrdr operations retry-transfer {OPERATION_ID}`.",
    }
    error = {"kind": "result_transfer", "message": problem["message"], "problems": [problem], "step": 10}
    artifact = {"node": "5fae8d1c" * 7, "address": "10.0.0.7", "path": path, "sha256": "ab" * 32, "size": 21_483}
    return operation("failed", error={**error, "traceback": None}, artifact=artifact, **changes)


def progress(step: int, message: str, *, attempt: int = 1, **context: Any) -> dict[str, Any]:
    """Return a progress payload."""
    keys = (
        "epoch",
        "total_epochs",
        "train_loss",
        "train_accuracy",
        "val_loss",
        "val_accuracy",
        "batch",
        "total_batches",
    )
    epoch = context.get("epoch")
    return {
        "operation_id": OPERATION_ID,
        "attempt": attempt,
        "sequence": 1,
        "current_step": step,
        "total_steps": 12,
        "percentage": round(step / 12 * 100, 1),
        "step_percentage": 0.0,
        "batch_percentage": 100.0
        if epoch and not context.get("batch")
        else (context.get("batch", 0) if epoch else None),
        "message": message,
        "eta_s": 80.0 if epoch else None,
        "context": {**dict.fromkeys((*keys, "batch_loss", "batch_accuracy")), **context},
    }


def epoch_of(number: int, total: int, attempt: int = 1) -> dict[str, Any]:
    """Return the progress at an epoch's end."""
    return progress(
        7,
        f"Training neural network model - Epoch {number}/{total}",
        attempt=attempt,
        epoch=number,
        total_epochs=total,
        train_loss=1.0 / number,
        train_accuracy=0.5,
        val_loss=1.1,
        val_accuracy=0.48,
    )


def events_of(*payloads: dict[str, Any], end: dict[str, Any] | None = None) -> list[ServiceEvent]:
    """Return payloads as a stream: those with a status are states, the others progress; `end` closes it."""
    events = [
        ServiceEvent(number, "state" if "status" in payload else "progress", payload)
        for number, payload in enumerate(payloads, 1)
    ]
    return [*events, ServiceEvent(len(events) + 1, "end", end)] if end is not None else events


def a_training(end: dict[str, Any], n_epochs: int = 100) -> list[ServiceEvent]:
    """Return the stream of a training from its start to `end`."""
    running = {
        "status": "running",
        "status_reason": f"Running on head (cpu). Follow it with `ktrdr operations follow {OPERATION_ID}`.",
        "attempt": 1,
    }
    batch = progress(
        7,
        "Training neural network model - Epoch 1/100 - Batch 30/100",
        epoch=1,
        total_epochs=n_epochs,
        batch=30,
        total_batches=100,
        batch_loss=1.2,
        batch_accuracy=0.4,
    )
    return events_of(
        running,
        progress(1, "Loading market data - SP500 1d"),
        progress(2, "Calculating technical indicators - rsi_14"),
        progress(2, "Calculating technical indicators - cci_20"),
        batch,
        *(epoch_of(number, n_epochs) for number in range(1, n_epochs + 1)),
        progress(8, "Evaluating model performance"),
        {"status": end["status"], "status_reason": end["status_reason"], "attempt": 1},
        end=end,
    )
