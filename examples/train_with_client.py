"""Train over HTTP with `ktrdr.Client`, and print each epoch as it comes.

Start the service first (`ktrdr up`), then: `python examples/train_with_client.py`.
"""

import ktrdr


def main() -> None:
    """Train, and say how it went."""
    with ktrdr.Client() as client:
        started = client.train("sp500_daily", overrides={"training.epochs": 5}, run_name="from Python")
        print(f"{started['operation_id']}: {started['reason']}")

        last_epoch = None
        for event in client.events(started["operation_id"]):
            context = event.payload.get("context") or {}
            if event.event == "progress" and context.get("val_loss") is not None and context["epoch"] != last_epoch:
                last_epoch = context["epoch"]
                print(f"epoch {last_epoch}/{context['total_epochs']}: validation loss {context['val_loss']:.4f}")

        operation = client.operation(started["operation_id"])
        print(f"{operation['status']}: {operation['status_reason']}")
        if operation["result"] is None:
            raise SystemExit(1)
        print(operation["result"]["test_metrics"]["verdict"])
        print(f"Model: {operation['result']['model_path']}")


if __name__ == "__main__":
    main()
