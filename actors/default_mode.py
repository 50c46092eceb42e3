"""The default execution mode: stored by the API, else set in the environment, else built in."""

from __future__ import annotations

from cluster.selector import MODES
from ktrdr.errors import RequestError, did_you_mean
from ktrdr.operations import OperationBook
from ktrdr.wire import ConfigChange, TrainingConfig

_SETTING = "default_execution_mode"


class DefaultMode:
    """Reads and changes the default; a stored value wins over the configured one, over restarts too."""

    def __init__(self, book: OperationBook, configured: str | None) -> None:
        self._book, self._configured = book, configured

    def read(self) -> TrainingConfig:
        """Return the default mode and where it comes from."""
        if stored := self._book.setting(_SETTING):
            return TrainingConfig.model_validate({"default_execution_mode": stored, "source": "api"})
        if self._configured:
            return TrainingConfig.model_validate({"default_execution_mode": self._configured, "source": "environment"})
        return TrainingConfig(default_execution_mode="auto", source="built in")

    def change(self, mode: str) -> ConfigChange:
        """Store a new default.

        Raises
        ------
        RequestError
            If there is no such mode.
        """
        if mode not in MODES:
            advice = did_you_mean(mode, MODES) or f"One of: {', '.join(MODES)}."
            raise RequestError(_SETTING, f"Unknown execution mode '{mode}'.", advice)
        previous = self.read()
        self._book.put_setting(_SETTING, mode)
        return ConfigChange(previous=previous, current=self.read())
