"""The deployment that predicts, apart from the ingress: torch is loaded there, and only once somebody asks."""

from __future__ import annotations

from ray import serve as ray_serve
from ray.serve import Application

from actors.hosts.prediction import HostedPrediction
from cluster.head import ON_THE_HEAD
from ktrdr.settings import Settings

IDLE_S = 300.0
"""So long after the last request the process ends."""
MAX_WAITING = 64


def predicting(settings: Settings) -> Application:
    """Return the deployment `Prediction`; bound into another's arguments it is a handle there.

    It has no replica until the first request and none again after `IDLE_S` without one. A replica makes one prediction
    at a time: the number of torch's threads belongs to the process.
    """
    deployment = ray_serve.deployment(
        HostedPrediction,
        name="Prediction",
        ray_actor_options={"num_cpus": 0, "resources": ON_THE_HEAD},
        max_ongoing_requests=1,
        max_queued_requests=MAX_WAITING,
        autoscaling_config={
            "min_replicas": 0,
            "max_replicas": 1,
            "upscale_delay_s": 0,
            "downscale_delay_s": IDLE_S,
            "metrics_interval_s": 1,  # the handle may tell of a request that finds no replica only then
            "look_back_period_s": 5,
        },
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=5,
    )
    return deployment.bind(settings)
