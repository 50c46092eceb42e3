from __future__ import annotations

import socket

import pytest

from cluster.joining import check_reachable, check_versions
from ktrdr.errors import RequestError

OURS = {"Ray": "2.60.0", "Python": "3.11.7"}


def test_the_same_ray_and_python_can_be_joined():
    check_versions("h:1", OURS, OURS)


@pytest.mark.parametrize(("name", "version"), [("Ray", "2.59.1"), ("Python", "3.11.9"), ("Python", "3.12.1")])
def test_another_ray_or_python_is_named_with_both_versions(name, version):
    with pytest.raises(RequestError) as raised:
        check_versions("h:1", {**OURS, name: version}, OURS)
    said = str(raised.value.problems[0])
    for expected in ("h:1", f"{name} {version}", OURS[name]):
        assert expected in said


def test_an_address_at_which_nobody_listens_is_refused_at_once():
    with socket.socket() as probe:  # bound and not listening: connections are refused
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(RequestError, match="No head answers"):
            check_reachable(f"127.0.0.1:{probe.getsockname()[1]}")


@pytest.mark.parametrize("address", ["", "host", ":6379", "host:", "host:port", "127.0.0.1:99999"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(RequestError):
        check_reachable(address)


def test_somebody_who_listens_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_reachable(f"127.0.0.1:{server.getsockname()[1]}")
