"""Bars that are possible and hard to believe: jumps, prices that stand still, days without volume."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktrdr.data.bars import COLUMNS, Bars
from ktrdr.data.findings import Finding, finding, runs

SPIKE_WINDOW = 100
"""Bars before a bar by whose returns it is judged."""

SPIKE_MULTIPLE = 8.0
"""Of their median absolute deviation, beyond which a return is a spike."""

STALE_BARS = 5
"""Bars in a row that make a run."""

_BLOCK = 50_000
"""Windows held in memory at a time."""


def find_oddities(bars: Bars) -> list[Finding]:
    """Return the spikes, the stale runs, and the bars without volume, of bars that are sound one by one."""
    return [*_spikes(bars), *_stale_runs(bars), *_without_volume(bars)]


def _spikes(bars: Bars) -> list[Finding]:
    """Judge each close-to-close log return by the ones before it; none where those did not deviate at all."""
    returns = np.diff(np.log(bars["close"].to_numpy()))
    if len(returns) <= SPIKE_WINDOW:
        return []
    multiples = np.abs(returns[SPIKE_WINDOW:]) / _past_deviations(returns)
    found = []
    for at in np.flatnonzero(multiples > SPIKE_MULTIPLE):
        bar = at + SPIKE_WINDOW + 1
        message = f"close {np.expm1(returns[bar - 1]):+.2%}, {multiples[at]:.1f} times the usual"
        found.append(finding("spike", "warning", bars.index[bar : bar + 1], message))
    return found


def _past_deviations(returns: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the median absolute deviation of the window before each return that has one; NaN where it is 0."""
    windows = np.lib.stride_tricks.sliding_window_view(returns, SPIKE_WINDOW)[:-1]
    deviations = np.empty(len(windows))
    for at in range(0, len(windows), _BLOCK):
        block = windows[at : at + _BLOCK]
        deviations[at : at + _BLOCK] = np.median(np.abs(block - np.median(block, axis=1, keepdims=True)), axis=1)
    return np.where(deviations > 0, deviations, np.nan)


def _stale_runs(bars: Bars) -> list[Finding]:
    values = bars[list(COLUMNS)].to_numpy()
    is_flat = (values[:, :4] == values[:, [3]]).all(axis=1)
    is_repeated = is_flat & np.r_[False, (values[1:] == values[:-1]).all(axis=1)]
    found = []
    for start, stop in runs(is_repeated):
        n_bars = stop - start + 1  # the bar that the first one repeats begins the run
        if n_bars >= STALE_BARS:
            price, volume = values[start, 3:]
            message = f"{n_bars} bars in a row with one price, {price:.10g}, and one volume, {volume:g}"
            found.append(finding("stale", "warning", bars.index[start - 1 : stop], message))
    return found


def _without_volume(bars: Bars) -> list[Finding]:
    is_empty = (bars["volume"] == 0).to_numpy()
    n_empty, n_bars = int(is_empty.sum()), len(bars)
    if not n_empty:
        return []
    share = f"{n_empty} of {n_bars} bars ({n_empty / n_bars:.1%}) have no volume"
    found = [finding("zero_volume", "note", bars.index[is_empty], share)]
    if n_empty > n_bars / 2:  # an index or a currency, of which none is reported: no run of it is odd
        return found
    for start, stop in runs(is_empty):
        if stop - start >= STALE_BARS:
            message = f"{stop - start} bars in a row without volume"
            found.append(finding("no_volume_run", "warning", bars.index[start:stop], message))
    return found
