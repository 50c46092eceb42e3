"""Set before anything imports Ray: every test process talks to clusters on loopback, with a token of its own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from cluster.ray_environment import ensure_token, ray_environment

_TOKEN_HOME = Path(tempfile.mkdtemp(prefix="ktrdr-test-"))
os.environ.update(ray_environment(ensure_token(_TOKEN_HOME)))
# Ray's test cluster notes its address in a folder that it does not make; short, for socket paths are limited.
os.environ["RAY_TMPDIR"] = tempfile.mkdtemp(prefix="kt-")
(Path(os.environ["RAY_TMPDIR"]) / "ray").mkdir()
for _name in [name for name in os.environ if name.startswith("KTRDR_") or name == "TRAINING_DEFAULT_MODE"]:
    del os.environ[_name]

ROOT = Path(__file__).parent.parent

# how long an example takes says more about the machine than about the code
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def bundled_bars_dir() -> Path:
    return ROOT / "data"


@pytest.fixture(scope="session")
def strategies_dir() -> Path:
    return ROOT / "strategies"
