"""What indicators there are, described for people: parameters, ranges, outputs, warm-up, source."""

from __future__ import annotations

import inspect
import re
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, get_args

from ktrdr.errors import UnknownIndicator
from ktrdr.indicators import ZIGZAG_IS_NONE, AnyIndicator, Indicator, TALib, build
from ktrdr.indicators.functions import (
    NAMES,
    UNBOUNDED,
    WITHOUT_BARS,
    Function,
    Number,
    bounds,
    function_meant,
    function_named,
)

_TYPES: dict[str, type[Indicator]] = {kind.names()[0]: kind for kind in get_args(get_args(AnyIndicator)[0])}
_SPELLED = {name: kind for kind in _TYPES.values() for name in kind.names()}
_KINDS = {"integer": "whole number", "number": "number", "string": "text"}


@dataclass(frozen=True)
class ParameterInfo:
    """A key of an indicator's config: its kind and range in words; `default` is None where there is none.

    `is_required`: it must be given.
    """

    name: str
    kind: str
    default: int | float | str | None
    range: str
    description: str = ""
    is_required: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class IndicatorInfo:
    """One type, or one function of TA-Lib.

    `warmup` is the number of leading rows with a NaN at the defaults; it and `outputs` are empty for the type `talib`
    itself, where they are the function's. `group` and `inputs` are TA-Lib's, of its functions.
    """

    type: str
    aliases: tuple[str, ...]
    summary: str
    parameters: tuple[ParameterInfo, ...]
    outputs: tuple[str, ...]
    warmup: int | None
    source: str
    group: str | None = None
    inputs: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        lists = {name: list(getattr(self, name)) for name in ("aliases", "outputs", "inputs")}
        return {**asdict(self), **lists, "parameters": [parameter.as_dict() for parameter in self.parameters]}


def describe(name: str) -> IndicatorInfo:
    """Return what there is to know of a type, an alias, or a TA-Lib function (`STOCHF` or `talib:STOCHF`).

    Raises
    ------
    UnknownIndicator
        Naming the nearest of what there is, or saying why there is none of that name.
    """
    function = name.removeprefix("talib:")
    if function in NAMES:
        return _of_function(function_named(function))
    if name in _SPELLED:
        return _of_talib() if _SPELLED[name] is TALib else _of_type(_SPELLED[name])
    if name.lower() == "zigzag":
        raise UnknownIndicator(name, (), *ZIGZAG_IS_NONE)
    if function_meant(name) in WITHOUT_BARS:
        advice = "See the others with `ktrdr indicators list --talib`."
        raise UnknownIndicator(name, (), WITHOUT_BARS[function.upper()], advice)
    if function.upper() in NAMES and name.lower() not in _SPELLED:
        raise UnknownIndicator(name, (function.upper(),))
    is_of_talib = name != function or name.isupper()
    raise UnknownIndicator(function, NAMES if is_of_talib else tuple(_SPELLED))


def describe_all() -> list[IndicatorInfo]:
    """Return every type, `talib` last."""
    return [describe(name) for name in _TYPES]


def describe_talib() -> list[IndicatorInfo]:
    """Return every function that the type `talib` computes, by group and name."""
    infos = [_of_function(function_named(name)) for name in NAMES]
    return sorted(infos, key=lambda info: (info.group or "", info.type))


def _of_type(kind: type[Indicator]) -> IndicatorInfo:
    built = build({"type": kind.names()[0]})
    return IndicatorInfo(
        type=kind.names()[0],
        aliases=kind.names()[1:],
        summary=_summary(kind),
        parameters=_parameters(kind),
        outputs=built.outputs,
        warmup=built.warmup,
        source=_source(kind),
    )


def _of_talib() -> IndicatorInfo:
    others = "The function's own parameters are further keys; `talib:NAME` describes each function."
    function = ParameterInfo("function", "text", None, f"one of {len(NAMES)} names", ", ".join(NAMES), is_required=True)
    return IndicatorInfo(
        type="talib",
        aliases=(),
        summary=f"{_summary(TALib)} {others}",
        parameters=(function, *_parameters(TALib)),
        outputs=(),
        warmup=None,
        source=_source(TALib),
    )


def _of_function(function: Function) -> IndicatorInfo:
    inputs = list(function.inputs)
    chosen: tuple[ParameterInfo, ...] = ()
    if function.price_at is not None:
        chosen = tuple(replace(one, default=inputs[function.price_at]) for one in _parameters(TALib, "source"))
        inputs[function.price_at] = "source"
    own = (_parameter(name, _schema_of(function, name, default)) for name, default in function.parameters)
    return IndicatorInfo(
        type=f"talib:{function.name}",
        aliases=(),
        summary=f"{function.title}, of {', '.join(inputs)}.",
        parameters=(*chosen, *own, *_parameters(TALib, "data_source")),
        outputs=function.outputs,
        warmup=function.lookback({}),
        source=f"TA-Lib {function.name}, https://ta-lib.org/functions.",
        group=function.group,
        inputs=function.inputs,
    )


def _parameters(kind: type[Indicator], *names: str) -> tuple[ParameterInfo, ...]:
    """Return the named keys of a type, or all but those that say which it is."""
    schema = _properties(kind)
    own = [name for name in schema if name not in ("type", "function", "data_source")]
    return tuple(_parameter(name, schema[name]) for name in names or (*own, "data_source"))


@cache
def _properties(kind: type[Indicator]) -> dict[str, Any]:
    properties: dict[str, Any] = kind.model_json_schema()["properties"]
    return properties


def _schema_of(function: Function, parameter: str, default: Number) -> dict[str, Any]:
    least, greatest = bounds(function, parameter)
    kind = "integer" if isinstance(default, int) else "number"
    return {"type": kind, "minimum": least, "maximum": greatest, "default": default}


def _parameter(name: str, schema: dict[str, Any]) -> ParameterInfo:
    """Return a parameter as its JSON Schema describes it."""
    kind = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    return ParameterInfo(
        name=name,
        kind=_KINDS[kind["type"]],
        default=schema.get("default"),
        range=_range(kind),
        description=schema.get("description", ""),
    )


def _range(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(schema["enum"])
    if schema["type"] == "string":
        return "any symbol"
    least: float = schema["minimum" if "minimum" in schema else "exclusiveMinimum"]
    greatest: float = schema["maximum"]
    if "not" in schema:
        return f"{least} or 2..{greatest}"
    if "exclusiveMinimum" in schema:
        return f"over {least} to {greatest}"
    if greatest < UNBOUNDED:
        return f"{least}..{greatest}"
    return "any" if least <= -UNBOUNDED else f"at least {least:g}"


def _summary(kind: type[Indicator]) -> str:
    return (inspect.getdoc(kind) or "").splitlines()[0]


def _source(kind: type[Indicator]) -> str:
    """Return the paragraph of the docstring that cites."""
    cited = re.search(r"^Source: (.*?)(?:\n\n|\Z)", inspect.getdoc(kind) or "", re.DOTALL | re.MULTILINE)
    assert cited is not None, f"{kind.__name__} cites no source"
    return " ".join(cited[1].split())
