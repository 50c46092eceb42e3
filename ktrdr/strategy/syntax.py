"""What is wrong with a text that is not YAML, in the words of someone who writes such files."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from ktrdr.errors import Problem

_MESSAGES = (
    (r"but found '<stream end>'", "the text ends inside a bracket", "Close the bracket."),
    (r"mapping values are not allowed", "a ':' that cannot stand here", "Check the indentation, or quote the text."),
    (r"could not find expected ':'", "expected ':' after the key", "Write `key: value`."),
    (
        r"expected ',' or '[]}]'",
        "the bracket that opens here is not closed",
        "Close it; commas go between entries.",
    ),
    (r"'\\t'|tab", "a tab where only spaces can stand", "Indent with spaces."),
    (r"found character '(.)' that cannot start", "no value can begin with '{0}'", "Quote the text."),
    (r"found unexpected end of stream", "the quoted text that opens here is not closed", "Close the quotes."),
    (r"unexpected document", "the quoted text that opens here is not closed", "Close the quotes."),
    (r"expected <block end>|sequence entries", "this does not fit the lines above it", "Check the indentation."),
    (r"escape", "a backslash that means nothing", "Use single quotes, or write two backslashes."),
    (r"incompatible YAML document|directive|version", "a % line that is not understood", "Remove it."),
    (r"alphabetic or numeric|alias|anchor", "an & or * that names nothing", "Quote the text."),
    (r"tag|URI", "a ! that names nothing", "Quote the text."),
)
_OPENED_EARLIER = ("is not closed",)


def syntax_problem(error: YAMLError, text: str) -> Problem:
    """Return the parser's complaint as a problem with line and column."""
    if isinstance(error, ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Problem("", "a character that cannot stand in a text file", "Remove it.", line, column)
    message, advice, mark = "this is not YAML", "Check quotes, brackets and indentation.", None
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        for pattern, ours, what_to_do in _MESSAGES:
            found = re.search(pattern, str(error.problem))
            if found:
                message, advice = ours.format(*found.groups()), what_to_do
                break
        if message.endswith(_OPENED_EARLIER) and error.context_mark is not None:
            mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem("", message, advice, line, column)
