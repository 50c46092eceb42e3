"""`Client`: the routes of the service as methods, with retries where a retry is safe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ktrdr.client.address import segment
from ktrdr.client.models import ModelCalls
from ktrdr.client.operations import OperationCalls
from ktrdr.operations import new_operation_id

CHECK_TIMEOUT_S = 600.0
"""A check computes a strategy several times over."""


class Client(OperationCalls, ModelCalls):
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

    # -- the rest

    def strategies(self) -> dict[str, Any]:
        """Return the strategies the service knows."""
        return self._object("GET", "/strategies")

    def strategy(self, name: str) -> dict[str, Any]:
        """Return one strategy."""
        return self._object("GET", f"/strategies/{segment(name)}")

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
        return self._object("GET", f"/indicators/{segment(name)}")

    def data(self) -> dict[str, Any]:
        """Return the series that can be trained on."""
        return self._object("GET", "/data")

    def health(self) -> dict[str, Any]:
        """Return the service's health."""
        return self._object("GET", "/health")

    def environments(self) -> dict[str, Any]:
        """Return the environments, with nodes, slots and operations, and the modes that can be asked for."""
        return self._object("GET", "/system/environments")

    def nodes(self) -> dict[str, Any]:
        """Return the nodes of the cluster."""
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
