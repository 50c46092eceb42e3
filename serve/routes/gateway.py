"""The gateway, the feeds and the uploads of the running application, as routes ask for them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.requests import HTTPConnection

from actors.gateway import Gateway
from ktrdr.exchange import Uploads
from serve.feeds import Feeds


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


def _feeds(connection: HTTPConnection) -> Feeds:
    feeds: Feeds = connection.app.state.feeds
    return feeds


def _uploads(request: Request) -> Uploads:
    uploads: Uploads = request.app.state.uploads
    return uploads


GatewayDep = Annotated[Gateway, Depends(_gateway)]
FeedsDep = Annotated[Feeds, Depends(_feeds)]
UploadsDep = Annotated[Uploads, Depends(_uploads)]
