"""The generic indicator: any function of TA-Lib by its name, with TA-Lib's own parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
import talib
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationInfo,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ktrdr.data.bars import Bars, Symbol
from ktrdr.declaration import Declaration, LeftOut, conflict, refused, unknown_key
from ktrdr.errors import did_you_mean
from ktrdr.indicators.base import OTHER_SYMBOL, FloatArray, Indicator, Source, column
from ktrdr.indicators.functions import NAMES, WITHOUT_BARS, Function, bounds, function_named


def _is_computable(name: str) -> str:
    if name in WITHOUT_BARS:
        raise refused(WITHOUT_BARS[name])
    if name not in NAMES:
        near = did_you_mean(name.upper(), NAMES) or "Known functions: `ktrdr indicators show talib`."
        raise refused(f"TA-Lib has no function '{name[:60]}'", near)
    return name


class _Named(Declaration):
    """What says which keys the others may be."""

    model_config = ConfigDict(extra="ignore")

    function: Annotated[str, AfterValidator(_is_computable)]


def _is_unknown(_: Any, info: ValidationInfo) -> Any:
    raise unknown_key(info.context or ())


class _Keys(Declaration):
    """The keys of one function's config; another key is an error that names the nearest of them."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, BeforeValidator(_is_unknown)]]

    type: Literal["talib"]
    function: str
    data_source: Annotated[LeftOut[Symbol], Field(description=OTHER_SYMBOL)] = None


def _period_read(function: Function, parameter: str) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        if function.leaves_a_period_unread(parameter, value):
            raise refused(f"{parameter} {value} is MAMA, which reads no period", "Use another, or the function MAMA.")
        return value

    return checked


@cache
def keys_of(function: Function) -> type[Declaration]:
    """Return the keys that a config of this function may have, in TA-Lib's types and ranges."""

    def has_no_choice(_: Any) -> Any:
        raise refused(f"{function.name} reads {', '.join(function.inputs)}: there is no source to choose")

    fields: dict[str, Any] = {"source": (Annotated[Any, BeforeValidator(has_no_choice)], None)}
    if function.price_at is not None:
        fields["source"] = (Source, function.inputs[function.price_at])
    for name, default in function.parameters:
        least, greatest = bounds(function, name)
        kind: Any = Annotated[type(default), Field(ge=least, le=greatest), AfterValidator(_period_read(function, name))]
        fields[name] = (kind, default)
    return create_model(function.name, __base__=_Keys, **fields)


class TALib(Indicator):
    """Any function of TA-Lib, by its name there, with its parameters as further keys.

    `{"type": "talib", "function": "STOCHF", "fastk_period": 5}`. Inputs, parameters with their defaults and ranges, and
    outputs are those of TA-Lib's metadata; where an input is a price of choice, `source` chooses it. Whole numbers come
    as floats. Values outside a function's domain (ACOS of a price) are TA-Lib's: NaN or infinite.

    Source: TA-Lib, https://ta-lib.org/functions. First values after the function's lookback, which its parameters set.

    Examples
    --------
    >>> highest = TALib(type="talib", function="MAX", timeperiod=2, source="open")
    >>> highest.compute(pd.DataFrame({"open": [3, 5, 4, 2]}))["real"].tolist()
    [nan, 5.0, 5.0, 4.0]
    """

    type: Literal["talib"]
    function: str
    source: Source | None = None
    """None where no input is the caller's to choose."""
    parameters: tuple[tuple[str, int | float], ...]
    """Every parameter of the function and its value, in TA-Lib's order; in a config each is a key of its own."""

    @model_validator(mode="wrap")
    @classmethod
    def _is_judged_by_its_function(cls, values: Any, handler: ModelWrapValidatorHandler[TALib]) -> TALib:
        if not isinstance(values, dict):
            return handler(values)
        if "function" not in values and did_you_mean("function", map(str, values)) is None:
            advice = "Name one of TA-Lib's: {type: talib, function: NATR}. See `ktrdr indicators list --talib`."
            raise refused("missing key 'function'", advice, at="function")
        function = function_named(_Named.model_validate(values).function)
        keys = keys_of(function)
        known = [key for key in keys.model_fields if key != "source" or function.price_at is not None]
        judged = keys.model_validate(values, context=known)
        parameters = tuple((name, getattr(judged, name)) for name, _ in function.parameters)
        if function.lookback(dict(parameters)) is None:
            message = f"TA-Lib refuses these parameters of {function.name} together"
            raise conflict(message, *(name for name, _ in parameters if name in values))
        own = {name: value for name, value in judged if value is not None and name in cls.model_fields}
        built = handler({**own, "parameters": parameters})
        # What was given, parameters included, is what `exclude_unset` keeps.
        built.model_fields_set.clear()
        built.model_fields_set.update(judged.model_fields_set, ("parameters",))
        return built

    @model_serializer(mode="wrap")
    def _is_flat(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        if dumped.pop("parameters", None) is not None:
            given = self.model_fields_set if info.exclude_unset else dict(self.parameters)
            dumped |= {name: value for name, value in self.parameters if name in given}
        if self.source is None:
            dumped.pop("source", None)
        return dumped

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of the flat config; which numbers go with which function is not JSON Schema's to say."""
        described = handler.resolve_ref_schema(handler(schema))
        source = TypeAdapter(Source).json_schema()
        described["properties"] = {
            "type": {"const": "talib", "title": "Type", "type": "string"},
            "function": {"enum": list(NAMES), "title": "Function", "type": "string"},
            "source": {**source, "title": "Source"},
            "data_source": {"description": OTHER_SYMBOL, "title": "Data Source", "type": "string"},
        }
        described |= {"required": ["type", "function"], "additionalProperties": {"type": "number"}}
        return described

    @property
    def _described(self) -> Function:
        return function_named(self.function)

    @property
    def outputs(self) -> tuple[str, ...]:  # type: ignore[override] # by function, where other types have their own
        """As TA-Lib names them."""
        return self._described.outputs

    @property
    def warmup(self) -> int:
        n_bars = self._described.lookback(dict(self.parameters))
        assert n_bars is not None, "refused parameters build no indicator"
        return n_bars

    def _columns(self, bars: Bars) -> tuple[FloatArray, ...]:
        names = list(self._described.inputs)
        if self._described.price_at is not None and self.source is not None:
            names[self._described.price_at] = self.source
        inputs = [column(bars, name) for name in names]
        values = getattr(talib, self.function)(*inputs, **dict(self.parameters))
        arrays = values if isinstance(values, list | tuple) else (values,)
        return tuple(self._as_floats(array) for array in arrays)

    def _as_floats(self, values: Any) -> FloatArray:
        if values.dtype == np.float64:
            floats: FloatArray = values
            return floats
        floats = values.astype(np.float64)  # a whole number cannot be NaN: TA-Lib gives 0 before the first value
        floats[: self.warmup] = np.nan
        return floats
