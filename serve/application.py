"""The Serve application: FastAPI behind a stateless deployment."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from ray import serve as ray_serve

import ktrdr
from actors.gateway import Gateway
from actors.remote_prediction import RemotePrediction
from cluster.environment_file import environments_of
from cluster.environments import Environments
from cluster.head import ON_THE_HEAD
from ktrdr.exchange import Uploads
from ktrdr.settings import Settings
from ktrdr.wire.answers import PREFIX
from serve import problems
from serve.auth import ApiKey, BodyLimit
from serve.feeds import Feeds
from serve.predicting import predicting
from serve.routes import (
    bundles,
    data,
    indicators,
    metrics,
    models,
    operations,
    predictions,
    strategies,
    system,
    trainings,
)

APPLICATION = "ktrdr"


def build_app(settings: Settings, environments: Environments, prediction: Any = None) -> FastAPI:
    """Return the application: routes, errors as problem+json, limits, and the API key where one is set.

    `prediction` is the handle of the deployment that predicts.
    """
    app = FastAPIOffline(
        title="ktrdr",
        version=ktrdr.__version__,
        description="Trains neuro-fuzzy trading strategies. Errors are problem+json.",
    )
    app.state.gateway = Gateway(settings, environments)
    app.state.uploads = Uploads(settings.home / "uploads")
    app.state.feeds = Feeds(lambda *asked: app.state.gateway.operations("changes", *asked))
    app.state.predictions = RemotePrediction(prediction)
    for resource in (trainings, operations, bundles, models, predictions, strategies, indicators, data, system):
        app.include_router(resource.router, prefix=PREFIX)
    app.include_router(metrics.router)
    problems.install(app)
    app.add_middleware(BodyLimit)
    if settings.api_key is not None:
        app.add_middleware(ApiKey, key=settings.api_key.get_secret_value())
    return app


def run_application(settings: Settings, host: str, port: int, environments: Environments | None = None) -> None:
    """Start Serve on `host`:`port` of this cluster's head and return when the application answers."""
    environments = environments_of(settings) if environments is None else environments
    ray_serve.start(http_options={"host": host, "port": port})
    deployment = ray_serve.deployment(
        ray_serve.ingress()(Ingress),
        name="Ingress",
        ray_actor_options={"num_cpus": 0, "resources": ON_THE_HEAD},  # it waits for actors, it does not work
        max_ongoing_requests=5000,
        health_check_period_s=2,
        health_check_timeout_s=5,
    )
    ray_serve.run(deployment.bind(settings, environments, predicting(settings)), name=APPLICATION, route_prefix="/")


class Ingress:
    """Stateless: all state is the actors'. Builds its application in its own process."""

    def __init__(self, settings: Settings, environments: Environments, prediction: Any) -> None:
        self._settings, self._environments, self._prediction = settings, environments, prediction

    def __serve_build_asgi_app__(self) -> FastAPI:
        return build_app(self._settings, self._environments, self._prediction)
