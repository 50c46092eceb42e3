from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from ktrdr.errors import RequestError
from ktrdr.settings import Settings
from serve.service import Place, check_key, check_port, hold_up, main


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
    assert "Did you mean 'cloud'?" in capsys.readouterr().err
