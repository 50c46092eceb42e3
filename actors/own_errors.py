"""Errors of ours that an actor raised, as its caller sees them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import ray.exceptions as ray_errors

from ktrdr.errors import KtrdrError


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise an actor's error as itself where it is one of ours; any other stays Ray's."""
    try:
        yield
    except ray_errors.RayTaskError as error:
        if isinstance(error.cause, KtrdrError):
            raise error.cause from None
        raise
