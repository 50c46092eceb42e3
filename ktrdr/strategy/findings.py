"""What is wrong with a document's values, said where it stands in its text."""

from __future__ import annotations

from ktrdr.declaration import Finding
from ktrdr.errors import Problem
from ktrdr.strategy.document import Document


def problems_in(findings: list[Finding], document: Document) -> list[Problem]:
    """Return each finding as a problem with the document's own path, line and column."""
    return [
        document.missing(finding.path, finding.suggestion)
        if finding.is_missing
        else document.problem(finding.path, finding.message, finding.suggestion, at_key=finding.at_key)
        for finding in findings
    ]
