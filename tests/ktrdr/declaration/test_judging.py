"""What is wrong with plain values, of declarations made up here."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field, TypeAdapter, model_validator

from ktrdr.declaration import Declaration, LeftOut, build_declared, conflict
from ktrdr.declaration.kinds import choices_at, is_section
from ktrdr.errors import StrategyError


class Span(Declaration):
    kind: Literal["span"] = "span"
    low: int = 0
    high: int = 10

    @model_validator(mode="after")
    def _is_open(self) -> Span:
        if self.low >= self.high:
            raise conflict(f"low {self.low} is not below high {self.high}", "low", "high", at="high")
        return self


class Whole(Declaration):
    spans: Annotated[tuple[Span, ...], Field(strict=False, min_length=1)]
    one: LeftOut[Span] = None
    limit: int = 5

    @model_validator(mode="after")
    def _fits(self) -> Whole:
        if self.limit > 100:
            raise conflict("limit is over 100", "limit")
        return self


WHOLE = TypeAdapter(Whole)


def found(config: object) -> list[str]:
    with pytest.raises(StrategyError) as caught:
        build_declared(WHOLE, config, "whole")
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def test_a_conflict_is_found_at_every_depth_beside_faults_of_others() -> None:
    config = {"spans": [{"low": "x"}, {"low": 7, "high": 3, "hihg": 1}, {"low": 20, "x": 1}], "limit": 101}
    assert sorted(found(config)) == [
        ": limit is over 100",
        "spans.0.low: expected a whole number, got 'x' (text)",
        "spans.1.hihg: unknown key 'hihg'",
        "spans.2.high: low 20 is not below high 10",
        "spans.2.x: unknown key 'x'",
    ]


def test_a_conflict_of_the_outer_mapping_is_found_beside_one_within() -> None:
    assert found({"spans": [{}], "one": {"low": 11}, "limit": 101}) == [
        "one.high: low 11 is not below high 10",
        ": limit is over 100",
    ]


def test_items_that_are_all_faulty_do_not_make_a_list_too_short() -> None:
    assert found({"spans": [{"low": "x"}, {"lwo": 1}]}) == [
        "spans.0.low: expected a whole number, got 'x' (text)",
        "spans.1.lwo: unknown key 'lwo'",
    ]
    assert found({"spans": []}) == ["spans: needs at least 1, has 0"]


def test_what_may_be_left_out_is_not_to_be_nothing() -> None:
    assert build_declared(WHOLE, {"spans": [{}]}, "whole").one is None
    assert found({"spans": [{}], "one": None}) == ["one: nothing is given"]


def test_very_many_faults_are_counted_and_judged_once() -> None:
    problems = found({"spans": [{}], **{f"k{n}": 1 for n in range(500)}})
    assert len(problems) == 201
    assert problems[-1] == ": 300 more problems are not listed"


class Shape(Declaration):
    kind: Literal["round", "square"]
    sides: dict[str, int] = Field(validation_alias="its sides")


def test_a_missing_key_of_few_values_lists_them() -> None:
    with pytest.raises(StrategyError) as caught:
        build_declared(TypeAdapter(dict[str, Shape]), {"a": {"its sides": {"b": 1}}}, "shapes")
    (problem,) = caught.value.problems
    assert (problem.path, problem.suggestion) == ("a.kind", "One of: round, square.")


def test_what_lies_in_a_field_that_is_read_by_another_name_is_judged_by_its_type() -> None:
    assert choices_at(Shape, ("kind",)) == ("round", "square")
    assert choices_at(Shape, ("its sides", "b")) == ()
    assert is_section(Shape, ("its sides",))
