"""The default execution mode: stored by the API, else set in the environment, else built in."""

from __future__ import annotations

import logging

from cluster.environments import AUTO, Environments
from ktrdr.operations import OperationBook
from ktrdr.wire import ConfigChange, TrainingConfig

_SETTING = "default_execution_mode"

log = logging.getLogger("ktrdr.default_mode")


class DefaultMode:
    """Reads and changes the default; a stored value wins over the configured one, over restarts too.

    A stored one that no environment has any more is not followed.
    """

    def __init__(self, book: OperationBook, configured: str | None, environments: Environments) -> None:
        self._book, self._configured, self._environments = book, configured, environments
        self._ignored: str | None = None

    def read(self) -> TrainingConfig:
        """Return the default mode and where it comes from."""
        if (stored := self._book.setting(_SETTING)) is not None:
            if stored in self._environments.modes:
                return TrainingConfig(default_execution_mode=stored, source="api")
            self._say_that_it_is_ignored(stored)
        if self._configured:
            return TrainingConfig(default_execution_mode=self._configured, source="environment")
        return TrainingConfig(default_execution_mode=AUTO, source="built in")

    def change(self, mode: str) -> ConfigChange:
        """Store a new default.

        Raises
        ------
        RequestError
            If there is no such mode.
        """
        self._environments.check_mode(mode, _SETTING)
        previous = self.read()
        self._book.put_setting(_SETTING, mode)
        return ConfigChange(previous=previous, current=self.read())

    def _say_that_it_is_ignored(self, stored: str) -> None:
        if stored != self._ignored:  # once: it is read for every training
            self._ignored = stored
            log.warning(
                "The default mode '%s', set over the API, is not followed: no environment has it. There are %s",
                stored,
                ", ".join(self._environments.modes),
            )
