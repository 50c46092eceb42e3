"""What names a strategy and its parts, and content that is kept without effect."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def _is_a_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a name: it must match {NAME.pattern}")
    return text


def _is_finite(content: Any) -> Any:
    if isinstance(content, float) and not math.isfinite(content):
        raise ValueError("numbers must be finite")
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        _is_finite(item)
    return content


Name = Annotated[str, AfterValidator(_is_a_name)]
Inert = Annotated[Any, AfterValidator(_is_finite)]
"""Any content: kept with the model, without effect."""
