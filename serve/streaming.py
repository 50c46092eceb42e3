"""Operations' news as server-sent events, and their logs as lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from sse_starlette import ServerSentEvent

from actors.gateway import END, Gateway

POLL_S = 15.0
LOG_POLL_S = 1.0


async def server_sent_events(gateway: Gateway, operation_id: str, last_id: int) -> AsyncIterator[ServerSentEvent]:
    """Yield the operation's news later than `last_id` until its `end`.

    A client that goes away ends this generator and nothing else.
    """
    since = last_id
    while True:
        for event in await gateway.operations("changes", operation_id, since, POLL_S):
            since = event.id
            yield ServerSentEvent(data=json.dumps(event.payload), event=event.event, id=str(event.id))
            if event.event == END:
                return


async def log_lines(gateway: Gateway, operation_id: str, follow: bool) -> AsyncIterator[str]:
    """Yield the operation's log from its beginning; with `follow`, until it has ended."""
    offset = 0
    while True:
        text, offset, is_ended = await gateway.operations("log", operation_id, offset)
        if text:
            yield text
        elif not follow or is_ended:
            return
        else:
            await asyncio.sleep(LOG_POLL_S)
