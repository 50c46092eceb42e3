from __future__ import annotations

import pytest

from ktrdr.operations import is_operation_id, new_operation_id
from tests.ktrdr.operations.builders import Clock


def test_ids_sort_by_the_time_they_were_made() -> None:
    clock = Clock()
    made = []
    for _ in range(200):
        made.append(new_operation_id(clock))
        clock.advance(milliseconds=1)
    clock.advance(days=20_000)
    made.append(new_operation_id(clock))
    assert made == sorted(made)


def test_ids_of_one_millisecond_differ() -> None:
    clock = Clock()
    assert len({new_operation_id(clock) for _ in range(1_000)}) == 1_000


def test_an_id_made_here_is_one() -> None:
    made = new_operation_id(Clock())
    assert made.startswith("train-") and len(made) == 26 and is_operation_id(made)


@pytest.mark.parametrize("text", ["train-0b5c1f3e-9d52-4a7e-8f4e-3a1c2b4d5e6f", "train-my.run_1", "train-" + "a" * 58])
def test_a_caller_may_mint_its_own(text: str) -> None:
    assert is_operation_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "train-", "train", "other-abc", "train-../x", "train-a/b", "train-abc\n", "train-.a", "xtrain-a", "train-é",
     "train-" + "a" * 59],
)  # fmt: skip
def test_anything_else_is_not_an_id(text: str) -> None:
    assert not is_operation_id(text)
