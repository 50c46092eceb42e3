"""The training's log lines as records of the operation's own log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

TRAINING_LOGGER = "ktrdr"


@contextmanager
def log_to(sink: Callable[[dict[str, Any]], None], **bound: Any) -> Iterator[None]:
    """Send every record of our loggers to `sink` as a mapping, with `bound` in each, while the block runs.

    The numeric code logs through the standard library, the same everywhere; only here a line learns which
    operation and attempt it belongs to.
    """
    handler = _SinkHandler(sink, bound)
    logger = logging.getLogger(TRAINING_LOGGER)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _SinkHandler(logging.Handler):
    def __init__(self, sink: Callable[[dict[str, Any]], None], bound: dict[str, Any]) -> None:
        super().__init__(logging.DEBUG)
        self._sink, self._bound = sink, bound
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    self._bind,
                    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                    self._hand_over,
                ],
                foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)

    def _bind(self, _logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {**event, **self._bound}

    def _hand_over(self, _logger: Any, _name: str, event: structlog.typing.EventDict) -> str:
        self._sink({key: value for key, value in event.items() if not key.startswith("_")})
        return ""
