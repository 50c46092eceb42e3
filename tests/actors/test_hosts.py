from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actors.hosts.dispatcher import grace_of
from cluster import Environment
from ktrdr.settings import Settings


def test_an_environments_own_grace_wins_over_the_services(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cancel_grace_s=7.0)
    assert grace_of(Environment(name="a", mode="local"), settings) == 7.0
    assert grace_of(Environment(name="a", mode="local", cancel_grace_s=0.5), settings) == 0.5


@pytest.mark.parametrize("module", ["actors.hosts.model_storage", "actors.house", "actors.gateway"])
def test_whoever_asks_for_a_handle_imports_the_actors_class_and_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
