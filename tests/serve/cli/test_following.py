from __future__ import annotations

import io

import pytest
from rich.console import Console

from serve.cli.following import LiveBars, PlainLines, follow
from serve.cli.printing import Terminal
from tests.fakes.client import FakeClient
from tests.serve.cli import recorded

COMPLETED = recorded.operation("completed")


def plain_lines_of(events, capsys):
    lines = PlainLines(Terminal(program="ktrdr", is_terminal=False))
    for event in events:
        lines.show(event)
    return capsys.readouterr().out.splitlines()


def test_a_step_is_one_line_however_often_it_reports(capsys):
    lines = plain_lines_of(recorded.a_training(COMPLETED), capsys)
    assert [line for line in lines if line.startswith("Step")] == [
        "Step 1/12: Loading market data",
        "Step 2/12: Calculating technical indicators",
        "Step 7/12: Training neural network model",
        "Step 8/12: Evaluating model performance",
    ]


@pytest.mark.parametrize(("n_epochs", "n_lines"), [(1, 1), (10, 10), (100, 11), (1000, 11)])
def test_epochs_are_about_ten_lines_with_the_first_and_the_last(capsys, n_epochs, n_lines):
    lines = [line for line in plain_lines_of(recorded.a_training(COMPLETED, n_epochs), capsys) if "Epoch" in line]
    assert len(lines) == n_lines
    assert lines[0].startswith(f"  Epoch 1/{n_epochs}: train loss 1.0000, accuracy 50.0%")
    assert lines[-1].startswith(f"  Epoch {n_epochs}/{n_epochs}")


def test_a_state_is_said_once_and_without_the_advice_to_follow(capsys):
    state = {
        "status": "running",
        "status_reason": "Running on head (cpu), attempt 1 of 3. Follow it with `ktrdr x`.",
        "attempt": 1,
    }
    assert plain_lines_of(recorded.events_of(state, state), capsys) == ["Running on head (cpu), attempt 1 of 3."]


def test_the_next_attempt_begins_with_its_first_step_again(capsys):
    first, second = recorded.progress(1, "Loading market data"), recorded.progress(1, "Loading market data", attempt=2)
    epochs = [recorded.epoch_of(9, 10), second, recorded.epoch_of(1, 10, attempt=2)]
    lines = plain_lines_of(recorded.events_of(first, *epochs), capsys)
    assert lines.count("Step 1/12: Loading market data") == 2
    assert any(line.startswith("  Epoch 1/10") for line in lines)


def drawn(events):
    """Return what stands on the terminal after these events."""
    screen = io.StringIO()
    terminal = Terminal(program="ktrdr", is_terminal=True)
    terminal._consoles["stdout"] = Console(file=screen, force_terminal=True, width=120, color_system=None)
    bars = LiveBars(terminal)
    for event in events:
        bars.show(event)
    terminal.console.print(bars._render())
    return screen.getvalue()


def test_bars_show_step_epoch_and_batch_with_loss_accuracy_and_time_left():
    batch = recorded.progress(
        7,
        "Training neural network model - Epoch 5/100 - Batch 30/60",
        epoch=5,
        total_epochs=100,
        batch=30,
        total_batches=60,
        batch_loss=0.9123,
        batch_accuracy=0.51,
    )
    batch["batch_percentage"] = 50.0
    steps, epochs, batches, measures = drawn(recorded.events_of(recorded.epoch_of(4, 100), batch)).splitlines()
    assert "58%" in steps
    assert "7/12 Training neural network model" in steps
    assert "5/100" in epochs
    assert "50%" in batches
    assert "30/60" in batches
    assert "1 min 20 s left" in epochs
    assert measures == "batch loss 0.9123, accuracy 51.0%"


def test_bars_end_as_the_training_ended_with_the_numbers_of_its_best_epoch():
    drawing = drawn(recorded.a_training(COMPLETED))
    assert "100% 3 epochs, stopped early; the best was 2" in drawing
    assert "train loss 0.8000, accuracy 50.0% - validation loss 1.0000, accuracy 52.0%" in drawing


def test_bars_keep_the_last_epoch_while_later_steps_run():
    lines = drawn(recorded.a_training(COMPLETED)[:-1]).splitlines()
    assert any("8/12 Evaluating model performance" in line for line in lines)
    assert any("Epochs" in line and "100%" in line and "100/100" in line for line in lines)


def test_bars_of_a_next_attempt_begin_at_nothing():
    later = recorded.progress(1, "Loading market data", attempt=2)
    epochs = drawn(recorded.events_of(recorded.epoch_of(90, 100), later)).splitlines()[1]
    assert "0%" in epochs
    assert "90/100" not in epochs


def test_following_on_a_terminal_ends_with_the_operation(capsys):
    client = FakeClient(events=recorded.a_training(COMPLETED))
    assert follow(client, recorded.OPERATION_ID, Terminal(program="ktrdr", is_terminal=True)) == COMPLETED
    assert "Steps" in capsys.readouterr().out
