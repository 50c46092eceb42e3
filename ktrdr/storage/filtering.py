"""Which versions a listing shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from ktrdr.declaration import suggestion_of
from ktrdr.errors import RequestError
from ktrdr.results import TestMetrics
from ktrdr.storage.names import check_alias, check_symbol, check_tag, check_timeframe
from ktrdr.strategy import DateText


def _judged(check: Callable[[str], str]) -> AfterValidator:
    def judge(text: str) -> str:
        try:
            return check(text)
        except RequestError as error:
            raise ValueError(f"{error} {error.advice}") from None

    return AfterValidator(judge)


def _numbers_of(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Return the names of a result's single numbers; those of its parts are dotted."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        kinds = set(get_args(annotation)) if isinstance(annotation, UnionType) else {annotation}
        names += [prefix + name] if float in kinds else []
        parts = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        names += [inner for part in parts for inner in _numbers_of(part, f"{prefix}{name}.")]
    return names


METRIC_NAMES = tuple(_numbers_of(TestMetrics))
"""What `metric` may be: the numbers of `test_metrics`, such as `accuracy` or `returns.directional_accuracy`."""


def _known_metric(name: str) -> str:
    if name not in METRIC_NAMES:
        expected = " or ".join(f"'{known}'" for known in METRIC_NAMES)
        raise PydanticCustomError("unknown_metric", "there is no such metric", {"expected": expected})
    return name


class ModelFilter(BaseModel):
    """All that is given must hold. Dates are the day of saving in UTC, both inclusive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Annotated[str, _judged(check_symbol)] | None = None
    timeframe: Annotated[str, _judged(check_timeframe)] | None = None
    created_from: DateText | None = None
    created_to: DateText | None = None
    alias: Annotated[str, _judged(check_alias)] | None = None
    tag: Annotated[str, _judged(check_tag)] | None = None
    metric: Annotated[str, AfterValidator(_known_metric)] | None = Field(
        default=None, description="A number of the held-out metrics, such as accuracy"
    )
    at_least: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        default=None, description="The least that metric may be"
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.metric is None) != (self.at_least is None):
            raise ValueError("metric and at_least go together: give both, or neither")
        if self.created_from and self.created_to and self.created_from > self.created_to:
            raise ValueError(f"created_from {self.created_from} is after created_to {self.created_to}")
        return self

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Return the filter of these fields.

        Raises
        ------
        RequestError
            Naming the field at fault.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            item = error.errors(include_url=False)[0]
            path, message = ".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")
            raise RequestError(path, message, suggestion_of(item)) from None

    def shows(self, model: Mapping[str, Any]) -> bool:
        """Whether an item of a listing is among those that are asked for; it needs metrics only where `metric` is."""
        day = (model["created_at"] or "")[:10]
        value = None if self.metric is None else model["test_metrics"].get(self.metric)
        return (
            (self.symbol is None or self.symbol in model["symbols"])
            and (self.timeframe is None or self.timeframe in model["timeframes"])
            and (self.created_from is None or day >= self.created_from)
            and (self.created_to is None or "" < day <= self.created_to)
            and (self.alias is None or self.alias in model["aliases"])
            and (self.tag is None or self.tag in model["tags"])
            and (self.at_least is None or (value is not None and value >= self.at_least))
        )


ALL = ModelFilter()
