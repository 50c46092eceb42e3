"""When to stop waiting for an improvement."""

from __future__ import annotations

import math

from ktrdr.strategy.training import EarlyStopping
from ktrdr.training.learning.checkpoint import PatienceState


class Patience:
    """Counts epochs without an improvement of more than `min_delta`; smaller values are better."""

    def __init__(self, config: EarlyStopping) -> None:
        self._config = config
        self._reference = math.inf
        self._n_waited = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether `patience` epochs have passed without one."""
        return self._n_waited >= self._config.patience

    def saw(self, value: float) -> None:
        """Take in one epoch's value."""
        if value < self._reference - self._config.min_delta:
            self._reference, self._n_waited = value, 0
        else:
            self._n_waited += 1

    def state(self) -> PatienceState:
        """Return what changes, for `restore`."""
        return PatienceState(reference=self._reference, n_waited=self._n_waited)

    def restore(self, state: PatienceState) -> None:
        """Go on from there."""
        self._reference, self._n_waited = state.reference, state.n_waited
