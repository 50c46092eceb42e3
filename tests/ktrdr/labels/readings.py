"""Slow readings of the definitions that several labelers share, word by word."""

import math
from typing import Any

import pandas as pd

from ktrdr.labels import build

Rows = list[tuple[int, Any, int]]
"""(row, label, known_at), by positions."""


def rows_of(bars: pd.DataFrame, **config: Any) -> Rows:
    """Return what a labeler says, by positions."""
    labelled = build(config).label(bars)
    rows, known = bars.index.get_indexer(labelled.index), bars.index.get_indexer(labelled["known_at"])
    return list(zip(rows.tolist(), labelled["label"].tolist(), known.tolist(), strict=True))


def extremes_by_definition(closes: list[float], thresholds: list[float]) -> list[tuple[int, str, int]]:
    """Return (position, high or low, confirmed); running extremes are searched afresh at every bar."""
    extremes: list[tuple[int, str, int]] = []
    start, sought = 0, {"high", "low"}
    for bar, close in enumerate(closes):
        span = closes[start : bar + 1]
        running = {"high": start + span.index(max(span)), "low": start + span.index(min(span))}
        reversed_here = []
        for kind in sought:
            change = close / closes[running[kind]] - 1
            if abs(change) >= thresholds[bar] and (change < 0) == (kind == "high"):
                reversed_here.append((running[kind], kind, bar))
        if reversed_here:
            extremes.append(min(reversed_here))
            start, sought = extremes[-1][0] + 1, {"high", "low"} - {extremes[-1][1]}
    return extremes


def events_by_definition(closes: list[float], threshold: float) -> list[int]:
    """Return the bars at which either sum of log returns has passed the threshold, and starts again."""
    events = []
    up, down = 0.0, 0.0
    for bar in range(1, len(closes)):
        x = math.log(closes[bar]) - math.log(closes[bar - 1])
        up = max(0.0, up + x)
        down = min(0.0, down + x)
        if up > threshold or down < -threshold:
            events.append(bar)
        if up > threshold:
            up = 0.0
        if down < -threshold:
            down = 0.0
    return events
