"""`/models/.../download` and `/models/import`: a version as one file, out and in, a piece at a time."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from ktrdr.wire import SHA256_HEADER, ImportedModel
from serve.routes.gateway import GatewayDep, UploadsDep

MEDIA_TYPE = "application/zip"

router = APIRouter(prefix="/models", tags=["models"])

_BODY = {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/{strategy}/{name}/download")
async def download(strategy: str, name: str, gateway: GatewayDep) -> StreamingResponse:
    """Return a version's files as one zip file, verified; 409 with the file that is not what was saved."""
    offer, parts = await gateway.bundle(strategy, name)
    headers = {
        "Content-Length": str(offer.size),
        "Content-Disposition": f'attachment; filename="{offer.name}"',
        SHA256_HEADER: offer.sha256,
    }
    return StreamingResponse(parts, media_type=MEDIA_TYPE, headers=headers)


@router.post("/import", status_code=201, openapi_extra=_BODY)
async def import_model(request: Request, gateway: GatewayDep, uploads: UploadsDep) -> ImportedModel:
    """Save the model in a bundle, the body as it is, as the next version of its name; 422 with the file at fault."""
    announced = request.headers.get("content-length", "0")
    with uploads.receiving(int(announced) if announced.isdecimal() else 0) as upload:
        async for piece in request.stream():
            await asyncio.to_thread(upload.write, piece)
        version = await gateway.import_bundle(upload.path)
    return ImportedModel.of(version)
