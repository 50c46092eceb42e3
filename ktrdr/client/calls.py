"""How a service is called: one connection, the API key, and the retries that a repeat may have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from ktrdr.client.address import recorded_url
from ktrdr.client.downloads import download
from ktrdr.client.refusals import is_passing, refusal
from ktrdr.client.streams import Streams
from ktrdr.errors import ServiceUnreachable
from ktrdr.settings import Settings
from ktrdr.wire.answers import PREFIX

RETRY_S = 20.0
"""For so long a request is repeated while the service restarts: a killed proxy needs 4 s, a busy machine longer."""

UPLOAD_TIMEOUT_S = 600.0
"""For so long an answer is waited for: what was sent is verified first."""

ReturnT = TypeVar("ReturnT")


class Calls:
    """Sends requests to one service; `Client` says which. Its parameters are told there."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        settings = Settings.read()
        self.url = (url or settings.url or recorded_url(settings)).rstrip("/")
        key = api_key or (settings.api_key.get_secret_value() if settings.api_key else None)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=self.url + PREFIX, headers=headers, timeout=timeout_s, trust_env=False, transport=transport
        )
        self._streams = Streams(self._http, self.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _object(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._send(method, path, **arguments).json()
        return answer

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request, again while the service restarts. Every request is safe to repeat.

        A start and a retry carry the new id; a resume that came through is refused the second time.
        """
        return self._insist(lambda: self._send_once(method, path, arguments))

    def _download(self, path: str, target: Path) -> str:
        """Write what a route gives to a file and return its SHA-256; from the beginning, where it breaks off."""
        return self._insist(lambda: download(self._http, path, target))

    def _upload(self, path: str, file: Path) -> dict[str, Any]:
        """Send a file as it is; from its beginning, where that breaks off. It is not held whole."""

        def once() -> httpx.Response:
            with file.open("rb") as content:
                headers = {"Content-Type": "application/zip"}
                return self._send_once(
                    "POST", path, {"content": content, "headers": headers, "timeout": UPLOAD_TIMEOUT_S}
                )

        answer: dict[str, Any] = self._insist(once).json()
        return answer

    def _insist(self, once: Callable[[], ReturnT]) -> ReturnT:
        tries = Retrying(
            stop=stop_after_delay(RETRY_S),
            wait=wait_exponential(multiplier=0.2, max=3),
            retry=retry_if_exception(is_passing),
            reraise=True,
        )
        try:
            return tries(once)
        except httpx.TransportError as error:
            raise ServiceUnreachable(self.url) from error

    def _send_once(self, method: str, path: str, arguments: dict[str, Any]) -> httpx.Response:
        answer = self._http.request(method, path, **arguments)
        if answer.is_error:
            raise refusal(answer)
        return answer
