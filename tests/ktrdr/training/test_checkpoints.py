from __future__ import annotations

import math

import pytest

from ktrdr.errors import RequestError
from ktrdr.training import CheckpointPolicy


def test_a_save_is_due_after_the_time_or_the_epochs_what_comes_first():
    assert not CheckpointPolicy().is_due(29.9, 1_000)
    assert CheckpointPolicy().is_due(30.0, 1)
    both = CheckpointPolicy(interval_s=5, every_epochs=3)
    assert not both.is_due(4.9, 2)
    assert both.is_due(5.0, 1)
    assert both.is_due(0.0, 3)
    assert not CheckpointPolicy(interval_s=math.inf).is_due(1e9, 1_000)


@pytest.mark.parametrize("wrong", [{"interval_s": 0}, {"interval_s": -1}, {"interval_s": math.nan}])
def test_a_time_that_is_none_is_refused(wrong):
    with pytest.raises(RequestError, match="above 0 seconds"):
        CheckpointPolicy(**wrong)


@pytest.mark.parametrize("n_epochs", [0, -2])
def test_so_is_a_number_of_epochs_below_one(n_epochs):
    with pytest.raises(RequestError, match="1 or more"):
        CheckpointPolicy(every_epochs=n_epochs)
