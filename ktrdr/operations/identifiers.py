"""Names of operations: `train-` and a part that sorts by time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

# Crockford's base 32, lower case: its order in ASCII is the order of its values
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
N_TIME_DIGITS = 10
"""50 bits of milliseconds since 1970."""
N_RANDOM_DIGITS = 10

_OPERATION_ID = re.compile(r"train-[A-Za-z0-9][A-Za-z0-9_.-]{0,57}")


def utc_now() -> datetime:
    """Return the time of day of this machine: the clock where no other is given."""
    return datetime.now(UTC)


def new_operation_id(clock: Callable[[], datetime] = utc_now) -> str:
    """Return an id nobody has: those made in a later millisecond sort after those made before. 26 characters."""
    milliseconds = int(clock().timestamp() * 1000)
    digits = [ALPHABET[milliseconds >> 5 * place & 31] for place in reversed(range(N_TIME_DIGITS))]
    return "train-" + "".join(digits) + "".join(secrets.choice(ALPHABET) for _ in range(N_RANDOM_DIGITS))


def is_operation_id(text: str) -> bool:
    """Return whether `text` may name an operation; a caller may mint ids of its own, of at most 64 safe characters."""
    return _OPERATION_ID.fullmatch(text) is not None
