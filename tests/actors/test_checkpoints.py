from __future__ import annotations

from pathlib import Path

import pytest

from actors.checkpoints import CheckpointKeeper
from ktrdr.errors import StorageError, UnknownOperation


class Book:
    """Says which attempt is the present one, and hears of what is kept."""

    def __init__(self, present: int = 1) -> None:
        self.present = present
        self.kept: list[tuple[str, int]] = []

    def keeper(self, folder: Path) -> CheckpointKeeper:
        return CheckpointKeeper(
            folder,
            lambda _, attempt: attempt == self.present,
            lambda operation_id, attempt: self.kept.append((operation_id, attempt)),
        )


def test_the_newest_state_is_found_by_the_next_attempt_and_after_a_restart(tmp_path: Path) -> None:
    book = Book()
    book.keeper(tmp_path).save("train-a", 1, b"one")
    book.keeper(tmp_path).save("train-a", 1, b"two")
    assert book.keeper(tmp_path).latest("train-a") == b"two"
    assert book.keeper(tmp_path).latest("train-b") is None
    assert book.kept == [("train-a", 1), ("train-a", 1)]


def test_an_older_attempt_keeps_nothing(tmp_path: Path) -> None:
    book = Book(present=2)
    keeper = book.keeper(tmp_path)
    keeper.save("train-a", 2, b"newer")
    with pytest.raises(StorageError, match="Attempt 1 of train-a has ended"):
        keeper.save("train-a", 1, b"older")
    assert keeper.latest("train-a") == b"newer"
    assert book.kept == [("train-a", 2)]


def test_what_could_not_be_written_is_not_said_to_be_kept(tmp_path: Path) -> None:
    (tmp_path / "train-a").write_text("a file where the folder goes")
    book = Book()
    with pytest.raises(StorageError):
        book.keeper(tmp_path).save("train-a", 1, b"one")
    assert book.kept == []


def test_clearing_takes_one_operations_states_and_leaves_the_others(tmp_path: Path) -> None:
    keeper = Book().keeper(tmp_path)
    for operation_id in ("train-a", "train-b"):
        keeper.save(operation_id, 1, b"state")
    keeper.clear("train-a")
    keeper.clear("train-a")
    assert (keeper.latest("train-a"), keeper.latest("train-b")) == (None, b"state")
    assert [path.name for path in tmp_path.iterdir()] == ["train-b"]


@pytest.mark.parametrize("name", ["../train-a", "train-a/../../x", "", "/etc"])
def test_what_is_no_operations_id_is_never_a_folder(tmp_path: Path, name: str) -> None:
    keeper = Book().keeper(tmp_path / "kept")
    for call in (lambda: keeper.save(name, 1, b""), lambda: keeper.latest(name), lambda: keeper.clear(name)):
        with pytest.raises(UnknownOperation):
            call()
    assert list(tmp_path.iterdir()) == []
