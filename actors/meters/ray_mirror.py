"""Ray's own metrics: every node's Prometheus endpoint, and through it the dashboard's charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ray.util import metrics as ray_metrics

from actors.meters.declared import Counter, Gauge, Histogram, Metric


class RayMirror:
    """Tells metrics to Ray, which prefixes their names with `ray_`.

    Parameters
    ----------
    metrics
        Those that will be told; Ray wants them made once in a process.
    kinds
        What they are made of: a `Counter`, a `Gauge` and a `Histogram`.
    """

    def __init__(self, metrics: Sequence[Metric], kinds: Any = ray_metrics) -> None:
        self._counters = {
            metric: kinds.Counter(metric.name, metric.description, metric.labels)
            for metric in metrics
            if isinstance(metric, Counter)
        }
        self._gauges = {
            metric: kinds.Gauge(metric.name, metric.description, metric.labels)
            for metric in metrics
            if isinstance(metric, Gauge)
        }
        self._histograms = {
            metric: kinds.Histogram(metric.name, metric.description, list(metric.buckets), metric.labels)
            for metric in metrics
            if isinstance(metric, Histogram)
        }
        self._shown: dict[Gauge, set[tuple[str, ...]]] = {metric: set() for metric in self._gauges}

    def count(self, metric: Counter, labels: Mapping[str, str]) -> None:
        """One more of it."""
        self._counters[metric].inc(tags=dict(labels))

    def observe(self, metric: Histogram, value: float, labels: Mapping[str, str]) -> None:
        """Such a value was seen."""
        self._histograms[metric].observe(value, tags=dict(labels))

    def show(self, metric: Gauge, values: Mapping[tuple[str, ...], float]) -> None:
        """All there is of it. Ray lets no series end: one that is not there any more becomes 0."""
        gone = dict.fromkeys(self._shown[metric] - values.keys(), 0.0)
        self._shown[metric] |= values.keys()
        for labels, value in {**gone, **values}.items():
            self._gauges[metric].set(value, tags=dict(zip(metric.labels, labels, strict=True)))
