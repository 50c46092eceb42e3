"""Plain values judged by a type: what they declare, or everything that is wrong with them at once."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ktrdr.declaration.findings import MAX_FINDINGS, Finding, findings_in
from ktrdr.declaration.kinds import KeyPath, dotted
from ktrdr.declaration.plain import without_numpy
from ktrdr.errors import Problem, StrategyError

BuiltT = TypeVar("BuiltT")


def build_declared(adapter: TypeAdapter[BuiltT], config: Any, what: str) -> BuiltT:
    """Validate `config` with `adapter`; numbers and arrays of NumPy count as Python's.

    Raises
    ------
    StrategyError
        With one problem for each thing that is wrong, its path inside `config` and what would be right.
    """
    config = without_numpy(config)
    try:
        return adapter.validate_python(config)
    except ValidationError as error:
        raise StrategyError(problems_of(all_findings(error, adapter, config)), what) from None


def all_findings(error: ValidationError, adapter: TypeAdapter[Any], config: Any) -> list[Finding]:
    """Return everything that is wrong with `config`, which `adapter` refused with `error`.

    pydantic checks what a mapping's keys say together only where each is right. Here that is found as well: by judging
    the values once more without what is wrong, until nothing is.
    """
    root = adapter._type  # pydantic tells it nowhere else
    findings = findings_in(error, root, config)
    if error.error_count() > MAX_FINDINGS:
        return findings
    wrong: set[KeyPath] = set()
    new = findings
    while added := {path for finding in new for path in _to_leave_out(finding)} - wrong - {()}:
        wrong |= added
        try:
            adapter.validate_python(_without(wrong, config))
        except ValidationError as remaining:
            found = findings_in(remaining, root, _without(wrong, config))
            new = [_in_terms_of(config, finding, wrong) for finding in found]
        else:
            new = []
        faulty = wrong | {finding.meant for finding in findings if finding.meant}
        findings += [finding for finding in new if finding.keys and not _reads_any(finding, faulty)]
    return list(dict.fromkeys(findings))


def problems_of(findings: list[Finding]) -> tuple[Problem, ...]:
    """Return findings about values that have no text."""
    return tuple(Problem(dotted(finding.path), finding.message, finding.suggestion) for finding in findings)


def _to_leave_out(finding: Finding) -> tuple[KeyPath, ...]:
    # Where a key is missing, it is the mapping around it that cannot stand; without what a conflict is between, it can.
    return finding.keys or (finding.path[:-1] if finding.is_missing else finding.path,)


def _reads_any(finding: Finding, faulty: set[KeyPath]) -> bool:
    return any(path[: len(key)] == key for key in finding.keys for path in faulty)


def _without(wrong: set[KeyPath], values: Any, path: KeyPath = ()) -> Any:
    """Return a copy of `values` less what stands at the paths `wrong`."""
    if isinstance(values, dict):
        kept = {key: inner for key, inner in values.items() if (*path, key) not in wrong}
        return {key: _without(wrong, inner, (*path, key)) for key, inner in kept.items()}
    if isinstance(values, list | tuple):
        items = [(position, inner) for position, inner in enumerate(values) if (*path, position) not in wrong]
        return [_without(wrong, inner, (*path, position)) for position, inner in items]
    return values


def _in_terms_of(config: Any, finding: Finding, wrong: set[KeyPath]) -> Finding:
    """Return a finding about `_without(wrong, config)` with its paths as they are in `config`."""
    keys = tuple(_original(key, config, wrong) for key in finding.keys)
    return Finding(
        _original(finding.path, config, wrong),
        finding.message,
        finding.suggestion,
        finding.at_key,
        finding.is_missing,
        keys=keys,
    )


def _original(path: KeyPath, values: Any, wrong: set[KeyPath]) -> KeyPath:
    original: KeyPath = ()
    for part in path:
        if isinstance(values, list | tuple) and isinstance(part, int):
            # Positions count what is left; those of the whole list skip what was left out.
            left = [position for position in range(len(values)) if (*original, position) not in wrong]
            part = left[part]  # noqa: PLW2901
        is_there = isinstance(values, list | tuple) or (isinstance(values, dict) and part in values)
        values = values[part] if is_there else None
        original = (*original, part)
    return original
