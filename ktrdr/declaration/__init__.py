"""What every declared thing is, a frozen, closed, strict model, and what is wrong with values that declare none."""

from __future__ import annotations

from ktrdr.declaration.declared import Declaration, LeftOut, conflict, refused, shown, unknown_key
from ktrdr.declaration.findings import Finding, findings_in, suggestion_of
from ktrdr.declaration.judging import all_findings, build_declared, problems_of
from ktrdr.declaration.kinds import KeyPath, dotted, is_declared
from ktrdr.declaration.plain import plain_number, without_numpy

__all__ = [
    "Declaration",
    "Finding",
    "KeyPath",
    "LeftOut",
    "all_findings",
    "build_declared",
    "conflict",
    "dotted",
    "findings_in",
    "is_declared",
    "plain_number",
    "problems_of",
    "refused",
    "shown",
    "suggestion_of",
    "unknown_key",
    "without_numpy",
]
