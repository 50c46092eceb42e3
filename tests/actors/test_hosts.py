from __future__ import annotations

from pathlib import Path

from actors.hosts.dispatcher import grace_of
from cluster import Environment
from ktrdr.settings import Settings


def test_an_environments_own_grace_wins_over_the_services(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cancel_grace_s=7.0)
    assert grace_of(Environment(name="a", mode="local"), settings) == 7.0
    assert grace_of(Environment(name="a", mode="local", cancel_grace_s=0.5), settings) == 0.5
