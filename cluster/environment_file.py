"""The environments of a service as its user wrote them down: `environments.yaml`, read once at the edge."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, TypeAdapter, ValidationError

from cluster.environments import ENVIRONMENTS, Environment, Environments
from ktrdr.declaration import Declaration, KeyPath, all_findings
from ktrdr.errors import EnvironmentFileError, Problem, RequestError, StrategyError
from ktrdr.settings import Settings
from ktrdr.strategy import read_document
from ktrdr.strategy.document import MAX_BYTES, Document
from ktrdr.strategy.findings import problems_in

VARIABLE = "KTRDR_ENVIRONMENTS"


class EnvironmentFile(Declaration):
    """The whole file: what stands in it is what there is."""

    environments: list[Environment] = Field(min_length=1)


_FILE = TypeAdapter(EnvironmentFile)


def environments_of(settings: Settings) -> Environments:
    """Return the environments that the user's file lists; the built-in ones where there is no file.

    Raises
    ------
    RequestError
        If `KTRDR_ENVIRONMENTS` names no file, or the default mode of the settings is none of an environment.
    EnvironmentFileError
        With every problem found in the file, its line and column, and a suggestion.
    """
    if settings.environments is not None and not settings.environments.is_file():
        message = f"{VARIABLE} names {settings.environments}, and there is no such file."
        raise RequestError(VARIABLE, message, "Give the path of a file, or unset the variable.")
    path = settings.environments or settings.home.parent / "environments.yaml"
    found = read_environments(_text_of(path), str(path)) if path.exists() else ENVIRONMENTS
    if settings.default_mode is not None:
        found.check_mode(settings.default_mode, "TRAINING_DEFAULT_MODE")
    return found


def read_environments(text: str, source: str = "environments.yaml") -> Environments:
    """Return the environments that the YAML `text` lists.

    Raises
    ------
    EnvironmentFileError
        With every problem found, its line and column, and a suggestion.
    """
    try:
        document = read_document(text, source, first_key="environments")
    except StrategyError as error:
        raise EnvironmentFileError(error.problems, source) from None
    read, findings = None, []
    try:
        read = _FILE.validate_python(document.values)
    except ValidationError as error:
        findings = all_findings(error, _FILE, document.values)
    problems = [*problems_in(findings, document), *_repeated_names(document)]
    problems += _without_a_value(document, {finding.path for finding in findings})
    if read is None or problems:
        in_order = sorted(dict.fromkeys(problems), key=lambda problem: (problem.line or 0, problem.column or 0))
        raise EnvironmentFileError(tuple(in_order), source)
    return Environments(tuple(read.environments))


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        reason = "is not a UTF-8 text"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    raise EnvironmentFileError((Problem("", reason, "Write it as docs/environments.md shows."),), str(path))


def _entries(document: Document) -> list[tuple[int, dict[str, object]]]:
    listed = document.values.get("environments")
    entries = enumerate(listed) if isinstance(listed, list) else ()
    return [(position, entry) for position, entry in entries if isinstance(entry, dict)]


def _without_a_value(document: Document, faulty: set[KeyPath]) -> list[Problem]:
    """Return the keys with nothing after them, which is not the same as no key; less those at fault already."""
    return [
        document.problem(path, "nothing is given", "Remove the key or give its value.")
        for position, entry in _entries(document)
        for key, value in entry.items()
        if value is None and (path := ("environments", position, key)) not in faulty
    ]


def _repeated_names(document: Document) -> list[Problem]:
    first: dict[str, int] = {}
    problems = []
    for position, entry in _entries(document):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        if name in first:
            line = document.starts["environments", first[name], "name"].line
            advice = f"Rename one of them: the first is on line {line}."
            path = ("environments", position, "name")
            problems.append(document.problem(path, f"the name '{name[:70]}' is here twice", advice))
        first.setdefault(name, position)
    return problems
