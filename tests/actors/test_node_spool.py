from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from actors.node_spool import spool_of_node
from cluster.node_table import OwnNode
from ktrdr.errors import UnknownArtifact
from ktrdr.operations import KeptArtifact
from tests.fakes.spools import node_spool, spooled

BLOB = b"packed"
SHA256 = hashlib.sha256(BLOB).hexdigest()


def kept_in(folder: Path) -> KeptArtifact:
    spool = node_spool(folder)
    spool.keep(BLOB, SHA256)
    assert spool.kept is not None
    return spool.kept


def test_a_node_that_was_started_again_gives_what_it_kept_and_says_who_it_is_now(tmp_path: Path) -> None:
    kept, told = kept_in(tmp_path), []
    spool = node_spool(tmp_path, tell=told.append, node=OwnNode("node-2", "127.0.0.1"))
    assert bytes(spool.take(kept)) == BLOB
    assert told == [spool.kept] == [kept.model_copy(update={"node": "node-2"})]


def test_the_same_node_has_nothing_to_tell(tmp_path: Path) -> None:
    kept, told = kept_in(tmp_path), []
    assert bytes(node_spool(tmp_path, tell=told.append).take(kept)) == BLOB
    assert told == []


def test_a_node_takes_only_its_own_whatever_path_is_recorded(tmp_path: Path) -> None:
    kept = kept_in(tmp_path)
    other = kept.model_copy(update={"path": "/etc/passwd", "sha256": "0" * 64})
    with pytest.raises(UnknownArtifact):
        node_spool(tmp_path).take(other)
    assert bytes(node_spool(tmp_path).take(kept.model_copy(update={"path": "/etc/passwd"}))) == BLOB


def test_the_spool_lies_under_the_home_of_the_nodes_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KTRDR_HOME", str(tmp_path))
    spool_of_node().keep("train-1", SHA256, BLOB)
    assert len(spooled(tmp_path)) == 1
