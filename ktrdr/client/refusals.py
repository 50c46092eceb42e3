"""What a client makes of an answer that is an error."""

from __future__ import annotations

import httpx

from ktrdr.errors import Problem, ServiceRefused

_SAFE_STATUSES = (502, 503, 504)


def is_passing(error: BaseException) -> bool:
    """Whether the service may be restarting: no connection, or a proxy without a replica. Our own 503 is an answer."""
    if isinstance(error, ServiceRefused):
        return error.status in _SAFE_STATUSES and not error.problems_given
    return isinstance(error, httpx.ConnectTimeout | httpx.NetworkError | httpx.RemoteProtocolError)


def refusal(answer: httpx.Response) -> ServiceRefused:
    """Return the problem that the service answered with; one without a document is still an error."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    known = ("path", "message", "suggestion", "line", "column")
    problems = tuple(
        Problem(**{key: entry.get(key) for key in known if key in entry}) for entry in body.get("errors", [])
    )
    detail = body.get("detail") or f"HTTP {answer.status_code}"
    return ServiceRefused(answer.status_code, body.get("title", "Error"), detail, problems)
