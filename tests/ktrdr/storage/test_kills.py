"""Processes that change a store, killed with -9 at random instants, and processes that save at once."""

import json
import random
import time

import pytest

from tests.ktrdr.storage.living import look, processes, save_and_delete, save_in_threads

LONGEST_S = 0.6
"""A save and what follows it take a part of this, so that kills come at every step of them."""


def looked(root):
    """Return what a fresh process finds."""
    answer, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=look, args=(root, theirs))
    process.start()
    theirs.close()
    try:
        return answer.recv()
    finally:
        process.join()
        assert process.exitcode == 0


def journalled(journal, word):
    """Return the operation ids by version in the lines that begin with a word; a line that was cut says nothing."""
    lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
    return {int(version): operation_id for kind, version, operation_id in map(str.split, lines) if kind == word}


def kill_again_and_again(folder, n_kills):
    root, journal, ever = folder / "models", folder / "journal", {}
    choose = random.Random(n_kills)
    for number in range(n_kills):
        has_begun = processes.Event()
        process = processes.Process(target=save_and_delete, args=(root, journal, number, has_begun))
        process.start()
        assert has_begun.wait(60)
        time.sleep(choose.uniform(0.0, LONGEST_S))
        process.kill()
        process.join()
        found = looked(root)
        assert found["before"] == found["versions"], number
        assert found["latest"] == found["link"] == max(found["versions"], default=None), number
        assert (found["leftovers"], found["damaged"]) == (0, []), number
        saved, deleting = journalled(journal, "saved"), journalled(journal, "deleting")
        lost = saved.keys() - deleting.keys() - found["versions"].keys()
        assert not lost, (number, lost)
        for version, operation_id in {**found["versions"], **saved}.items():
            assert ever.setdefault(version, operation_id) == operation_id, (number, version)
    return ever


def test_after_a_few_kills_the_store_is_whole(tmp_path):
    assert kill_again_and_again(tmp_path, 5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_after_two_hundred_kills_the_store_is_whole(tmp_path):
    assert len(kill_again_and_again(tmp_path, 200)) > 50


def test_twenty_saves_at_once_from_processes_and_threads_are_twenty_versions(tmp_path):
    n_processes, n_threads, root = 4, 5, tmp_path / "models"
    start = processes.Event()
    answers = [tmp_path / f"{number}.json" for number in range(n_processes)]
    saving = [processes.Process(target=save_in_threads, args=(root, n_threads, start, answer)) for answer in answers]
    for process in saving:
        process.start()
    start.set()
    for process in saving:
        process.join()
    versions = [version for answer in answers for version in json.loads(answer.read_text())]
    assert sorted(versions) == list(range(1, 21))
    found = looked(root)
    assert sorted(found["versions"]) == list(range(1, 21))
    assert found["latest"] == found["link"] == 20
