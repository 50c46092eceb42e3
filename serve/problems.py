"""Errors as problem+json (RFC 9457): the one table of HTTP statuses."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import get_args

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from ktrdr import errors
from ktrdr.wire import ProblemDetails
from ktrdr.wire.requests import problem_in

log = logging.getLogger("ktrdr.serve")

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[errors.KtrdrError], HTTPStatus] = {
    errors.UnknownStrategy: HTTPStatus.NOT_FOUND,
    errors.UnknownOperation: HTTPStatus.NOT_FOUND,
    errors.UnknownModel: HTTPStatus.NOT_FOUND,
    errors.UnknownAlias: HTTPStatus.NOT_FOUND,
    errors.UnknownSymbol: HTTPStatus.NOT_FOUND,
    errors.UnknownIndicator: HTTPStatus.NOT_FOUND,
    errors.UnknownArtifact: HTTPStatus.NOT_FOUND,
    errors.TransitionRefused: HTTPStatus.CONFLICT,
    errors.ArtifactAway: HTTPStatus.CONFLICT,
    errors.ModelInUse: HTTPStatus.CONFLICT,
    errors.DamagedModel: HTTPStatus.CONFLICT,
    errors.DamagedAliases: HTTPStatus.CONFLICT,
    errors.BundleTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.BadBundle: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ConfigError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DataError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TrainingError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ExecutionModeError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.InfrastructureError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.KtrdrError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The first of an error's classes that stands here decides."""

RETRY_AFTER_S = 10


def problem(
    status: int,
    title: str,
    detail: str,
    entries: list[dict[str, object]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return a problem+json answer."""
    body = ProblemDetails(
        type=f"urn:ktrdr:problem:{title.lower().replace(' ', '-')}",
        title=title,
        status=int(status),
        detail=detail,
        errors=entries or [],
    )
    return JSONResponse(body.model_dump(), status_code=int(status), media_type=MEDIA_TYPE, headers=headers)


def status_of(error: errors.KtrdrError) -> HTTPStatus:
    """Return the status that one of our errors is answered with."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)


def problem_of(error: errors.KtrdrError) -> JSONResponse:
    """Return one of our errors as an answer."""
    status = status_of(error)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status is HTTPStatus.SERVICE_UNAVAILABLE else None
    title = re.sub(r"(?<!^)(?=[A-Z])", " ", type(error).__name__).capitalize()
    return problem(status, title, str(error), [dict(entry.as_dict()) for entry in error.problems], headers)


def install(app: FastAPI) -> None:
    """Answer every error of `app` as problem+json."""

    @app.exception_handler(errors.KtrdrError)
    async def _ours(_request: Request, error: errors.KtrdrError) -> JSONResponse:
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    async def _not_of_the_form(request: Request, error: RequestValidationError) -> JSONResponse:
        found = [problem_in(item, _model_of(request, str(item["loc"][0]))) for item in error.errors()]
        detail = "; ".join(f"{entry.path}: {entry.message}" if entry.path else entry.message for entry in found)
        entries = [dict(entry.as_dict()) for entry in found]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Request error", detail, entries)

    @app.exception_handler(HTTPException)
    async def _of_http(request: Request, error: HTTPException) -> JSONResponse:
        title = HTTPStatus(error.status_code).phrase
        detail = f"{request.method} {request.url.path}: {title}. The routes there are stand at /docs."
        return problem(error.status_code, title, detail, headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def _defect(request: Request, error: Exception) -> JSONResponse:  # the API's edge: logged here, never shown
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error", "The service failed on this request; its log says why."
        )


def _model_of(request: Request, part: str) -> type[BaseModel] | None:
    """Return the model that the route of `request` reads its `body` or `query` into."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return None
    parameters = route.dependant.query_params if part == "query" else route.dependant.body_params
    if not parameters:
        return None
    annotation = parameters[0].field_info.annotation
    candidates = (annotation, *get_args(annotation))  # itself, or one of `Model | None`
    return next((model for model in candidates if isinstance(model, type) and issubclass(model, BaseModel)), None)
