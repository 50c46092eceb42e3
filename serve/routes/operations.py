"""`/operations`: list, look, follow, cancel, resume, retry, and what a failed hand-over left."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response, WebSocket
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse

from ktrdr.errors import KtrdrError, RequestError, TransitionRefused
from ktrdr.wire import (
    SHA256_HEADER,
    CancelRequest,
    OperationSummary,
    OperationView,
    Page,
    RetryRequest,
    TrainingStarted,
)
from serve.routes.gateway import FeedsDep, GatewayDep
from serve.streaming import KEEP_ALIVE_S, log_lines, refuse, send_frames, server_sent_events

router = APIRouter(prefix="/operations", tags=["operations"])


@router.get("")
async def list_operations(  # noqa: PLR0913 - the query's filters
    gateway: GatewayDep,
    status: str | None = None,
    strategy: str | None = None,
    active: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: str | None = None,
) -> Page[OperationSummary]:
    """Return operations, newest first."""
    page: Page[OperationSummary] = await gateway.operations(
        "page", status=status, strategy=strategy, active=active, limit=limit, cursor=cursor
    )
    return page


@router.get("/{operation_id}")
async def show(operation_id: str, gateway: GatewayDep) -> OperationView:
    """Return one operation as it is now."""
    view: OperationView = await gateway.operations("get", operation_id)
    return view


@router.get("/{operation_id}/metrics")
async def metrics(operation_id: str, gateway: GatewayDep) -> Response:
    """Return the epochs so far, the best of them, and whether the training overfits or has stopped improving."""
    return Response(await gateway.operations("metrics_json", operation_id), media_type="application/json")


@router.get("/{operation_id}/result")
async def result(operation_id: str, gateway: GatewayDep) -> dict[str, Any]:
    """Return the result of a completed operation; 409 with its status before."""
    view: OperationView = await gateway.operations("get", operation_id)
    if view.result is None:
        raise TransitionRefused(operation_id, view.status, "asked for a result: only a completed one has it")
    return view.result


@router.get("/{operation_id}/logs")
async def logs(
    operation_id: str, gateway: GatewayDep, follow: bool = False, after: Annotated[int, Query(ge=0)] = 0
) -> StreamingResponse:
    """Return the operation's log as JSON lines, behind its first `after`; with `follow`, as it grows until the end."""
    await gateway.operations("get", operation_id)  # an unknown id is a 404, not an empty stream
    lines = log_lines(functools.partial(gateway.operations, "log", operation_id), follow, after)
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.get("/{operation_id}/events")
async def events(
    operation_id: str, feeds: FeedsDep, last_event_id: Annotated[str | None, Header()] = None
) -> EventSourceResponse:
    """Stream `progress`, `state` and `end` events; goes on after `Last-Event-ID`."""
    last_id = _event_id("Last-Event-ID", last_event_id)
    await feeds.check(operation_id)
    return EventSourceResponse(server_sent_events(feeds, operation_id, last_id), ping=KEEP_ALIVE_S)


@router.websocket("/{operation_id}/ws")
async def live(
    socket: WebSocket, operation_id: str, feeds: FeedsDep, last_event_id: Annotated[str | None, Query()] = None
) -> None:
    """Send the same events as `{id, event, data}`. What is refused is refused by a closing frame: browsers show it."""
    await socket.accept()
    try:
        last_id = _event_id("last_event_id", last_event_id)
        await feeds.check(operation_id)
    except KtrdrError as error:
        await refuse(socket, error)
    else:
        await send_frames(socket, feeds, operation_id, last_id)


@router.post("/{operation_id}/cancel", status_code=202)
async def cancel(operation_id: str, gateway: GatewayDep, asked: CancelRequest | None = None) -> OperationView:
    """Ask the operation to stop; 409 with its status where it has ended or its model is being saved."""
    return await _cancel(gateway, operation_id, asked or CancelRequest())


@router.delete("/{operation_id}", status_code=202)
async def delete(operation_id: str, gateway: GatewayDep) -> OperationView:
    """Cancel, as `POST .../cancel` does."""
    return await _cancel(gateway, operation_id, CancelRequest())


@router.post("/{operation_id}/resume", status_code=202)
async def resume(operation_id: str, gateway: GatewayDep) -> OperationView:
    """Let an operation that failed or was cancelled go on from its checkpoint; 409 with its status where none does."""
    view: OperationView = await gateway.operations("resume", operation_id)
    return view


@router.post("/{operation_id}/retry", status_code=202)
async def retry(operation_id: str, gateway: GatewayDep, asked: RetryRequest | None = None) -> TrainingStarted:
    """Start a training that asks for the same again; 409 with its status where the operation has not ended."""
    return await gateway.retry(operation_id, (asked or RetryRequest()).operation_id)


@router.post("/{operation_id}/retry-transfer", status_code=202)
async def retry_transfer(operation_id: str, gateway: GatewayDep) -> OperationView:
    """Hand over again what was trained and could not be stored; 409 where nothing is kept, or its node is gone."""
    view: OperationView = await gateway.operations("retry_transfer", operation_id)
    return view


@router.get("/{operation_id}/artifact")
async def artifact(operation_id: str, gateway: GatewayDep) -> StreamingResponse:
    """Return what a failed hand-over left, from its node; 404 where nothing is kept, 409 where the node is gone."""
    kept, parts = await gateway.artifact(operation_id)
    headers = {
        "Content-Length": str(kept.size),
        "Content-Disposition": f'attachment; filename="{operation_id}.artifact"',
        SHA256_HEADER: kept.sha256,
    }
    return StreamingResponse(parts, media_type="application/octet-stream", headers=headers)


def _event_id(name: str, text: str | None) -> int:
    """Return the id of the last event that a client has seen; 0 where it names none."""
    if text is not None and not re.fullmatch(r"[0-9]{1,18}", text):
        advice = f"Send the id of the last event seen, or no {name}."
        raise RequestError(name, f"'{text}' is not an event id.", advice)
    return int(text or 0)


async def _cancel(gateway: GatewayDep, operation_id: str, asked: CancelRequest) -> OperationView:
    view: OperationView = await gateway.operations("cancel", operation_id, asked.reason, asked.force)
    return view
