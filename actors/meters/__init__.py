"""What is measured of the service: each metric declared once, told to Prometheus and to Ray's own endpoints."""

from actors.meters.declared import (
    OPERATION_METRICS,
    SERVICE_METRICS,
    STORAGE_METRICS,
    Counter,
    Gauge,
    Histogram,
    Metric,
)
from actors.meters.meters import Meters, Mirror
from actors.meters.operations import OperationMeters

__all__ = [
    "OPERATION_METRICS",
    "SERVICE_METRICS",
    "STORAGE_METRICS",
    "Counter",
    "Gauge",
    "Histogram",
    "Meters",
    "Metric",
    "Mirror",
    "OperationMeters",
]
