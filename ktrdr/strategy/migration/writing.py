"""A strategy's plain values as YAML: sections in the order in which they are read, short entries on one line."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from ktrdr.strategy.reader import Reader

_ORDER = (
    "name",
    "version",
    "description",
    "hypothesis",
    "scope",
    "deployment",
    "training_data",
    "indicators",
    "fuzzy_sets",
    "nn_inputs",
    "model",
    "decisions",
    "training",
)
_SAID = {
    "training_data": "Which bars.",
    "indicators": "Formulas over past bars, by id.",
    "fuzzy_sets": "Numbers turned into words: 3 numbers are a triangle, 4 a trapezoid.",
    "nn_inputs": "What the network sees, in this order.",
}
_WIDTH = 120
_ONE_LINE = 90


def written(values: dict[str, Any], heading: Iterable[str]) -> str:
    """Return a strategy's values as YAML that reads back to the same values, below `heading` as comments."""
    keys = sorted(values, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    document = CommentedMap((_text(key), _styled(values[key], (key,))) for key in keys)
    for key, comment in _SAID.items():
        if key in document:
            document.yaml_set_comment_before_after_key(key, before=f"\n{comment}")
    yaml = YAML()
    yaml.width, yaml.allow_unicode = _WIDTH, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return "".join(f"{line}\n" for line in _comment_lines(heading)) + "\n" + stream.getvalue()


def _comment_lines(paragraphs: Iterable[str]) -> list[str]:
    lines = []
    for paragraph in paragraphs:
        printable = "".join(character if character.isprintable() else " " for character in paragraph)
        indent = "#     " if printable.startswith("- ") else "# "
        lines += textwrap.wrap(printable, _WIDTH, initial_indent="# ", subsequent_indent=indent) or ["#"]
    return lines


def _styled(value: Any, path: tuple[str, ...]) -> Any:
    """Return a value as ruamel.yaml writes it: on one line if it is short and no section or fuzzy set."""
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, dict | list):
        return value
    styled: Any
    if isinstance(value, dict):
        styled = CommentedMap((_text(key), _styled(inner, (*path, key))) for key, inner in value.items())
    else:
        styled = CommentedSeq(_styled(inner, (*path, str(at))) for at, inner in enumerate(value))
    is_open = len(path) == 1 or (path[0] == "fuzzy_sets" and len(path) < len(("fuzzy_sets", "set", "term")))
    if not value or (not is_open and len(str(value)) <= _ONE_LINE):
        styled.fa.set_flow_style()
    return styled


def _text(text: str) -> str:
    """Return a text, in quotes where it would read as something else without."""
    if text.isidentifier() and text.lower() not in ("null", "true", "false"):
        return text
    if not text[:1].isalnum():  # what begins with a sign may mean something else inside { } than it does alone
        return _quoted(text)
    reader = Reader(text)
    return text if reader.read() == text and not reader.problems else _quoted(text)


def _quoted(text: str) -> str:
    quoted: str = DoubleQuotedScalarString(text)
    return quoted
