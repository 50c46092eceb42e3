from __future__ import annotations

import pytest

from ktrdr.errors import StrategyError, UnknownStrategy
from ktrdr.strategy import StrategyLibrary, load_strategy
from tests.ktrdr.strategy.texts import VALID


@pytest.fixture
def library(tmp_path):
    own, examples = tmp_path / "own", tmp_path / "examples"
    own.mkdir()
    examples.mkdir()
    (own / "trend.yaml").write_text(VALID)
    (examples / "trend.yaml").write_text("name: another\n")
    (examples / "swing.yaml").write_text(VALID.replace("epochs: 5", "epoch: 5"))
    (examples / "notes.txt").write_text("no strategy")
    (examples / "not a name.yaml").write_text(VALID)
    (examples / "folder.yaml").mkdir()
    (tmp_path / "outside.yaml").write_text(VALID)
    return StrategyLibrary([own, examples, tmp_path / "absent"])


def test_names_are_those_of_the_yaml_files_in_all_folders(library):
    assert library.names() == ("swing", "trend")


def test_the_first_folder_wins(library):
    assert library.text("trend") == VALID
    assert library.load("trend") == load_strategy(VALID)


@pytest.mark.parametrize(
    "name", ["../outside", "outside", "/etc/passwd", "trend.yaml", "", ".", "own/trend", "not a name"]
)
def test_a_name_is_looked_up_and_never_joined_to_a_path(library, name):
    with pytest.raises(UnknownStrategy):
        library.text(name)


def test_an_unknown_name_comes_with_the_nearest(library):
    with pytest.raises(UnknownStrategy) as caught:
        library.load("trnd")
    assert caught.value.suggestion.startswith("Did you mean 'trend'?")


def test_faults_name_the_file_they_are_in(library):
    with pytest.raises(StrategyError, match=r"swing\.yaml"):
        library.load("swing")
