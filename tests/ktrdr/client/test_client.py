"""`Client` against answers written by hand: what it sends, what it makes of errors, how it outlives a restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import ktrdr
from ktrdr.client import calls, streams
from ktrdr.client.client import CHECK_TIMEOUT_S
from ktrdr.errors import RequestError, ServiceRefused, ServiceUnreachable
from ktrdr.operations import is_operation_id

PROBLEM = {
    "type": "urn:ktrdr:problem:unknown-strategy",
    "title": "Unknown strategy",
    "status": 404,
    "detail": "Strategy not found: x",
    "errors": [{"path": "strategy_name", "message": "Strategy not found: x", "suggestion": "Did you mean 'y'?"}],
}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RECONNECT_PAUSE_S", 0.0)
    monkeypatch.setattr(calls, "wait_exponential", lambda **_: lambda _: 0.0)


def client_of(answer: Callable[[httpx.Request], httpx.Response], **arguments: Any) -> ktrdr.Client:
    return ktrdr.Client("http://service", transport=httpx.MockTransport(answer), **arguments)


def sse(*events: tuple[int, str, dict[str, Any]]) -> httpx.Response:
    text = "".join(f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n" for number, name, data in events)
    return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})


def test_a_start_carries_an_id_minted_here_and_the_fields_that_were_given() -> None:
    seen: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return httpx.Response(202, json={"operation_id": seen[-1]["operation_id"]})

    with client_of(answer) as client:
        started = client.train("sp500_daily", seed=3, symbols=None)
    [body] = seen
    assert is_operation_id(body.pop("operation_id"))
    assert body == {"strategy_name": "sp500_daily", "seed": 3}
    assert is_operation_id(started["operation_id"])


def test_a_start_whose_answer_was_lost_is_sent_again_with_the_same_id() -> None:
    ids: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        ids.append(json.loads(request.content)["operation_id"])
        if len(ids) < 3:
            raise httpx.RemoteProtocolError("the proxy was killed", request=request)
        return httpx.Response(202, json={"operation_id": ids[-1]})

    client_of(answer).train("sp500_daily")
    assert len(ids) == 3
    assert len(set(ids)) == 1


def test_each_question_about_strategies_indicators_and_bars_has_its_route() -> None:
    seen: list[tuple[str, str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        seen.append((request.method, request.url.raw_path.decode(), body))
        return httpx.Response(200, json={"asked": len(seen)})

    with client_of(answer) as client:
        answers = [
            client.check("sp500_daily", lookahead=True, symbols=None),
            client.check(strategy={"name": "x"}),
            client.migrate("name: x"),
            client.new_strategy("x", "lstm"),
            client.schema(),
            client.indicators(),
            client.indicator("talib:STOCHF"),
            client.data(),
        ]
    assert answers == [{"asked": number} for number in range(1, 9)]
    assert seen == [
        ("POST", "/api/v1/strategies/check", {"strategy_name": "sp500_daily", "lookahead": True}),
        ("POST", "/api/v1/strategies/check", {"strategy": {"name": "x"}}),
        ("POST", "/api/v1/strategies/migrate", {"strategy": "name: x"}),
        ("POST", "/api/v1/strategies/new", {"name": "x", "template": "lstm"}),
        ("GET", "/api/v1/strategies/schema", None),
        ("GET", "/api/v1/indicators?talib=false", None),
        ("GET", "/api/v1/indicators/talib%3ASTOCHF", None),
        ("GET", "/api/v1/data", None),
    ]


def test_a_check_may_take_longer_than_other_answers() -> None:
    timeouts: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"]["read"])
        return httpx.Response(200, json={})

    with client_of(answer, timeout_s=5.0) as client:
        client.check("sp500_daily")
        client.data()
    assert timeouts == [CHECK_TIMEOUT_S, 5.0]


def test_a_problem_is_raised_with_everything_that_is_wrong() -> None:
    with pytest.raises(ServiceRefused) as refused:
        client_of(lambda _: httpx.Response(404, json=PROBLEM)).train("x")
    assert refused.value.status == 404
    assert str(refused.value) == "Strategy not found: x"
    [problem] = refused.value.problems
    assert (problem.path, problem.suggestion) == ("strategy_name", "Did you mean 'y'?")


def test_our_own_503_is_an_answer_and_a_proxys_is_a_restart() -> None:
    n_asked = 0

    def no_place(_: httpx.Request) -> httpx.Response:
        nonlocal n_asked
        n_asked += 1
        return httpx.Response(503, json={**PROBLEM, "status": 503})

    with pytest.raises(ServiceRefused):
        client_of(no_place).train("x")
    assert n_asked == 1
    answers = [httpx.Response(503, text="no replica"), httpx.Response(200, json={"status": "ok"})]
    assert client_of(lambda _: answers.pop(0)).health() == {"status": "ok"}


def test_what_is_no_problem_document_is_still_an_error() -> None:
    with pytest.raises(ServiceRefused, match="HTTP 500"):
        client_of(lambda _: httpx.Response(500, text="<html>")).health()


def test_nobody_there_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "RETRY_S", 0.0)

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(ServiceUnreachable) as unreachable:
        client_of(refuse).health()
    assert "ktrdr up" in str(unreachable.value.suggestion)


def test_a_broken_stream_is_taken_up_behind_the_last_event() -> None:
    last_ids: list[str | None] = []
    answers = [
        sse((5, "state", {"status": "running"}), (6, "progress", {"n": 1})),
        httpx.Response(503, text="no replica"),
        sse((9, "end", {"status": "completed"})),
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        last_ids.append(request.headers.get("last-event-id"))
        return answers.pop(0)

    assert client_of(answer).wait("train-1") == {"status": "completed"}
    assert last_ids == [None, "6", "6"]


def test_a_stream_is_taken_up_although_its_actor_is_away_for_a_while() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no sign of life", request=request)

    away = {**PROBLEM, "status": 503, "title": "Infrastructure error"}
    answers = [
        lambda _: httpx.Response(503, json=away),
        silent,
        lambda _: sse((9, "end", {"status": "completed"})),
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        return answers.pop(0)(request)

    assert client_of(answer).wait("train-1") == {"status": "completed"}


class Log:
    """A log of `n_lines` whose stream breaks behind the lines in `breaks`; the operation ends with the last line."""

    def __init__(self, n_lines: int, breaks: dict[int, str]) -> None:
        self.lines = [json.dumps({"event": f"line {number}"}) for number in range(n_lines)]
        self.breaks = breaks
        self.asked: list[tuple[int, bool]] = []
        self.is_ended = not breaks

    def answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/logs"):
            return httpx.Response(200, json={"status": "completed" if self.is_ended else "running"})
        after, follow = int(request.url.params["after"]), request.url.params["follow"] == "true"
        self.asked.append((after, follow))
        upto = min(self.breaks, default=len(self.lines)) if follow else len(self.lines)
        how = self.breaks.pop(upto, "ends")
        self.is_ended = not self.breaks
        return httpx.Response(200, content=self._content(self.lines[after:upto], how, request))

    def _content(self, lines: list[str], how: str, request: httpx.Request) -> Iterator[bytes]:
        yield "".join(f"{line}\n\n" for line in lines).encode()  # empty lines are signs of life
        if how == "breaks":
            yield b'{"event": "half a li'
            raise httpx.RemoteProtocolError("the replica was killed", request=request)


def test_a_followed_log_loses_and_repeats_no_line_where_its_stream_breaks() -> None:
    log = Log(9, {2: "breaks", 5: "stops", 6: "breaks"})
    with client_of(log.answer) as client:
        assert list(client.follow_logs("train-1")) == [json.loads(line) for line in log.lines]
    assert log.asked == [(0, True), (2, True), (5, True), (6, True), (9, False)]


def test_lines_behind_a_stream_that_stopped_just_before_the_end_are_asked_for() -> None:
    log = Log(4, {3: "stops"})
    with client_of(log.answer) as client:
        assert len(list(client.follow_logs("train-1"))) == 4
    assert log.asked == [(0, True), (3, False)]


def test_the_log_of_an_unknown_operation_is_refused_at_once() -> None:
    with pytest.raises(ServiceRefused):
        list(client_of(lambda _: httpx.Response(404, json=PROBLEM)).follow_logs("train-1"))


def test_a_retry_whose_answer_was_lost_is_sent_again_with_the_same_new_id() -> None:
    sent: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.path, json.loads(request.content)["operation_id"]))
        if len(sent) < 2:
            raise httpx.RemoteProtocolError("the proxy was killed", request=request)
        return httpx.Response(202, json={"operation_id": sent[-1][1]})

    retried = client_of(answer).retry("train-1")
    assert sent[0] == sent[1] == ("/api/v1/operations/train-1/retry", retried["operation_id"])
    assert is_operation_id(retried["operation_id"])


def test_a_stream_that_never_ends_properly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RECONNECT_S", -1.0)
    with pytest.raises(ServiceUnreachable):
        list(client_of(lambda _: sse()).events("train-1"))


def test_an_unknown_operation_is_refused_at_once() -> None:
    with pytest.raises(ServiceRefused):
        client_of(lambda _: httpx.Response(404, json=PROBLEM)).wait("train-1")


@pytest.mark.parametrize("name", ["../x", "a/b", "ü ?#"])
def test_a_name_never_becomes_another_path(name: str) -> None:
    paths: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path)
        return httpx.Response(200, json={})

    client_of(answer).operation(name)
    assert paths[0].startswith(b"/api/v1/operations/")
    assert paths[0].count(b"/") == 4


def test_the_key_is_sent_and_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"authorization": request.headers.get("authorization")})

    assert client_of(answer).health() == {"authorization": None}
    assert client_of(answer, api_key="one").health() == {"authorization": "Bearer one"}
    monkeypatch.setenv("KTRDR_API_KEY", "two")
    assert client_of(answer).health() == {"authorization": "Bearer two"}


def test_without_a_service_here_the_client_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KTRDR_HOME", str(tmp_path))
    with pytest.raises(ServiceUnreachable):
        ktrdr.Client()


def test_environments_and_nodes_are_asked_of_their_routes() -> None:
    client = client_of(lambda request: httpx.Response(200, json={"path": request.url.path}))
    assert client.environments() == {"path": "/api/v1/system/environments"}
    assert client.nodes() == {"path": "/api/v1/system/nodes"}


def test_a_prediction_asks_one_model_for_what_was_given() -> None:
    seen: list[tuple[str, str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path, json.loads(request.content)))
        return httpx.Response(200, json={"items": []})

    with client_of(answer) as client:
        assert client.predict("s", "SP500_1d_v1", symbol="SP500", last=3, end_date=None) == {"items": []}
    assert seen == [("POST", "/api/v1/models/s/SP500_1d_v1/predict", {"symbol": "SP500", "last": 3})]


@pytest.mark.parametrize("alias", ["", ".", ".."])
def test_a_name_that_would_lead_to_another_route_is_refused_unsent(alias: str) -> None:
    """Without its last segment this would be the route that deletes the model."""
    asked: list[str] = []
    with (
        client_of(lambda request: httpx.Response(200, json=asked.append(request.url.path))) as client,
        pytest.raises(RequestError, match="names nothing"),
    ):
        client.remove_alias("trend", "SP500_1d_v1", alias)
    assert asked == []


def test_models_are_asked_for_by_what_is_given_alone() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={})

    with client_of(answer) as client:
        client.models("trend", metric="mcc", at_least=0.1, tag=None)
        client.set_alias("trend", "^GSPC_1d@live", "champion", by="ada")
        client.annotate("trend", "SP500_1d_v1", note="x")
        client.prune(3)
    assert [(request.method, request.url.raw_path.decode()) for request in asked] == [
        ("GET", "/api/v1/models/trend?metric=mcc&at_least=0.1"),
        ("PUT", "/api/v1/models/trend/%5EGSPC_1d%40live/aliases/champion"),
        ("PATCH", "/api/v1/models/trend/SP500_1d_v1"),
        ("POST", "/api/v1/models/prune"),
    ]
    assert [json.loads(request.content) for request in asked[1:]] == [
        {"by": "ada"},
        {"note": "x"},
        {"keep": 3, "strategy": None, "dry_run": False},
    ]


@pytest.mark.parametrize("name", ["SP500_1d_latest", "SP500_1d@old"])
def test_a_delete_whose_answer_is_lost_deletes_no_other_version(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "wait_exponential", lambda **_: lambda _: 0.0)
    seen: list[tuple[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, request.url.path.rpartition("/")[2]))
        if request.method == "GET":
            return httpx.Response(200, json={"name": "SP500_1d_v3"})
        if len(seen) == 2:
            raise httpx.ReadError("the connection broke")
        return httpx.Response(200, json={"model_id": "trend/SP500_1d_v3", "latest": None})

    with client_of(answer) as client:
        client.delete_model("trend", name)
    assert seen == [("GET", name), ("DELETE", "SP500_1d_v3"), ("DELETE", "SP500_1d_v3")]
