"""Dates as they stand in files and requests."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _iso_date(value: Any) -> str:
    if isinstance(value, dt.date):
        value = value.isoformat()[:10]
    if not isinstance(value, str):
        raise ValueError("a date is written as YYYY-MM-DD")  # noqa: TRY004  pydantic catches ValueError alone
    no_date = ValueError(f"{value!r} is not a date: write YYYY-MM-DD")
    if not _WRITTEN.fullmatch(value):
        raise no_date
    try:
        return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        raise no_date from None


DateText = Annotated[str, BeforeValidator(_iso_date)]
"""An ISO date, `2000-01-31`."""
