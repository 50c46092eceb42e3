"""`Client`: the routes of the service as methods, with retries where a retry is safe."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
from httpx_sse import EventSource
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from ktrdr.client.events import ServiceEvent
from ktrdr.client.refusals import is_passing, refusal
from ktrdr.errors import ServiceRefused, ServiceUnreachable
from ktrdr.operations import new_operation_id
from ktrdr.settings import Settings
from ktrdr.wire.answers import PREFIX
from ktrdr.wire.service_record import ServiceRecord

RETRY_S = 12.0
"""A request is repeated for this long while the service restarts: a killed proxy needs about 4 s."""
RECONNECT_S = 30.0
RECONNECT_PAUSE_S = 0.3
CHECK_TIMEOUT_S = 600.0
"""A check computes a strategy several times over."""


class Client:
    """Talks to a service over HTTP.

    Parameters
    ----------
    url
        Such as `http://127.0.0.1:8000`; absent: `KTRDR_URL`, or the service that `ktrdr up` started for this folder.
    api_key
        Sent as a bearer token; absent: `KTRDR_API_KEY`.
    timeout_s
        For one answer.
    transport
        How httpx sends requests, where it is not over the network.

    Examples
    --------
    ::

        with ktrdr.Client() as client:
            started = client.train("sp500_daily", overrides={"training.epochs": 5})
            operation = client.wait(started["operation_id"])

    Every method raises `ServiceRefused` with the service's problems, or `ServiceUnreachable`.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings = Settings.read()
        self.url = (url or settings.url or _recorded_url(settings)).rstrip("/")
        key = api_key or (settings.api_key.get_secret_value() if settings.api_key else None)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=self.url + PREFIX, headers=headers, timeout=timeout_s, trust_env=False, transport=transport
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -- trainings

    def train(
        self, strategy_name: str | None = None, *, strategy: str | Mapping[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Start a training and return the answer of `POST /trainings/start`, with its `operation_id`.

        `strategy_name` names a strategy the service has; `strategy` is YAML text or an object; `fields` are the
        other fields of a training request. The operation's id is minted here, so that a repeated call after a lost
        answer makes one operation.
        """
        operation_id = fields.pop("operation_id", None) or new_operation_id()
        body = self._request_body(strategy_name, strategy, {**fields, "operation_id": operation_id})
        return self._object("POST", "/trainings/start", json=body)

    def plan(
        self, strategy_name: str | None = None, *, strategy: str | Mapping[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Return what `train` would do: place, rows, label shares, features; trains nothing."""
        return self._object("POST", "/trainings/plan", json=self._request_body(strategy_name, strategy, fields))

    def training_config(self) -> dict[str, Any]:
        """Return the default execution mode."""
        return self._object("GET", "/trainings/config")

    def set_default_mode(self, mode: str) -> dict[str, Any]:
        """Change the default execution mode."""
        return self._object("PUT", "/trainings/config", json={"default_execution_mode": mode})

    # -- operations

    def operation(self, operation_id: str) -> dict[str, Any]:
        """Return the operation as it is now."""
        return self._object("GET", f"/operations/{_segment(operation_id)}")

    def operations(self, **filters: Any) -> dict[str, Any]:
        """Return one page; filters: status, strategy, active, limit, cursor."""
        return self._object(
            "GET", "/operations", params={key: value for key, value in filters.items() if value is not None}
        )

    def metrics(self, operation_id: str) -> dict[str, Any]:
        """Return the epochs so far."""
        return self._object("GET", f"/operations/{_segment(operation_id)}/metrics")

    def result(self, operation_id: str) -> dict[str, Any]:
        """Return the result of a completed operation."""
        return self._object("GET", f"/operations/{_segment(operation_id)}/result")

    def logs(self, operation_id: str) -> list[dict[str, Any]]:
        """Return the operation's log records so far."""
        answer = self._send("GET", f"/operations/{_segment(operation_id)}/logs")
        return [json.loads(line) for line in answer.text.splitlines()]

    def cancel(self, operation_id: str, reason: str | None = None, force: bool = False) -> dict[str, Any]:
        """Ask the operation to stop."""
        body: dict[str, Any] = {"force": force, **({"reason": reason} if reason else {})}
        return self._object("POST", f"/operations/{_segment(operation_id)}/cancel", json=body)

    def resume(self, operation_id: str) -> dict[str, Any]:
        """Let an operation that failed or was cancelled go on from its checkpoint."""
        return self._object("POST", f"/operations/{_segment(operation_id)}/resume")

    def events(self, operation_id: str, last_event_id: int | None = None) -> Iterator[ServiceEvent]:
        """Yield the operation's news until its `end`; a broken stream is taken up again where it broke."""
        seen, broken_since = last_event_id, None
        while True:
            try:
                for event in self._stream(operation_id, seen):
                    seen, broken_since = event.id, None
                    yield event
                    if event.event == "end":
                        return
            except (httpx.TransportError, ServiceRefused) as error:
                if not is_passing(error):
                    raise
            broken_since = broken_since or time.monotonic()
            if time.monotonic() - broken_since > RECONNECT_S:
                raise ServiceUnreachable(self.url)
            time.sleep(RECONNECT_PAUSE_S)

    def wait(self, operation_id: str) -> dict[str, Any]:
        """Return the operation once it has ended."""
        for event in self.events(operation_id):
            if event.event == "end":
                return event.payload
        raise AssertionError("unreachable: events() ends with `end` or raises")

    # -- the rest

    def models(self, strategy: str | None = None) -> dict[str, Any]:
        """Return the versions there are, newest first."""
        return self._object("GET", f"/models/{_segment(strategy)}" if strategy else "/models")

    def model(self, strategy: str, name: str) -> dict[str, Any]:
        """Return one version; name is `{symbol}_{timeframe}_v{N}` or `..._latest`."""
        return self._object("GET", f"/models/{_segment(strategy)}/{_segment(name)}")

    def strategies(self) -> dict[str, Any]:
        """Return the strategies the service knows."""
        return self._object("GET", "/strategies")

    def strategy(self, name: str) -> dict[str, Any]:
        """Return one strategy."""
        return self._object("GET", f"/strategies/{_segment(name)}")

    def validate(self, strategy: str | Mapping[str, Any]) -> dict[str, Any]:
        """Judge a strategy without training it."""
        return self._object("POST", "/strategies/validate", json={"strategy": strategy})

    def check(
        self, strategy_name: str | None = None, *, strategy: str | Mapping[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Return what a strategy makes of its bars; fields: lookahead, symbols, timeframes, dates, overrides."""
        body = self._request_body(strategy_name, strategy, fields)
        return self._object("POST", "/strategies/check", json=body, timeout=CHECK_TIMEOUT_S)

    def migrate(self, text: str) -> dict[str, Any]:
        """Return an older strategy file's text rewritten, and what became of it."""
        return self._object("POST", "/strategies/migrate", json={"strategy": text})

    def new_strategy(self, name: str, template: str = "basic") -> dict[str, Any]:
        """Return the text of a strategy to begin from; the service writes nothing."""
        return self._object("POST", "/strategies/new", json={"name": name, "template": template})

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a strategy file."""
        return self._object("GET", "/strategies/schema")

    def indicators(self, talib: bool = False) -> dict[str, Any]:
        """Return the indicator types; with `talib`, the functions of TA-Lib."""
        return self._object("GET", "/indicators", params={"talib": talib})

    def indicator(self, name: str) -> dict[str, Any]:
        """Return one indicator type, or one function of TA-Lib."""
        return self._object("GET", f"/indicators/{_segment(name)}")

    def data(self) -> dict[str, Any]:
        """Return the series that can be trained on."""
        return self._object("GET", "/data")

    def health(self) -> dict[str, Any]:
        """Return the service's health."""
        return self._object("GET", "/health")

    def nodes(self) -> dict[str, Any]:
        """Return the nodes there are: id, address, environment, device, slots, GPUs."""
        return self._object("GET", "/system/nodes")

    # -- inside

    @staticmethod
    def _request_body(
        name: str | None, strategy: str | Mapping[str, Any] | None, fields: dict[str, Any]
    ) -> dict[str, Any]:
        body = {key: value for key, value in fields.items() if value is not None}
        return {
            **({"strategy_name": name} if name is not None else {}),
            **({"strategy": strategy} if strategy is not None else {}),
            **body,
        }

    def _object(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._send(method, path, **arguments).json()
        return answer

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request, again while the service restarts. Every request is safe to repeat.

        A start carries its id; a resume that came through is refused the second time.
        """
        tries = Retrying(
            stop=stop_after_delay(RETRY_S),
            wait=wait_exponential(multiplier=0.2, max=3),
            retry=retry_if_exception(is_passing),
            reraise=True,
        )
        try:
            return tries(self._send_once, method, path, arguments)
        except httpx.TransportError as error:
            raise ServiceUnreachable(self.url) from error

    def _send_once(self, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
        answer = self._http.request(method, path, **arguments)
        if answer.is_error:
            raise refusal(answer)
        return answer

    def _stream(self, operation_id: str, last_event_id: int | None) -> Iterator[ServiceEvent]:
        headers = {"Accept": "text/event-stream"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        timeout = httpx.Timeout(60.0)  # pings come every 15 s: longer silence is a broken stream
        with self._http.stream(
            "GET", f"/operations/{_segment(operation_id)}/events", headers=headers, timeout=timeout
        ) as answer:
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            for event in EventSource(answer).iter_sse():
                if event.event in ("progress", "state", "end"):
                    yield ServiceEvent(int(event.id), event.event, json.loads(event.data))  # type: ignore[arg-type]


def _recorded_url(settings: Settings) -> str:
    record = ServiceRecord.read(settings.home)
    if record is None:
        raise ServiceUnreachable(f"the service of {settings.home}")
    return record.url


def _segment(text: str) -> str:
    return quote(text, safe="")
