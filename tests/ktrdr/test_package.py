from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ktrdr

ROOT = Path(__file__).parents[2]


def test_the_version_is_that_of_the_distribution():
    assert ktrdr.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'torch', 'pandas', 'numpy', 'ray', 'pydantic', 'httpx'}"
    code = f"import sys, ktrdr; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_loading_a_strategy_imports_no_torch():
    code = "import sys, ktrdr; ktrdr.load_strategy('strategies/minimal.yaml'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_public_name_is_there():
    assert set(ktrdr.__all__) <= set(dir(ktrdr))
    for name in ktrdr.__all__:
        assert getattr(ktrdr, name) is not None


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'load_strategie'"):
        ktrdr.load_strategie  # noqa: B018
