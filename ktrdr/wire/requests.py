"""What a client may ask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ktrdr.declaration import suggestion_of
from ktrdr.errors import Problem, RequestError, did_you_mean
from ktrdr.operations import is_operation_id
from ktrdr.strategy import DateText, Symbol

ExecutionMode = Annotated[
    str,
    Field(
        description="`auto`, or the mode of an environment of the service, as GET /system/environments lists them; "
        "where none are configured: `local`, `host`, `cloud`",
        examples=["auto"],
    ),
]
"""Judged by the service, which knows its environments."""

MAX_DEPTH = 32


def _depth(value: Any) -> int:
    """Return how deep mappings and lists are nested, looking no deeper than one over `MAX_DEPTH`."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        inside = [item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list)]
        level, depth = [item for items in inside for item in items], depth + bool(inside)
    return depth


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StrategyRequest(_Request):
    """A strategy and the bars that it is to see; what is absent is the strategy's own.

    Exactly one of `strategy_name` (a file in the strategies folder) and `strategy` (YAML text or an object) is given.
    """

    strategy_name: str | None = Field(default=None, description="A strategy in the strategies folder")
    strategy: str | dict[str, Any] | None = Field(default=None, description="YAML text, or the same as an object")
    symbols: Annotated[list[Symbol], Field(min_length=1)] | None = None
    timeframes: Annotated[list[str], Field(min_length=1)] | None = None
    start_date: DateText | None = None
    end_date: DateText | None = None
    overrides: dict[str, Any] = Field(default_factory=dict, description="Dotted paths of the file to values")

    @model_validator(mode="after")
    def _names_one_strategy(self) -> Self:
        if max(_depth(self.strategy), _depth(self.overrides)) > MAX_DEPTH:
            raise ValueError(f"a strategy is nested {MAX_DEPTH} levels deep at most")
        if (self.strategy_name is None) == (self.strategy is None):
            raise ValueError("give either strategy_name or strategy")
        if self.start_date and self.end_date and self.start_date > self.end_date:
            raise ValueError(f"start_date {self.start_date} is after end_date {self.end_date}")
        return self

    @classmethod
    def parse(cls, body: Any) -> Self:
        """Return the request in `body`, a mapping or a request.

        Raises
        ------
        RequestError
            Naming the first field at fault and the nearest spelling.
        """
        if isinstance(body, cls):
            return body
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            problem = problem_in(error.errors(include_url=False)[0], cls)
            raise RequestError(problem.path, problem.message, problem.suggestion) from None


class TrainingRequest(StrategyRequest):
    """Body of `POST /trainings/start` and `/trainings/plan`, and what a driver hands to `submit`."""

    execution_mode: ExecutionMode | None = None
    """Absent: the service's default mode."""
    require_gpu: bool = False
    wait_for_node_s: Annotated[float, Field(gt=0, le=7 * 24 * 3600, allow_inf_nan=False)] | None = Field(
        default=None, description="Where no node can take it now: wait so long for one instead of refusing"
    )
    validation_split: float | None = Field(default=None, gt=0, lt=1)
    data_mode: Literal["local"] = "local"
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None
    operation_id: str | None = Field(
        default=None, description="Minted by the caller: a repeated submit makes one operation"
    )
    run_name: str | None = Field(default=None, max_length=200)
    reuse: Literal["if_identical"] | None = Field(
        default=None, description="Where the same training has made a model: answer with that, and train nothing"
    )
    checkpoint_every_epochs: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Keep the state after so many epochs; absent: as the service is set"
    )

    @model_validator(mode="after")
    def _has_an_id_of_ours(self) -> Self:
        _own_id(self.operation_id)
        return self

    @property
    def body_sha256(self) -> str:
        """Hash of what is asked, for idempotency keys; the operation id is not part of it.

        What earlier versions did not know is part of it only where it is asked for.
        """
        unasked = {"operation_id"} if self.reuse is not None else {"operation_id", "reuse"}
        body = self.model_dump(mode="json", exclude=unasked)
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


class CheckRequest(StrategyRequest):
    """Body of `POST /strategies/check`."""

    lookahead: bool = Field(default=False, description="Also look for what knows the future")


def _own_id(operation_id: str | None) -> str | None:
    """Return an id that a caller minted, if it may name an operation."""
    if operation_id is not None and not is_operation_id(operation_id):
        raise ValueError(f"{operation_id!r} is not an operation id: use one made by ktrdr.operations.new_operation_id")
    return operation_id


def problem_in(item: Mapping[str, Any], model: type[BaseModel] | None) -> Problem:
    """Return one of pydantic's findings about a request in plain words; `model` is what the body should have been."""
    loc = [str(part) for part in item["loc"] if part not in ("body", "query", "path", "header")]
    path = ".".join(loc)
    if item["type"] == "json_invalid":
        return Problem("", "The body is not JSON.", "Send an object, with Content-Type: application/json.")
    if item["type"] == "extra_forbidden" and model is not None:
        fields = tuple(model.model_fields)
        suggestion = did_you_mean(loc[-1], fields) or f"Known fields: {', '.join(fields)}."
        return Problem(path, f"Unknown field '{loc[-1]}'.", suggestion)
    return Problem(path, str(item["msg"]).removeprefix("Value error, "), suggestion_of(item))


class CancelRequest(_Request):
    """Body of `POST /operations/{id}/cancel`."""

    reason: str = Field(default="Cancelled by the user", max_length=500)
    force: bool = Field(default=False, description="Kill the training at once instead of waiting for it to stop")


class RetryRequest(_Request):
    """Body of `POST /operations/{id}/retry`."""

    operation_id: str | None = Field(
        default=None, description="Of the new operation, minted by the caller: a repeated retry makes one"
    )

    @field_validator("operation_id")
    @classmethod
    def _is_one_of_ours(cls, operation_id: str | None) -> str | None:
        return _own_id(operation_id)


class ValidateRequest(_Request):
    """Body of `POST /strategies/validate`."""

    strategy: str | dict[str, Any]


class MigrateRequest(_Request):
    """Body of `POST /strategies/migrate`."""

    strategy: str = Field(description="The text of a strategy file of the older form")


class NewStrategyRequest(_Request):
    """Body of `POST /strategies/new`."""

    name: str
    template: str = Field(default="basic", description="basic, multi_timeframe, regression or lstm")
