from __future__ import annotations

import re
from pathlib import Path

import pytest

from actors.meters import OPERATION_METRICS, SERVICE_METRICS, STORAGE_METRICS, Counter, Gauge, Histogram, Metric
from actors.meters import declared as declarations

ALL = (*OPERATION_METRICS, *STORAGE_METRICS, *SERVICE_METRICS)
BOUNDED = {"status", "environment", "node", "outcome", "requested_mode", "actor"}

every_metric = pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)


def test_every_metric_that_is_declared_belongs_to_one_process() -> None:
    declared = [metric for metric in vars(declarations).values() if isinstance(metric, Metric)]
    assert sorted(metric.name for metric in ALL) == sorted(metric.name for metric in declared)
    assert len({metric.name for metric in ALL}) == len(ALL)


@every_metric
def test_names_are_as_prometheus_wants_them(metric: Metric) -> None:
    assert re.fullmatch(r"ktrdr(_[a-z]+)+", metric.name)
    assert isinstance(metric, Counter) == metric.name.endswith("_total")
    assert isinstance(metric, Histogram) == metric.name.endswith(("_seconds", "_bytes"))
    assert isinstance(metric, Counter | Gauge | Histogram)
    assert metric.description.endswith(".")


@every_metric
def test_labels_have_few_values(metric: Metric) -> None:
    assert set(metric.labels) <= BOUNDED


@every_metric
def test_buckets_rise_from_above_zero(metric: Metric) -> None:
    if isinstance(metric, Histogram):
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert metric.buckets[0] > 0


def test_the_table_in_the_documents_has_every_metric_and_no_other() -> None:
    document = (Path(__file__).parents[3] / "docs" / "deployment.md").read_text()
    rows = re.findall(r"^\| `(ktrdr_\w+)` \| (\w+) \|([^|]*)\|", document, flags=re.MULTILINE)
    assert sorted((name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows) == sorted(
        (metric.name, type(metric).__name__.lower(), metric.labels) for metric in ALL
    )
