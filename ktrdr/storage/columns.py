"""Ordered lists of names, such as the features that a network reads, and how one differs from another."""

from __future__ import annotations

from collections.abc import Sequence


def difference(names: Sequence[str], expected: Sequence[str]) -> str:
    """Return in words how `names` differ from those expected, empty where they are the same in the same order.

    Examples
    --------
    >>> difference(["low", "up"], ["low", "high"])
    'missing: high; not known: up'
    >>> difference(["high", "low"], ["low", "high"])
    'in another order: column 1 is high and should be low'
    """
    if tuple(names) == tuple(expected):
        return ""
    missing = [name for name in expected if name not in names]
    extra = [name for name in names if name not in expected]
    if missing or extra:
        found = (("missing:", missing), ("not known:", extra))
        return "; ".join(f"{what} {', '.join(which)}" for what, which in found if which)
    n_alike = min(len(names), len(expected))
    at = next((number for number in range(n_alike) if names[number] != expected[number]), n_alike)
    got, right = ((*side, *["nothing"] * (at + 1))[at] for side in (names, expected))
    return f"in another order: column {at + 1} is {got} and should be {right}"
