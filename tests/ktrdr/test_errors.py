"""What every error of the tree promises: it survives pickling, says what is wrong, and stands in the drawing."""

from __future__ import annotations

import inspect
import pickle
from typing import Any, get_args

import pytest

from ktrdr import errors
from ktrdr.errors import KtrdrError, Problem, did_you_mean


def all_errors() -> list[type[KtrdrError]]:
    return [
        value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, KtrdrError) and not name.startswith("_")
    ]


def raised_ones() -> list[type[KtrdrError]]:
    """All but the heads of families, which are there to be caught."""
    return [cls for cls in all_errors() if inspect.isfunction(cls.__init__)]


VALUES: dict[str, Any] = {
    "str": "a name",
    "int": 3,
    "str | None": "do this",
    "tuple[str, ...]": ("a nome",),
    "Mapping[str, Any] | None": {"node": "a node"},
    "tuple[Problem, ...]": (Problem("a.b", "is wrong", "Try c.", 3, 7),),
}


def an(cls: type[KtrdrError]) -> KtrdrError:
    parameters = inspect.signature(cls).parameters.values()
    return cls(
        *(VALUES[str(parameter.annotation)] for parameter in parameters if parameter.name not in ("args", "kwargs"))
    )


@pytest.mark.parametrize("cls", raised_ones())
def test_it_survives_pickling_with_its_words_and_problems(cls: type[KtrdrError]) -> None:
    error = an(cls)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (str(again), again.problems, again.args) == (str(error), error.problems, error.args)
    assert again.__dict__ == error.__dict__


@pytest.mark.parametrize("cls", raised_ones())
def test_it_has_a_kind_and_a_problem_that_can_be_shown(cls: type[KtrdrError]) -> None:
    error = an(cls)
    assert error.kind in get_args(errors.ErrorKind)
    for problem in error.problems:
        assert problem.message
        assert {"path", "message"} <= problem.as_dict().keys()


def test_the_drawing_shows_every_error_under_its_parent() -> None:
    parents: dict[str, str] = {}
    stack: list[str] = []
    for line in str(errors.__doc__).splitlines():
        depth = next((at for at, mark in enumerate(line) if mark.isalpha()), 0) // 4
        if line.startswith(("KtrdrError", "├", "│", "└")):
            name = line.strip("│├└─ ").split(" ")[0]
            del stack[depth:]
            parents[name] = stack[-1] if stack else ""
            stack.append(name)
    assert set(parents) == {cls.__name__ for cls in all_errors()}
    for cls in all_errors():
        named = [base.__name__ for base in cls.__mro__[1:] if base.__name__ in parents]
        assert parents[cls.__name__] == (named[0] if cls is not KtrdrError else ""), cls


def test_a_near_name_is_suggested_and_a_far_one_is_not() -> None:
    assert did_you_mean("sp500_dialy", ["sp500_daily", "minimal"]) == "Did you mean 'sp500_daily'?"
    assert did_you_mean("SP500", ["sp500"]) == "Did you mean 'sp500'?"
    assert did_you_mean("xyz", ["sp500_daily"]) is None
