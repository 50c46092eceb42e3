"""How a training ended: its metrics beside its baselines, its model, or why it failed."""

from __future__ import annotations

from typing import Any

from ktrdr.errors import Problem
from serve.cli.printing import Terminal, argument

EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED = 0, 1, 130
TERMINAL_STATUSES = ("completed", "failed", "cancelled")

_METRICS = (
    ("accuracy", "accuracy"),
    ("balanced accuracy", "balanced_accuracy"),
    ("F1 (macro)", "f1_score"),
    ("MCC", "mcc"),
    ("loss", "loss"),
)


def exit_code(operation: dict[str, Any]) -> int:
    """Return what the program says to the shell about an ended operation."""
    return EXIT_DONE if operation["status"] == "completed" else EXIT_FAILED


def print_outcome(terminal: Terminal, operation: dict[str, Any], url: str, strategy_given: str | None = None) -> None:
    """Print how an ended operation went, and what to do next; `strategy_given` is what trains it again."""
    if terminal.as_json:
        terminal.document(operation)
        return
    operation_id, strategy = operation["operation_id"], operation["strategy_name"]
    if operation["status"] == "completed":
        result = operation["result"]
        print_test_metrics(terminal, result["test_metrics"], result["data_summary"]["rows_test"])
        model_id = result["model_id"]
        terminal.facts(
            [("Model", model_id), ("Path", result["model_path"]), ("Operation", operation_id), ("Service", url)]
        )
        terminal.next_steps(
            ("see the model", f"models show {argument(model_id)}"),
            ("see the training", f"operations show {operation_id}"),
            ("compare its versions", f"models list {argument(strategy)}"),
        )
        return
    if operation["status"] == "failed":
        print_error(terminal, operation)
    else:
        terminal.warn(operation["status_reason"])
    terminal.next_steps(
        ("read its log", f"operations logs {operation_id}"),
        ("see the training", f"operations show {operation_id}"),
        *going_on(operation, strategy_given),
    )


def going_on(operation: dict[str, Any], strategy_given: str | None = None) -> list[tuple[str, str]]:
    """Return the steps after one that has failed or was cancelled: store what it trained, go on, train it again.

    A strategy that came as a text whose file is not known here cannot be trained again by a command.
    """
    strategy = strategy_given or operation["request"].get("strategy_name")
    is_untaken = operation["artifact"] is not None and operation["status"] == "failed"
    storing = [("store its model", f"operations retry-transfer {operation['operation_id']}")] if is_untaken else []
    resuming = [("go on with it", f"operations resume {operation['operation_id']}")] if operation["resumable"] else []
    return [*storing, *resuming, *([("train again", f"models train {argument(strategy)}")] if strategy else [])]


def print_error(terminal: Terminal, operation: dict[str, Any]) -> None:
    """Print why an operation failed to stderr: every problem with what to do about it."""
    error = operation["error"]
    where = f" in step {error['step']}" if error.get("step") else ""
    terminal.complain(f"The training failed{where} ({error['kind']}).")
    known = ("path", "message", "suggestion", "line", "column")
    problems = [Problem(**{key: entry.get(key) for key in known}) for entry in error.get("problems", [])]
    for problem in problems or [Problem("", error["message"])]:
        terminal.complain(str(problem))


def print_test_metrics(terminal: Terminal, metrics: dict[str, Any], n_rows: int | None = None) -> None:
    """Print the held-out metrics beside three forecasts that learn nothing, and the verdict."""
    baseline = metrics["baseline"]
    rows = []
    for name, key in _METRICS:
        others = (
            [baseline.get(kind) for kind in ("majority", "last_sign", "persistence")]
            if key == "accuracy"
            else [None] * 3
        )
        rows.append([name, metrics[key], *others])
    title = "On the held-out rows" + (f" ({n_rows})" if n_rows is not None else "")
    terminal.table(["", "model", "majority class", "last sign", "persistence"], rows, title)
    if metrics.get("returns"):
        _print_returns(terminal, metrics["returns"])
    terminal.say(metrics["verdict"])
    terminal.say()


def _print_returns(terminal: Terminal, returns: dict[str, Any]) -> None:
    """Print how far forecasts of returns are from what came, beside two forecasts that learn nothing."""
    errors = [returns[key] for key in ("mae", "mae_of_zero", "mae_of_training_mean")]
    rows = [
        ["mean absolute error", *errors],
        ["root mean squared error", returns["rmse"], None, None],
        ["directional accuracy", returns["directional_accuracy"], None, None],
        ["information coefficient", returns["information_coefficient"], None, None],
    ]
    terminal.table(["", "model", "zero", "mean of training"], rows, "Returns")
