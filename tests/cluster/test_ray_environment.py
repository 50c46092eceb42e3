from __future__ import annotations

from pathlib import Path

from cluster.ray_environment import ensure_token, member_environment, ray_environment


def test_the_token_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = ensure_token(tmp_path / "home")
    first = path.read_text()
    assert len(first) == 64
    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_token(tmp_path / "home").read_text() == first


def test_token_authentication_is_always_on(tmp_path: Path) -> None:
    variables = ray_environment(tmp_path / "token")
    assert variables["RAY_AUTH_MODE"] == "token"
    assert variables["RAY_AUTH_TOKEN_PATH"] == str(tmp_path / "token")


def test_a_node_on_loopback_stays_there_and_any_other_may_leave_its_machine(tmp_path: Path) -> None:
    token = tmp_path / "token"
    assert member_environment("127.0.0.1:6379", token) == ray_environment(token)
    joined = member_environment("10.0.0.1:6379", token)
    assert joined["RAY_worker_niceness"] == ray_environment(token)["RAY_worker_niceness"] == "0"
    assert (joined["RAY_AUTH_MODE"], joined["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"]) == ("token", "1")
