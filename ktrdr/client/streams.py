"""An operation's news and log as they come: streams that are taken up again where they broke."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import httpx
from httpx_sse import EventSource

from ktrdr.client.events import ServiceEvent
from ktrdr.client.refusals import is_passing, refusal
from ktrdr.errors import ServiceRefused, ServiceUnreachable
from ktrdr.operations import TERMINAL

RECONNECT_S = 30.0
"""A stream that gives nothing is taken up again for this long."""
RECONNECT_PAUSE_S = 0.3
TIMEOUT_S = 60.0
"""A sign of life comes every 15 s: longer silence is a broken stream."""

ItemT = TypeVar("ItemT")
PlaceT = TypeVar("PlaceT")
"""Where a stream is: the last event's id, the number of lines."""


class Streams:
    """The streams of one service.

    Parameters
    ----------
    http
        Its base address is that of the service's routes.
    url
        The service, as errors name it.
    """

    def __init__(self, http: httpx.Client, url: str) -> None:
        self._http, self._url = http, url

    def events(self, operation_path: str, last_event_id: int | None) -> Iterator[ServiceEvent]:
        """Yield the operation's events behind `last_event_id` until its `end`."""
        for event in self._taken_up(partial(self._events_once, operation_path), last_event_id):
            yield event
            if event.event == "end":
                return

    def log(self, operation_path: str) -> Iterator[dict[str, Any]]:
        """Yield the operation's log records, each once, until it has ended."""
        for record in self._taken_up(partial(self._log_once, operation_path), 0):
            if record is None:
                return
            yield record

    def _taken_up(self, once: Callable[[PlaceT], Iterator[tuple[PlaceT, ItemT]]], place: PlaceT) -> Iterator[ItemT]:
        """Yield what `once` yields from a place on, called again from the last place whenever it breaks off."""
        broken_since: float | None = None
        while True:
            began_s = time.monotonic()
            try:
                for reached, item in once(place):
                    place, broken_since = reached, None
                    yield item
            except (httpx.TransportError, ServiceRefused) as error:
                if not _is_break(error):
                    raise
            now_s = time.monotonic()
            if broken_since is None or now_s - began_s > RECONNECT_S:  # it held, with nothing to say
                broken_since = now_s
            if now_s - broken_since > RECONNECT_S:
                raise ServiceUnreachable(self._url)
            time.sleep(RECONNECT_PAUSE_S)

    def _events_once(self, operation_path: str, last_event_id: int | None) -> Iterator[tuple[int | None, ServiceEvent]]:
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        with self._open(f"{operation_path}/events", headers=headers) as answer:
            for event in EventSource(answer).iter_sse():
                if event.event in ("progress", "state", "end"):
                    number = int(event.id)
                    yield number, ServiceEvent(number, event.event, json.loads(event.data))  # type: ignore[arg-type]

    def _log_once(self, operation_path: str, after: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Yield records behind the first `after`, then None where the operation has ended and there are no more."""
        for record in self._records(operation_path, after, follow=True):
            after += 1
            yield after, record
        # a stream may end because the service did: whether the operation has ended is asked before what is left
        if self._status(operation_path) in TERMINAL:
            for record in self._records(operation_path, after, follow=False):
                after += 1
                yield after, record
            yield after, None

    def _records(self, operation_path: str, after: int, follow: bool) -> Iterator[dict[str, Any]]:
        with self._open(f"{operation_path}/logs", params={"after": after, "follow": follow}) as answer:
            for line in answer.iter_lines():
                if line:  # an empty one is a sign of life
                    yield json.loads(line)

    def _status(self, operation_path: str) -> str:
        with self._open(operation_path) as answer:
            answer.read()
            return str(answer.json()["status"])

    @contextmanager
    def _open(self, path: str, **arguments: Any) -> Iterator[httpx.Response]:
        with self._http.stream("GET", path, timeout=httpx.Timeout(TIMEOUT_S), **arguments) as answer:
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            yield answer


def _is_break(error: httpx.TransportError | ServiceRefused) -> bool:
    """Whether the stream may be taken up again. A 503 of an operation that there is means that its actor is away."""
    if isinstance(error, ServiceRefused):
        return is_passing(error) or error.status == httpx.codes.SERVICE_UNAVAILABLE
    return is_passing(error) or isinstance(error, httpx.ReadTimeout)
