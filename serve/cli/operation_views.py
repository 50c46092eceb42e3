"""Operations in words and tables, for a terminal."""

from __future__ import annotations

from typing import Any

from serve.cli.outcomes import TERMINAL_STATUSES, going_on, print_error, print_test_metrics
from serve.cli.printing import Terminal, argument, duration, moment


def operations_table(terminal: Terminal, items: list[dict[str, Any]], title: str | None = None) -> None:
    """Print operations, one a row."""
    has_retries = any(item["parent_operation_id"] for item in items)
    rows = [
        [
            item["operation_id"],
            item["status"],
            item["strategy_name"],
            item["execution"]["environment"],
            None
            if item["progress"] is None
            else f"{item['progress']['percentage']:.0f}% {item['progress']['message']}",
            moment(item["created_at"]),
            *([item["parent_operation_id"]] if has_retries else []),
        ]
        for item in items
    ]
    columns = ["operation", "status", "strategy", "runs in", "progress", "created"]
    terminal.table([*columns, *(["retry of"] if has_retries else [])], rows, title)


def print_operation(terminal: Terminal, operation: dict[str, Any]) -> None:
    """Write one operation: where it stands, what it runs on, how it went, and what to do next."""
    operation_id, execution, status = operation["operation_id"], operation["execution"], operation["status"]
    progress, metrics, queue = operation["progress"], operation["metrics"], operation["queue"]
    place = " ".join(str(execution[key]) for key in ("environment", "node", "device") if execution.get(key))
    if execution["fallback"]:
        terminal.warn(execution["reason"])
    terminal.facts(
        [
            ("Operation", operation_id),
            ("Retry of", operation["parent_operation_id"]),
            ("Status", status),
            ("Reason", operation["status_reason"]),
            ("Strategy", operation["strategy_name"]),
            ("Runs in", f"{place} (asked for: {execution['requested_mode']})"),
            ("Queue", f"position {queue['position']}, {queue['ahead']} ahead" if queue else None),
            ("Attempt", f"{operation['attempt']} of {operation['max_attempts']}"),
            ("Created", moment(operation["created_at"])),
            ("Started", moment(operation["started_at"])),
            ("Ended", moment(operation["completed_at"])),
            ("Ran", duration(operation["ran_s"]) if operation["ran_s"] else None),
            ("Cost", None if operation["cost"] is None else f"{operation['cost']:.2f}"),
            (
                "Progress",
                f"{progress['percentage']:.0f}% {progress['message']}" if progress and status != "completed" else None,
            ),
            (
                "Time left in this step",
                duration(progress["eta_s"]) if progress and progress["eta_s"] and status == "running" else None,
            ),
            (
                "Best epoch",
                f"{metrics['best_epoch']} of {len(metrics['epochs'])}, validation loss {metrics['best_val_loss']:.4f}"
                if metrics and metrics["best_epoch"] is not None
                else None,
            ),
            ("By its epochs", _judged(metrics) if metrics else None),
            ("Kept", _kept(operation["artifact"]) if operation["artifact"] else None),
        ]
    )
    if status == "completed":
        terminal.say()
        result = operation["result"]
        print_test_metrics(terminal, result["test_metrics"], result["data_summary"]["rows_test"])
        terminal.facts([("Model", result["model_id"]), ("Path", result["model_path"])])
        terminal.next_steps(
            ("see the model", f"models show {argument(result['model_id'])}"),
            ("read its log", f"operations logs {operation_id}"),
        )
    elif status in TERMINAL_STATUSES:
        if operation["error"]:
            print_error(terminal, operation)
        terminal.next_steps(("read its log", f"operations logs {operation_id}"), *going_on(operation))
    else:
        terminal.next_steps(
            ("follow it", f"operations follow {operation_id}"), ("stop it", f"operations cancel {operation_id}")
        )


def _kept(artifact: dict[str, Any]) -> str:
    """Return where a model that is not stored waits."""
    where = f"node {artifact['node'][:8]} at {artifact['address']}"
    return f"{artifact['path']} on {where}, {artifact['size']:,} bytes, SHA-256 {artifact['sha256']}"


def _judged(metrics: dict[str, Any]) -> str | None:
    """Return what the epochs say of the training, where they say anything."""
    said = {"is_overfitting": "it overfits", "is_plateaued": "it has stopped improving"}
    return ", ".join(words for key, words in said.items() if metrics[key]) or None


def log_line(record: dict[str, Any]) -> str:
    """Return one record of an operation\'s log as a line, with its trace where it has one."""
    known = ("time", "level", "event", "logger", "operation_id", "sequence", "exception")
    rest = [f"{key}={value}" for key, value in record.items() if key not in known]
    line = " ".join(
        [str(record.get("time", ""))[:19], f"{record.get('level', ''):<7}", str(record.get("event", "")), *rest]
    )
    return line + (f"\n{record['exception']}" if record.get("exception") else "")
