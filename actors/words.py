"""The words by which an attempt hears whether it goes on."""

from __future__ import annotations

from dataclasses import dataclass

RUN = "run"
CANCEL = "cancel"
"""Its user has asked for it."""
SUSPEND = "suspend"
"""It is to stop and will go on later."""
TIMEOUT = "timeout"
"""It has run as long as its environment lets it."""
LAPSED = "lapsed"
"""Nothing was heard of it for too long: it is given up."""
OVER = "over"
"""It has ended; another attempt may have begun."""

STOPPING = (CANCEL, SUSPEND, TIMEOUT, OVER)
"""What a training that hears it stops for."""


@dataclass(frozen=True)
class Watched:
    """What a dispatcher hears of an attempt. `node`: where it runs, once it has said so."""

    word: str
    reason: str | None
    node: str | None
    is_forced: bool
    """Not to be waited for: its process is to be killed."""
