from __future__ import annotations

from ktrdr.async_infrastructure import STEPS


def test_there_are_twelve_steps_the_seventh_trains_and_the_last_is_complete() -> None:
    assert len(STEPS) == len(set(STEPS)) == 12
    assert STEPS[7 - 1] == "Training neural network model"
    assert STEPS[12 - 1] == "Complete"
