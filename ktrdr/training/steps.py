"""The steps of one training as it goes through them: each checks for a stop, logs begin and end, reports progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ktrdr.async_infrastructure import STEPS, CancellationToken, GenericProgressManager, raise_if_cancelled

SAVING = 10
"""The last step that can be cancelled: from then on there is a model, and a cancelled training leaves none."""

logger = logging.getLogger("ktrdr.training")


class Report(Protocol):
    """How a step says what it is at."""

    def __call__(self, done: int, total: int, message: str = "", context: dict[str, Any] | None = None) -> None:
        """Report item `done` of `total`; `context` names symbol, timeframe, indicator. May raise to stop."""


def unreported(done: int, total: int, message: str = "", context: dict[str, Any] | None = None) -> None:
    """A `Report` for where nobody watches."""


@dataclass
class Step:
    """A step under way."""

    report: Report
    """Raises CancellationError when a stop was asked for."""
    outcome: str = "done"
    """What the step gave, in words such as "1258 bars": set it before the step ends."""


class Steps:
    """Opens steps by number.

    Examples
    --------
    >>> with Steps(GenericProgressManager("train-1"), token=None)(1, "for SP500 1d") as step:
    ...     step.outcome = "1258 bars"
    """

    def __init__(
        self,
        progress: GenericProgressManager,
        token: CancellationToken | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress, self._token, self._clock = progress, token, clock

    @contextmanager
    def __call__(self, number: int, subject: str = "") -> Iterator[Step]:
        """Go through step `number` (from 1).

        Raises
        ------
        CancellationError
            If a stop was asked for; not after the model was saved.
        """
        if number <= SAVING:
            raise_if_cancelled(self._token)
        started = self._clock()
        logger.info("Step %d: %s", number, " ".join(filter(None, [STEPS[number - 1], subject])))
        with self._progress.step(number, STEPS[number - 1]):
            step = Step(self._report)
            yield step
        logger.info("Step %d: %s in %.2f s", number, step.outcome, self._clock() - started)

    def _report(self, done: int, total: int, message: str = "", context: dict[str, Any] | None = None) -> None:
        raise_if_cancelled(self._token)
        self._progress.update_step_progress(done, total, message, context)
