"""The streams of the HTTP surface: WebSockets, followed logs, what is left when a client goes away."""

from __future__ import annotations

import asyncio
import functools
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from actors.hub import Event
from ktrdr.errors import InfrastructureError
from serve.auth import ApiKey
from serve.feeds import Feeds
from serve.streaming import MAX_MESSAGE, log_lines, send_frames, server_sent_events
from tests.fakes.house import House, run, until
from tests.serve.conftest import API, client_of
from tests.serve.test_application import complete, complete_claimed, start


def path_of(operation_id: str) -> str:
    return f"{API}/operations/{operation_id}/ws"


def closing_of(client: TestClient, path: str) -> tuple[int, str]:
    """Return the code and the reason that the socket at `path` is closed with, whatever comes before."""
    with client.websocket_connect(path) as socket:
        while (message := socket.receive())["type"] != "websocket.close":
            pass
        return message["code"], message["reason"]


def feeds_of(house: House) -> Feeds:
    async def changes(*asked: Any) -> Any:
        return await house.operations.changes(*asked)

    return Feeds(changes)


def test_frames_are_the_events_of_the_stream_and_the_socket_closes_after_the_end(
    client: TestClient, house: House
) -> None:
    operation_id = start(client)
    with client.websocket_connect(path_of(operation_id)) as socket:
        first = socket.receive_json()
        assert (first["event"], first["data"]["status"]) == ("state", "pending")
        client.post(f"{API}/operations/{operation_id}/cancel")
        state, end = socket.receive_json(), socket.receive_json()
        assert (state["event"], state["data"]["status"]) == ("state", "cancelled")
        assert (end["event"], end["data"]["operation_id"]) == ("end", operation_id)
        assert first["id"] < state["id"] < end["id"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1000


def test_a_socket_goes_on_behind_an_id(client: TestClient) -> None:
    operation_id = start(client)
    with client.websocket_connect(path_of(operation_id)) as socket:
        seen = socket.receive_json()["id"]
    with client.websocket_connect(f"{path_of(operation_id)}?last_event_id={seen}") as socket:
        client.post(f"{API}/operations/{operation_id}/cancel")
        assert socket.receive_json()["data"]["status"] == "cancelled"


def test_what_a_socket_is_refused_for_stands_in_its_closing_frame(client: TestClient) -> None:
    assert closing_of(client, path_of("train-nope")) == (4404, "Operation not found: train-nope")
    code, reason = closing_of(client, f"{path_of(start(client))}?last_event_id=x")
    assert (code, "'x' is not an event id" in reason) == (4422, True)
    code, reason = closing_of(client, path_of("train-" + "n" * 200))
    assert (code, len(reason.encode())) == (4404, 123)


def test_a_socket_says_when_the_service_cannot_be_asked_any_more(client: TestClient) -> None:
    operation_id = start(client)
    client.app.state.feeds = Feeds(Failing())  # type: ignore[attr-defined]
    with client.websocket_connect(path_of(operation_id)) as socket:
        assert socket.receive_json() == {"id": 7, "event": "progress", "data": {}}
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 4503
    answer = client.get(f"{API}/operations/{operation_id}/events")  # as a stream it closes, and has no end
    assert [line for line in answer.text.splitlines() if line.startswith("event:")] == ["event: progress"]


class Failing:
    """Answers with what there is, and then no more."""

    async def __call__(self, operation_id: str, since: int, timeout_s: float) -> list[Event]:
        if timeout_s > 0:
            raise InfrastructureError("The service's operations actor does not answer.")
        return [Event(7, "progress", {})]


def test_what_a_client_says_is_ignored_unless_it_is_over_long(client: TestClient) -> None:
    operation_id = start(client)
    with client.websocket_connect(path_of(operation_id)) as socket:
        socket.receive_json()
        socket.send_text("hello")
        socket.send_bytes(b"\x00" * MAX_MESSAGE)
        socket.send_text("x" * (MAX_MESSAGE + 1))
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == 1009


def test_the_key_is_asked_for_at_the_handshake(house: House, tmp_path: Path) -> None:
    with client_of(house, tmp_path, api_key="a key") as client:
        operation_id = start_with_key(client)
        for headers in ({}, {"Authorization": "Bearer a kez"}):
            with (
                pytest.raises(WebSocketDenialResponse) as denied,
                client.websocket_connect(path_of(operation_id), headers=headers),
            ):
                pass
            assert (denied.value.status_code, denied.value.json()["title"]) == (401, "Unauthorized")
        for path in ("/docs", "/api/v1/health"):  # open to requests, and no way around
            with pytest.raises(WebSocketDenialResponse), client.websocket_connect(path):
                pass
        with client.websocket_connect(path_of(operation_id), headers={"Authorization": "Bearer a key"}) as socket:
            assert socket.receive_json()["event"] == "state"


def start_with_key(client: TestClient) -> str:
    body = {"strategy_name": "minimal"}
    answer = client.post(f"{API}/trainings/start", json=body, headers={"Authorization": "Bearer a key"})
    return str(answer.json()["operation_id"])


def test_a_server_that_can_only_close_refuses_a_handshake_without_the_key() -> None:
    async def scene() -> None:
        sent: list[dict[str, Any]] = []

        async def forbidden(*_: Any) -> None:
            raise AssertionError("it went through")

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": path_of("train-1"), "headers": []}
        await ApiKey(forbidden, "a key")(scope, forbidden, send)
        [closed] = sent
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)

    run(scene)


class Socket:
    """A WebSocket whose client is played; sending waits while `is_stuck`."""

    def __init__(self, is_stuck: bool = False) -> None:
        self.sent: list[str] = []
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed: int | None = None
        self._is_stuck = is_stuck

    async def receive(self) -> dict[str, Any]:
        return await self.said.get()

    async def send_text(self, text: str) -> None:
        self.sent.append(text)
        if self._is_stuck:
            await asyncio.Event().wait()

    async def close(self, code: int, reason: str = "") -> None:
        self.closed = code


@pytest.mark.parametrize("is_stuck", [False, True])
def test_a_socket_whose_client_goes_away_leaves_nothing_running(tmp_path: Path, is_stuck: bool) -> None:
    async def scene() -> None:
        house, socket = House(tmp_path), Socket(is_stuck)
        operation_id = await house.operations.submit({"strategy_name": "minimal"})
        before = len(asyncio.all_tasks())
        live: Any = send_frames(socket, feeds_of(house), operation_id, 0)  # type: ignore[arg-type]
        live = asyncio.create_task(live)
        await until(lambda: len(socket.sent) == 1)
        socket.said.put_nowait({"type": "websocket.disconnect"})
        await live
        assert socket.closed is None
        await until(lambda: len(asyncio.all_tasks()) == before)

    run(scene)


def test_an_event_stream_that_is_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    async def scene() -> None:
        house = House(tmp_path)
        operation_id = await house.operations.submit({"strategy_name": "minimal"})
        before = len(asyncio.all_tasks())
        stream = server_sent_events(feeds_of(house), operation_id, 0)
        assert b"event: state" in await anext(stream)
        waiting = asyncio.create_task(anext(stream))  # type: ignore[arg-type]
        await until(lambda: len(asyncio.all_tasks()) == before + 2)
        waiting.cancel()
        await until(lambda: len(asyncio.all_tasks()) == before)

    run(scene)


def test_lines_written_just_before_the_end_are_all_followed(house: House) -> None:
    async def scene() -> None:
        operation_id = await house.operations.submit({"strategy_name": "minimal"})
        house.book.claim("cpu-docker", "me")
        lines: list[str] = []

        async def reading() -> None:
            async for text in log_lines(functools.partial(house.operations.log, operation_id), follow=True, poll_s=0):
                lines.extend(filter(None, text.split("\n")))

        follower = asyncio.create_task(reading())
        await house.operations.report(operation_id, 1, None, [], [{"event": "early"}])
        await until(lambda: len(lines) == 1)
        last = [{"event": f"late {number} " + "x" * 1000} for number in range(2000)]  # more than one reading takes
        await house.operations.report(operation_id, 1, None, [], last)
        await asyncio.to_thread(complete_claimed, house, operation_id)
        await follower
        assert [json.loads(line)["event"][:8].strip() for line in lines[:3]] == ["early", "late 0 x", "late 1 x"]
        assert len(lines) == 2001

    run(scene)


def test_a_log_in_which_nothing_happens_shows_that_the_service_is_there() -> None:
    async def scene() -> None:
        async def silent(offset: int) -> tuple[str, int, bool]:
            return "", offset, False

        lines = log_lines(silent, follow=True, poll_s=0)
        assert [await anext(lines), await anext(lines)] == ["\n", "\n"]
        await lines.aclose()  # type: ignore[attr-defined]

    run(scene)


def test_a_log_is_read_on_behind_the_lines_that_are_known(client: TestClient, house: House) -> None:
    operation_id = start(client)
    records = [{"event": f"line {number}"} for number in range(5)]
    asyncio.run(house.operations.report(operation_id, 1, None, [], records))
    for after, known in ((0, 0), (2, 2), (5, 5), (9, 5)):
        answer = client.get(f"{API}/operations/{operation_id}/logs", params={"after": after})
        assert [json.loads(line) for line in answer.text.splitlines()] == records[known:]
    complete(house, operation_id)
    followed = client.get(f"{API}/operations/{operation_id}/logs", params={"after": 4, "follow": True})
    assert [json.loads(line) for line in followed.text.splitlines()] == records[4:]
