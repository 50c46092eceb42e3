"""What Prometheus reads in an exposition."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def series(text: str, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of that name, by their labels' values in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def value(text: str, name: str, *labels: str) -> float:
    """Return one sample's value."""
    return series(text, name)[labels]


def families(text: str) -> list[str]:
    """Return the names of the families as they are written, sorted, and twice what is there twice."""
    return sorted(line.split()[2] for line in text.splitlines() if line.startswith("# TYPE "))
