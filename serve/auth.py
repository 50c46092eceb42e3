"""Who may ask: the API key, and how much one request may send."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ktrdr.wire.answers import PREFIX
from serve.problems import problem

OPEN_PATHS = ("/api/v1/health", "/docs", "/openapi.json", "/redoc")
OPEN_FOLDER = "/static-offline-docs/"
MAX_BODY = 1024 * 1024
STREAMED = (("POST", f"{PREFIX}/models/import"),)
"""Routes that read their body as it comes, under a limit of their own."""
ASKED = "This service asks for an API key: send `Authorization: Bearer KEY`; the CLI reads KTRDR_API_KEY."


class ApiKey:
    """Asks for `Authorization: Bearer KEY`, compared in constant time, on every path but those of docs and health.

    A WebSocket is asked at its handshake.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app, self._expected = app, f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._has_key(scope) or _is_open(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            answer = problem(HTTPStatus.UNAUTHORIZED, "Unauthorized", ASKED, headers={"WWW-Authenticate": "Bearer"})
            await answer(scope, receive, send)
        else:  # the server can refuse a handshake by closing alone, which is a 403 without a body
            await send({"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION, "reason": "Unauthorized"})

    def _has_key(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return hmac.compare_digest(given, self._expected)


def _is_open(scope: Scope) -> bool:
    path = str(scope["path"])
    return scope["type"] == "http" and (path in OPEN_PATHS or (path.startswith(OPEN_FOLDER) and ".." not in path))


class BodyLimit:
    """Refuses bodies over `MAX_BODY` bytes, by their announced length and by what comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) in STREAMED:
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        body = bytearray()
        is_too_large = not announced.isdigit() or int(announced) > MAX_BODY
        more = not is_too_large
        while more and not is_too_large:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            is_too_large = len(body) > MAX_BODY
        if is_too_large:
            answer = problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request too large", f"A body may have {MAX_BODY} bytes at most."
            )
            await answer(scope, receive, send)
            return
        is_read = False

        async def replay() -> Message:
            nonlocal is_read
            if not is_read:
                is_read = True
                return {"type": "http.request", "body": bytes(body), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)
