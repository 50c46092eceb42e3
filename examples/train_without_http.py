"""Train from Python, without HTTP: submit to the OperationsActor of a running service and wait with `ray.get`.

Start the service first (`ktrdr up`), then: `python examples/train_without_http.py`.
"""

import ray

import actors


def main() -> None:
    """Train, and say how it went."""
    ops = actors.connect()
    operation_id = ray.get(ops.submit.remote({"strategy_name": "sp500_daily", "overrides": {"training.epochs": 5}}))
    print(f"Submitted {operation_id}")

    operation = ray.get(ops.wait.remote(operation_id))
    print(f"{operation.status}: {operation.status_reason}")
    if operation.result is None:
        raise SystemExit(1)
    print(f"Ran on {operation.execution['environment']}, because: {operation.execution['reason']}")
    print(operation.result["test_metrics"]["verdict"])
    print(f"Model: {operation.result['model_path']}")


if __name__ == "__main__":
    main()
