from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ktrdr.strategy.training import EarlyStopping
from ktrdr.training.learning.patience import Patience


def _epochs_until_exhausted(values, **config):
    patience = Patience(EarlyStopping(**config))
    for epoch, value in enumerate(values, start=1):
        patience.saw(value)
        if patience.is_exhausted:
            return epoch
    return None


def test_small_improvements_add_up_until_they_exceed_min_delta():
    creeping = [1.0, 0.96, 0.92, 0.88, 0.84]
    assert _epochs_until_exhausted(creeping, patience=3, min_delta=0.1) is None
    assert _epochs_until_exhausted(creeping, patience=2, min_delta=0.1) == 3


def test_an_improvement_of_exactly_min_delta_does_not_count():
    assert _epochs_until_exhausted([1.0, 0.5], patience=1, min_delta=0.5) == 2


def test_zero_is_a_value():
    assert _epochs_until_exhausted([1.0, 1.0, 1.0], patience=2, min_delta=0.0) == 3
    assert _epochs_until_exhausted([1.0, 0.9999, 0.9998], patience=1, min_delta=0.0) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 5), st.floats(0, 0.3))
def test_it_is_exhausted_once_so_many_epochs_lie_behind_the_last_improvement(values, patience, min_delta):
    last, reference, expected = 0, float("inf"), None
    for epoch, value in enumerate(values, start=1):
        if value < reference - min_delta:
            last, reference = epoch, value
        if epoch - last == patience:
            expected = epoch
            break
    assert _epochs_until_exhausted(values, patience=patience, min_delta=min_delta) == expected
