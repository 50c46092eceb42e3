"""The metrics there are: names with their unit as Prometheus wants them, a sentence, and the labels.

A label has few values, known beforehand: statuses, modes, environments, nodes. Never the id of an operation.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A family of series, one for each combination of its labels' values."""

    name: str
    description: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counter(Metric):
    """Only rises; from zero again when its actor restarts. Its name ends in `_total`."""


@dataclass(frozen=True)
class Gauge(Metric):
    """What is so at the moment of asking."""


@dataclass(frozen=True, kw_only=True)
class Histogram(Metric):
    """How often a value was at most each of `buckets`, in the unit at the end of the name."""

    buckets: tuple[float, ...]


OPERATIONS = Gauge("ktrdr_operations", "Operations in the store, by status.", ("status",))
QUEUED = Gauge("ktrdr_queued_operations", "Operations that wait for a slot, by environment.", ("environment",))
RUNNING = Gauge("ktrdr_running_trainings", "Operations that an attempt has, by environment.", ("environment",))
NODE_UP = Gauge(
    "ktrdr_node_up",
    "1 for a node that Ray says is alive, 0 for an hour after it was last seen.",
    ("environment", "node"),
)
SUBMISSIONS = Counter("ktrdr_submissions_total", "Operations that were entered, by environment.", ("environment",))
FALLBACKS = Counter(
    "ktrdr_fallbacks_total", "Operations that were placed elsewhere than asked, by mode asked.", ("requested_mode",)
)
ENDINGS = Counter(
    "ktrdr_endings_total",
    "Operations that ended; one that is resumed ends again.",
    ("environment", "outcome"),
)
LOST_ATTEMPTS = Counter(
    "ktrdr_lost_attempts_total", "Attempts that a lost process or machine ended, by environment.", ("environment",)
)
CANCEL_LATENCY = Histogram(
    "ktrdr_cancel_latency_seconds",
    "From the request to cancel a running operation until its training has stopped.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
PROGRESS_INTERVAL = Histogram(
    "ktrdr_progress_interval_seconds",
    "Between two progress updates of one attempt.",
    buckets=(0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)

_SIZES = tuple(float(4**power * 1024) for power in range(1, 11))  # 4 KiB to 1 GiB

RAW_SIZE = Histogram("ktrdr_artifact_raw_bytes", "Saved artifacts before compression.", buckets=_SIZES)
COMPRESSED_SIZE = Histogram("ktrdr_artifact_compressed_bytes", "Saved artifacts as they travelled.", buckets=_SIZES)
TRANSFER_RETRIES = Counter(
    "ktrdr_transfer_retries_total", "Tries to hand over an artifact that came after a first one that failed."
)
DAMAGED_ARTIFACTS = Counter(
    "ktrdr_damaged_artifacts_total", "Artifacts refused for their checksum, or because they could not be unpacked."
)

ACTOR_UP = Gauge("ktrdr_actor_up", "1 for an actor that answered this scrape, 0 for one that is away.", ("actor",))

OPERATION_METRICS: tuple[Metric, ...] = (
    OPERATIONS, QUEUED, RUNNING, NODE_UP, SUBMISSIONS, FALLBACKS, ENDINGS, LOST_ATTEMPTS, CANCEL_LATENCY,
    PROGRESS_INTERVAL,
)  # fmt: skip
"""The OperationsActor's."""

STORAGE_METRICS: tuple[Metric, ...] = (RAW_SIZE, COMPRESSED_SIZE, TRANSFER_RETRIES, DAMAGED_ARTIFACTS)
"""The ModelStorageActor's."""

SERVICE_METRICS: tuple[Metric, ...] = (ACTOR_UP,)
"""Of the HTTP service, which asks the actors."""
