from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ktrdr.errors import ConfigError
from ktrdr.settings import Settings, bundled

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    for name in (
        "HOME",
        "MODELS_DIR",
        "DATA_DIR",
        "STRATEGIES_DIR",
        "URL",
        "API_KEY",
        "OPERATIONS_URL",
        "ENVIRONMENTS",
        "CANCEL_GRACE_S",
        "CHECKPOINT_INTERVAL_S",
        "CHECKPOINT_EVERY_EPOCHS",
        "ARTIFACT_ENCODING",
    ):
        monkeypatch.delenv(f"KTRDR_{name}", raising=False)
    monkeypatch.delenv("TRAINING_DEFAULT_MODE", raising=False)
    monkeypatch.chdir(tmp_path)


def test_home_is_here_where_there_is_none_upwards(tmp_path):
    settings = Settings.read()
    assert settings.home == tmp_path / ".ktrdr"
    assert (settings.models_dir, settings.data_dir) == (tmp_path / "models", tmp_path / "data")
    assert settings.operations_url == f"sqlite:///{tmp_path}/.ktrdr/operations.db"
    assert (settings.default_mode, settings.url, settings.api_key, settings.cancel_grace_s) == (None, None, None, 5.0)
    assert (settings.checkpoint_interval_s, settings.checkpoint_every_epochs) == (30.0, None)
    assert settings.artifact_encoding == "gzip"


def test_home_is_looked_for_upwards_like_git(tmp_path, monkeypatch):
    (tmp_path / ".ktrdr").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert Settings.read().home == tmp_path / ".ktrdr"
    assert Settings.read().strategies_dir == tmp_path / "strategies"


def test_the_environment_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.setenv("KTRDR_HOME", str(tmp_path / "x" / "state"))
    monkeypatch.setenv("KTRDR_DATA_DIR", "bars")
    monkeypatch.setenv("TRAINING_DEFAULT_MODE", "host")
    monkeypatch.setenv("KTRDR_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("KTRDR_ENVIRONMENTS", "places.yaml")
    monkeypatch.setenv("KTRDR_CANCEL_GRACE_S", "0.5")
    monkeypatch.setenv("KTRDR_OPERATIONS_URL", "sqlite:///elsewhere.db")
    monkeypatch.setenv("KTRDR_CHECKPOINT_INTERVAL_S", "2.5")
    monkeypatch.setenv("KTRDR_CHECKPOINT_EVERY_EPOCHS", "10")
    monkeypatch.setenv("KTRDR_ARTIFACT_ENCODING", "zstd")
    settings = Settings.read()
    assert (settings.checkpoint_interval_s, settings.checkpoint_every_epochs) == (2.5, 10)
    assert settings.artifact_encoding == "zstd"
    assert settings.models_dir == tmp_path / "x" / "models"
    assert settings.data_dir == tmp_path / "bars"
    assert settings.environments == tmp_path / "places.yaml"
    assert (settings.default_mode, settings.url, settings.cancel_grace_s) == ("host", "http://127.0.0.1:9000", 0.5)
    assert settings.operations_url == "sqlite:///elsewhere.db"


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("KTRDR_API_KEY", "")
    monkeypatch.setenv("TRAINING_DEFAULT_MODE", "")
    assert (Settings.read().api_key, Settings.read().default_mode) == (None, None)


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("KTRDR_ENVIRONMENTS", "~nobody_of_that_name/x", "Give the path of a file."),
        ("KTRDR_CANCEL_GRACE_S", "soon", "Give a number of seconds above 0."),
        ("KTRDR_CANCEL_GRACE_S", "-1", "Give a number of seconds above 0."),
        ("KTRDR_CANCEL_GRACE_S", "inf", "Give a number of seconds above 0."),
        ("KTRDR_CHECKPOINT_INTERVAL_S", "0", "Give a number of seconds above 0."),
        ("KTRDR_CHECKPOINT_EVERY_EPOCHS", "0", "Give a number of epochs, 1 or more."),
        ("KTRDR_CHECKPOINT_EVERY_EPOCHS", "1.5", "Give a number of epochs, 1 or more."),
        ("KTRDR_ARTIFACT_ENCODING", "brotli", "Give gzip or zstd."),
        ("KTRDR_URL", "localhost:8000", "Give an address such as http://127.0.0.1:8000."),
        ("KTRDR_HOME", "~nobody_of_that_name/x", "Give the path of a folder."),
    ],
)
def test_a_value_that_cannot_be_used_is_the_callers_error_with_advice(monkeypatch, name, value, advice):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        Settings.read()
    assert (caught.value.path, caught.value.suggestion) == (name, advice)
    assert str(caught.value) == f"The environment variable {name} '{value}' cannot be used."


def test_a_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("KTRDR_API_KEY", "a-secret-key")
    settings = Settings.read()
    assert "a-secret-key" not in f"{settings!r} {settings}"
    assert settings.api_key.get_secret_value() == "a-secret-key"


def test_settings_travel_between_processes(monkeypatch):
    monkeypatch.setenv("KTRDR_API_KEY", "a-secret-key")
    settings = Settings.read()
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_what_came_with_ktrdr_is_found_and_listed_once(monkeypatch):
    assert (bundled("data") / "SP500_1d.parquet").is_file()
    assert (bundled("strategies") / "sp500_daily.yaml").is_file()
    settings = Settings.read()
    assert settings.data_roots == (settings.data_dir, bundled("data"))
    monkeypatch.setenv("KTRDR_STRATEGIES_DIR", str(bundled("strategies")))
    assert Settings.read().strategy_roots == (bundled("strategies"),)
