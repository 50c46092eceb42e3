from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from cluster import ENVIRONMENTS, Environment, Environments
from ktrdr.errors import RequestError
from ktrdr.settings import Settings
from serve.service import Place, check_key, check_port, hold_up, main, own_environment


def test_off_loopback_a_key_is_asked_for(tmp_path: Path) -> None:
    check_key(Settings(home=tmp_path), "127.0.0.1")
    check_key(Settings(home=tmp_path, api_key=SecretStr("k")), "0.0.0.0")
    with pytest.raises(RequestError, match="API key"):
        check_key(Settings(home=tmp_path), "0.0.0.0")


def test_a_taken_port_is_refused_before_anything_is_started() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(RequestError, match="not free"):
            check_port("127.0.0.1", taken.getsockname()[1])


def test_a_cluster_without_token_authentication_is_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(RequestError, match="token authentication"):
        hold_up(Settings(home=tmp_path), Place(ray_address="auto"))


def test_what_is_wrong_is_a_line_and_an_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KTRDR_HOME", str(tmp_path))
    assert main(["--host", "0.0.0.0"]) == 1
    assert "KTRDR_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("TRAINING_DEFAULT_MODE", "clowd")
    assert main([]) == 1
    assert "TRAINING_DEFAULT_MODE: Unknown execution mode 'clowd'. Did you mean 'cloud'?" in capsys.readouterr().err


def test_a_wrong_environments_file_keeps_the_service_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "places.yaml"
    path.write_text("environments:\n  - name: a\n    mod: local\n")
    monkeypatch.setenv("KTRDR_HOME", str(tmp_path / ".ktrdr"))
    monkeypatch.setenv("KTRDR_ENVIRONMENTS", str(path))
    assert main([]) == 1
    assert f"{path}: line 3, column 5: environments.0.mod: unknown key 'mod'" in capsys.readouterr().err


def test_an_unknown_environment_of_this_machine_is_refused_and_the_first_local_one_is_its_own() -> None:
    assert own_environment(ENVIRONMENTS, None) == ENVIRONMENTS.named("cpu-docker")
    assert own_environment(ENVIRONMENTS, "mps-mac") == ENVIRONMENTS.named("mps-mac")
    assert own_environment(ENVIRONMENTS, "none") is None
    assert own_environment(Environments((Environment(name="a", mode="cloud"),)), None) is None
    with pytest.raises(RequestError) as refused:
        own_environment(ENVIRONMENTS, "mps-mak")
    assert refused.value.suggestion == "Did you mean 'mps-mac'?"
