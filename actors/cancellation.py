"""The cancel of an operation, on its way from the OperationsActor to the token of its training."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from actors.words import STOPPING
from ktrdr.async_infrastructure import CancellationToken

POLL_S = 15.0
RETRY_S = 0.2


class WaitForCancel(Protocol):
    """One long poll: a word of `actors.words` and its reason. Raises while the actor is away."""

    def __call__(self, timeout_s: float) -> tuple[str, str | None]: ...


def follow_cancel(
    wait: WaitForCancel, token: CancellationToken, transient: tuple[type[BaseException], ...]
) -> threading.Thread:
    """Start a side thread that flips `token` when the attempt is to stop, or is over and another may have begun.

    The poll waits on the actor, not the training: it costs the training nothing. The actor reads the store at the
    start of every poll, so that no cancel is lost when it restarts.
    """

    def listen() -> None:
        while True:
            try:
                word, reason = wait(POLL_S)
            except transient:
                time.sleep(RETRY_S)
                continue
            if word in STOPPING:
                token.cancel(reason or "This attempt has ended")
                return

    thread = threading.Thread(target=listen, name="cancel", daemon=True)
    thread.start()
    return thread
