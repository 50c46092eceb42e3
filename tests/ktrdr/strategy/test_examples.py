"""The strategies that come with ktrdr are valid; that they fit the bars that come with it is `training`'s to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from ktrdr.strategy import validate_strategy

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "strategies").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid_without_a_note_and_named_like_its_file(path):
    found = validate_strategy(path)
    assert (found.problems, found.notes) == ((), ())
    assert found.strategy.name == path.stem
