"""Operations' news as server-sent events and over a WebSocket, and their logs as lines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.status import WS_1000_NORMAL_CLOSURE, WS_1009_MESSAGE_TOO_BIG
from starlette.websockets import WebSocket, WebSocketDisconnect

from ktrdr.errors import InfrastructureError, KtrdrError
from serve.feeds import Feeds
from serve.problems import status_of

KEEP_ALIVE_S = 15.0
LOG_POLL_S = 1.0
KEEP_ALIVE_POLLS = 15
MAX_MESSAGE = 4096
"""Bytes. Nothing that a client of a WebSocket says is asked for."""
MAX_REASON = 123
"""Bytes of a reason that fit into a closing frame."""

ReadLog = Callable[[int], Awaitable[tuple[str, int, bool]]]
"""Whole lines from an offset on, the next offset, and whether the operation had ended before they were read."""


async def server_sent_events(feeds: Feeds, operation_id: str, last_id: int) -> AsyncIterator[bytes]:
    """Yield the operation's news later than `last_id` until its `end`.

    A client that goes away ends this generator, and the feed where nobody else watches. A stream that closes without
    `end` is to be taken up again.
    """
    with feeds.watch(operation_id, last_id) as watcher:
        while (news := await watcher.next()) is not None:
            yield news.sse


async def send_frames(socket: WebSocket, feeds: Feeds, operation_id: str, last_id: int) -> None:
    """Send the operation's news later than `last_id` over an open WebSocket until its `end`, and close it.

    A client that goes away ends this, as it does one that says too much; else what it says is not listened to.
    """
    sending = asyncio.create_task(_send(socket, feeds, operation_id, last_id))
    listening = asyncio.create_task(_listen(socket))
    try:
        done, _ = await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        listening.cancel()
        # not `gather`: where this is cancelled itself, that raises a cancellation which anyio does not know for its own
        await asyncio.wait({sending, listening})
    with contextlib.suppress(WebSocketDisconnect):  # it went away before it could be told
        if listening in done:
            if listening.result():
                await socket.close(WS_1009_MESSAGE_TOO_BIG, f"A message may have {MAX_MESSAGE} bytes at most.")
        elif sending.result():
            await socket.close(WS_1000_NORMAL_CLOSURE)
        else:
            await refuse(socket, InfrastructureError("The service cannot be asked now. Go on behind the last id."))


async def refuse(socket: WebSocket, error: KtrdrError) -> None:
    """Close an open WebSocket with 4000 and the HTTP status of `error`, and what is wrong as the reason."""
    reason = str(error).encode()[:MAX_REASON].decode(errors="ignore")
    await socket.close(4000 + status_of(error), reason)


async def _send(socket: WebSocket, feeds: Feeds, operation_id: str, last_id: int) -> bool:
    """Return whether the operation has ended; False where its news cannot be had."""
    with feeds.watch(operation_id, last_id) as watcher:
        news = None
        while (following := await watcher.next()) is not None:
            news = following
            await socket.send_text(news.frame)
        return news is not None and news.is_last


async def _listen(socket: WebSocket) -> bool:
    """Return once the client has gone (False) or has sent an over-long message (True)."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return False
        said = message.get("bytes") or (message.get("text") or "").encode()
        if len(said) > MAX_MESSAGE:
            return True


async def log_lines(read: ReadLog, follow: bool, after: int = 0, poll_s: float = LOG_POLL_S) -> AsyncIterator[str]:
    """Yield an operation's log behind its first `after` lines; with `follow`, until it has ended.

    Where nothing is logged for a while, an empty line says that the service is still there.
    """
    offset = n_quiet_polls = 0
    while True:
        text, offset, is_ended = await read(offset)
        if text:
            lines = text.split("\n")[:-1]  # whole lines alone are given
            if fresh := lines[after:]:
                yield "\n".join(fresh) + "\n"
            after, n_quiet_polls = max(0, after - len(lines)), 0
            continue
        if not follow or is_ended:
            return
        n_quiet_polls += 1
        if n_quiet_polls % KEEP_ALIVE_POLLS == 0:
            yield "\n"
        await asyncio.sleep(poll_s)
