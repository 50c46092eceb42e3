"""Serve's processes killed under a training: its clients get their answers, and it goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from ktrdr.client import ServiceEvent
from tests.end_to_end.conftest import ENDLESS, Service, wait_until


class Follower:
    """A client that reads an operation's news, in a thread, however often they break off."""

    def __init__(self, service: Service, operation_id: str) -> None:
        self.events: list[ServiceEvent] = []
        self._service, self._operation_id = service, operation_id
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def last_id(self) -> int:
        return self.events[-1].id if self.events else 0

    def end(self) -> ServiceEvent:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.events[-1]

    def _follow(self) -> None:
        with self._service.client() as client:
            for event in client.events(self._operation_id):
                self.events.append(event)


@pytest.mark.parametrize("process", ["ServeReplica:ktrdr:Ingress", "ProxyActor", "ServeController"])
def test_when_a_process_of_serve_is_killed_clients_get_their_answers_and_the_training_goes_on(
    service: Service, process: str, record_property: Callable[[str, float], None]
) -> None:
    with service.client() as client:
        operation_id = client.train("sp500_daily", overrides=ENDLESS)["operation_id"]
        follower = Follower(service, operation_id)
        wait_until(lambda: (client.operation(operation_id)["progress"] or {}).get("current_step") == 7)
        wait_until(follower.last_id)
        [pid] = service.pids_of(process)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        sequence = client.operation(operation_id)["progress"]["sequence"]  # asked again until it is answered
        answered_s = time.monotonic() - killed
        last_id = follower.last_id()
        followed_s = wait_until(lambda: follower.last_id() > last_id, 30)
        record_property("answered_s", answered_s)
        record_property("news_after_s", followed_s)
        # the first news after the break may be what the answer above told already
        wait_until(lambda: client.operation(operation_id)["progress"]["sequence"] > sequence, 30)
        operation = client.operation(operation_id)
        assert (operation["status"], operation["attempt"]) == ("running", 1)
        wait_until(lambda: service.pids_of(process) not in ([], [pid]))
        client.cancel(operation_id)
        assert follower.end().payload["status"] == "cancelled"
    ids = [event.id for event in follower.events]
    assert ids == sorted(set(ids))
