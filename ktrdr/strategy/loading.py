"""From a file, a text or JSON to a `Strategy`, with everything that is wrong found at once."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from ktrdr.declaration import all_findings, shown
from ktrdr.errors import Problem, StrategyError
from ktrdr.strategy.design import design_problems, feature_problems
from ktrdr.strategy.document import MAX_BYTES, Document, document_of, read_document
from ktrdr.strategy.findings import problems_in
from ktrdr.strategy.forms import advised
from ktrdr.strategy.overrides import override
from ktrdr.strategy.references import name_problems, notes
from ktrdr.strategy.schema import Strategy
from ktrdr.strategy.spellings import respell

_STRATEGY = TypeAdapter(Strategy)

StrategySource: TypeAlias = str | Path | Mapping[str, Any] | Document
"""A path or YAML text, values as from JSON, or what `read_document` made of a text that must not be taken as a path."""


@dataclass(frozen=True)
class Validation:
    """What `validate_strategy` found. `strategy` is there when there are no problems."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    strategy: Strategy | None

    @property
    def valid(self) -> bool:
        """Whether the strategy can be trained."""
        return not self.problems


def load_strategy(source: StrategySource, overrides: Mapping[str, Any] | None = None) -> Strategy:
    """Return the strategy that `source` describes.

    Parameters
    ----------
    source : str, Path, mapping or Document
        The path of a file, or YAML text (one with a line break or `: ` in it); or the same as values from JSON.
    overrides : mapping of str to value, optional
        Dotted paths of the file and the values to put there, `{"training.epochs": 5}`; judged like the file.

    Raises
    ------
    StrategyError
        With every problem found, each with its path, its line and column where there is a text, and a suggestion.
    """
    document = _document(source)
    found = _judge(document, overrides)
    if found.strategy is None:
        raise StrategyError(found.problems, document.source)
    return found.strategy


def validate_strategy(source: StrategySource, overrides: Mapping[str, Any] | None = None) -> Validation:
    """Return what is wrong with a strategy and what is worth knowing about it, without raising."""
    try:
        document = _document(source)
    except StrategyError as error:
        return Validation(error.problems, (), None)
    return _judge(document, overrides)


def read_file(path: Path) -> str:
    """Return a strategy file's text.

    Raises
    ------
    StrategyError
        If there is no such file, or it is no text of a strategy's size.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        reason = "there is no such file"
    except UnicodeDecodeError:
        reason = "is larger than 256 KiB" if len(content) > MAX_BYTES else "is not a UTF-8 text"
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or 'not a path'}"
    raise StrategyError((Problem("", reason, "Give the path of a strategy file."),), str(path))


def _document(source: StrategySource) -> Document:
    if isinstance(source, Document):
        return source
    if isinstance(source, Mapping):
        return document_of(source)
    if isinstance(source, str) and (not source or "\n" in source or ": " in source):
        return read_document(source)
    if not isinstance(source, str | Path):
        message = f"a strategy is a path, a text or a mapping, got {_kind(source)}"
        raise StrategyError((Problem("", message, "Give the path of a strategy file."),))
    return read_document(read_file(Path(source)), str(source))


def _kind(value: object) -> str:
    return "bytes" if isinstance(value, bytes) else shown(value)[:60]


def _judge(document: Document, overrides: Mapping[str, Any] | None) -> Validation:
    older = _older_form(document)
    if older is not None:
        return Validation((older,), (), None)
    if overrides is not None and not isinstance(overrides, Mapping):
        message = f"expected a mapping of dotted paths to values, got {_kind(overrides)}"
        return Validation((Problem("overrides", message, "Write {'training.epochs': 5}."),), (), None)
    document, spelling_notes, problems = respell(document)
    document, refused = override(document, overrides or {})
    document, more_notes, more_problems = respell(document)  # values of overrides may be mappings of older keys
    spelling_notes, found = (*spelling_notes, *more_notes), [*problems, *refused, *more_problems]
    strategy = None
    try:
        strategy = _STRATEGY.validate_python(document.values)
    except ValidationError as error:
        findings = [advised(finding, document.values) for finding in all_findings(error, _STRATEGY, document.values)]
        found += problems_in(findings, document)
    found += [*name_problems(document), *design_problems(document)]
    if strategy is not None and not found:
        found += feature_problems(strategy, document)
    if strategy is None or found:
        return Validation(_in_order(found), spelling_notes, None)
    return Validation((), (*spelling_notes, *notes(strategy)), strategy)


def _older_form(document: Document) -> Problem | None:
    """Return that a file is of the form that `migrate` rewrites, where it is: nothing else is worth saying then."""
    version, indicators = document.values.get("version"), document.values.get("indicators")
    is_version = isinstance(version, str | int | float) and not isinstance(version, bool)
    is_older = is_version and re.fullmatch(r"[12](\.[0-9]+)*", str(version)) is not None
    if not is_older and not isinstance(indicators, list):
        return None
    path = ("version",) if is_older else ("indicators",)
    message = f"version {version} is not read, only 3.0" if is_older else "a list of indicators is the older form"
    file = f" {shlex.quote(document.source)}" if document.source != Document.source else ""
    advice = f"`ktrdr strategies migrate{file}` rewrites the file."
    return document.problem(path, message, advice, at_key=not is_older)


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return the problems as they stand in the text, those without a line first, each once."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda problem: (problem.line or 0, problem.column or 0)))
