"""One process's metrics: a registry in Prometheus' terms, and mirrors that are told the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import prometheus_client
from prometheus_client import CollectorRegistry

from actors.meters.declared import Counter, Gauge, Histogram, Metric

# No second family beside each counter and histogram for when it was made, which nobody reads.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Mirror(Protocol):
    """Another place where metrics are told. `labels` has a value for each of the metric's labels."""

    def count(self, metric: Counter, labels: Mapping[str, str]) -> None:
        """One more of it."""

    def observe(self, metric: Histogram, value: float, labels: Mapping[str, str]) -> None:
        """Such a value was seen."""

    def show(self, metric: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        """All there is of it, by its labels' values in order."""


class Meters:
    """Counts, observes and shows; whatever is told here is told to every mirror.

    Parameters
    ----------
    metrics
        Those there are in this process.
    mirrors
        Where else they are told.
    """

    def __init__(self, metrics: Sequence[Metric], mirrors: Sequence[Mirror] = ()) -> None:
        self._registry = CollectorRegistry()
        self._mirrors = mirrors
        self._counters = {
            metric: prometheus_client.Counter(metric.name, metric.description, metric.labels, registry=self._registry)
            for metric in metrics
            if isinstance(metric, Counter)
        }
        self._gauges = {
            metric: prometheus_client.Gauge(metric.name, metric.description, metric.labels, registry=self._registry)
            for metric in metrics
            if isinstance(metric, Gauge)
        }
        self._histograms = {
            metric: prometheus_client.Histogram(
                metric.name, metric.description, metric.labels, registry=self._registry, buckets=metric.buckets
            )
            for metric in metrics
            if isinstance(metric, Histogram)
        }

    def start(self, metric: Counter, **labels: str) -> None:
        """Let a series be there at zero: a rise from nothing is not seen by Prometheus."""
        self._counters[metric].labels(**labels)

    def count(self, metric: Counter, **labels: str) -> None:
        """One more of it."""
        counter = self._counters[metric]
        (counter.labels(**labels) if labels else counter).inc()
        for mirror in self._mirrors:
            mirror.count(metric, labels)

    def observe(self, metric: Histogram, value: float, **labels: str) -> None:
        """Such a value was seen."""
        histogram = self._histograms[metric]
        (histogram.labels(**labels) if labels else histogram).observe(value)
        for mirror in self._mirrors:
            mirror.observe(metric, value, labels)

    def show(self, metric: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        """All there is of it, by its labels' values in order; series that are not among them end."""
        gauge = self._gauges[metric]
        gauge.clear()
        for labels, value in values.items():
            gauge.labels(*labels).set(value)
        for mirror in self._mirrors:
            mirror.show(metric, values)

    def text(self) -> str:
        """Return everything in Prometheus' text format."""
        return prometheus_client.generate_latest(self._registry).decode()
