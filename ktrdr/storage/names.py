"""How models are named, and which names from outside are believed.

A model is `{strategy}/{base}_v{N}` with base = `{symbols}_{timeframe}`; `{base}_latest` and `{base}@{alias}` are other
names of one. Nothing from a client is joined to a path
before it has matched in full; what matched is one path component of at most 255 characters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from ktrdr.data import SYMBOL
from ktrdr.errors import RequestError

MAX_JOINED_SYMBOLS = 3
_MAX_JOINED_LENGTH = 200  # a file name holds 255 bytes, and timeframe and version follow
_MAX_ADDRESS = 320

_STRATEGY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_TIMEFRAME = re.compile(r"[1-9][0-9]?[mhdw]")
_ENCODED_SYMBOL = r"(?:[A-Za-z0-9]|%5E)(?:[A-Za-z0-9_.-]|%5E|%3D|%2F){0,63}"
_BASE = rf"(?P<base>{_ENCODED_SYMBOL}(?:\+{_ENCODED_SYMBOL}){{0,2}}_{_TIMEFRAME.pattern})"
_MODEL = re.compile(rf"{_BASE}_(?:v(?P<version>[1-9][0-9]{{0,8}})|latest)")
_ALIASED = re.compile(rf"{_BASE}@(?P<alias>{_STRATEGY.pattern})")
_RESERVED = re.compile(r"latest|v[0-9]+", re.IGNORECASE)

LATEST = "latest"
"""What the highest version is called; no alias is."""


def model_name(symbols: Sequence[str], timeframe: str) -> str:
    """Return `{symbols}_{timeframe}`, the name that a model's versions share.

    Up to three symbols are percent-encoded and joined by `+` in their order; more, or more than fit a file name, read
    `{n}symbols-{8 hex}` of the SHA-256 of the sorted, `+`-joined list.

    Raises
    ------
    RequestError
        If a symbol or the timeframe is malformed, none is given, or one is given twice.
    """
    for symbol in symbols:
        _check(SYMBOL, symbol, "symbols", "a symbol")
    _check(_TIMEFRAME, timeframe, "timeframe", "a timeframe")
    if not symbols or len(set(symbols)) != len(symbols):
        raise RequestError("symbols", "A model is named by one or more different symbols.", "Name each symbol once.")
    joined = "+".join(quote(symbol, safe="") for symbol in symbols)
    if len(symbols) > MAX_JOINED_SYMBOLS or len(joined) > _MAX_JOINED_LENGTH:
        digest = hashlib.sha256("+".join(sorted(symbols)).encode()).hexdigest()[:8]
        joined = f"{len(symbols)}symbols-{digest}"
    return f"{joined}_{timeframe}"


def check_strategy_name(name: str) -> str:
    """Return `name` if it can be a folder under `models/`.

    Raises
    ------
    RequestError
        If it cannot.
    """
    return _check(_STRATEGY, name, "strategy", "a strategy name")


def check_symbol(symbol: str) -> str:
    """Return `symbol` if it can be one.

    Raises
    ------
    RequestError
        If it cannot.
    """
    return _check(SYMBOL, symbol, "symbol", "a symbol")


def check_timeframe(timeframe: str) -> str:
    """Return `timeframe` if it can be one.

    Raises
    ------
    RequestError
        If it cannot.
    """
    return _check(_TIMEFRAME, timeframe, "timeframe", "a timeframe")


def check_tag(tag: str) -> str:
    """Return `tag` if a version can bear it.

    Raises
    ------
    RequestError
        If it cannot.
    """
    return _check(_STRATEGY, tag, "tags", "a tag")


def check_alias(alias: str) -> str:
    """Return `alias` if it can name a version; `latest` and `v{N}` name one already.

    Raises
    ------
    RequestError
        If it cannot.
    """
    _check(_STRATEGY, alias, "alias", "an alias")
    if _RESERVED.fullmatch(alias):
        raise RequestError("alias", f"'{alias}' names a version already.", "Choose another name, such as 'champion'.")
    return alias


def parse_version(name: str) -> tuple[str, int | str]:
    """Split `{base}_v{N}`, `{base}_latest` or `{base}@{alias}` into base and version: its number or what names it.

    A web server decodes `%5EGSPC_1d_v1` in a path to `^GSPC_1d_v1`: `^` and `=` are accepted and encoded again.

    Raises
    ------
    RequestError
        If `name` is anything else.
    """
    encoded = name.replace("^", "%5E").replace("=", "%3D") if isinstance(name, str) else ""
    parsed = split_name(encoded) or _split_aliased(encoded)
    if parsed is None:
        forms = "{symbol}_{timeframe}_v{N}, {symbol}_{timeframe}_latest or {symbol}_{timeframe}@{alias}"
        raise _refusal("name", name, "a model's name", forms)
    return parsed


def split_name(name: str) -> tuple[str, int | Literal["latest"]] | None:
    """Return base and version of a stored name, None where it is not one."""
    match = _MODEL.fullmatch(name) if len(name) <= 255 else None
    if match is None:
        return None
    return match["base"], int(match["version"]) if match["version"] else "latest"


def _split_aliased(name: str) -> tuple[str, str] | None:
    match = _ALIASED.fullmatch(name) if len(name) <= _MAX_ADDRESS else None
    return None if match is None else (match["base"], check_alias(match["alias"]))


def _check(pattern: re.Pattern[str], text: str, field: str, what: str) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise _refusal(field, text, what, pattern.pattern)
    return text


def _refusal(field: str, text: object, what: str, expected: str) -> RequestError:
    # ascii, so that look-alike letters and control characters show; shortened, since a client chose the length
    shown = ascii(text if not isinstance(text, str) or len(text) <= 60 else text[:60] + "...")[:200]
    return RequestError(field, f"{shown} is not {what}.", f"It must match {expected}")
