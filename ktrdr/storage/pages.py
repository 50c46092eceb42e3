"""Pages of a listing: a cursor names the last version that was shown, also once that is gone."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ktrdr.errors import RequestError

MAX_PAGE = 500


@dataclass(frozen=True)
class ModelPage:
    """Some versions, newest first. `total_count` counts all pages; `next_cursor` leads to the next one."""

    items: tuple[dict[str, Any], ...]
    total_count: int
    next_cursor: str | None


def page_of(models: Sequence[dict[str, Any]], limit: int, cursor: str | None) -> ModelPage:
    """Return up to `limit` of `models`, newest first, after the one that `cursor` stands for.

    Raises
    ------
    RequestError
        If the limit is none, or the cursor was given by no page.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise RequestError("limit", f"limit is {limit}", f"Ask for 1 to {MAX_PAGE} and go on with next_cursor.")
    after = None if cursor is None else _place_in(cursor)
    rest = [model for model in models if after is None or place_of(model) < after]
    return ModelPage(tuple(rest[:limit]), len(models), _cursor(rest[limit - 1]) if len(rest) > limit else None)


def place_of(model: Mapping[str, Any]) -> tuple[str, int, str]:
    """Return where a model stands in the order of saving; one whose time cannot be read is the oldest."""
    return (model["created_at"] or "", model["version"], model["model_id"])


def _cursor(model: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(" ".join(map(str, place_of(model))).encode()).decode().rstrip("=")


def _place_in(cursor: str) -> tuple[str, int, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created_at, version, model_id = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split(" ")
        return created_at, int(version), model_id
    except (binascii.Error, ValueError):
        advice = "Give the next_cursor of the page before, or leave it out for the first page."
        raise RequestError("cursor", "That is not a cursor.", advice) from None
