"""Which versions go when only the newest are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ktrdr.errors import RequestError
from ktrdr.storage.aliases import named


@dataclass(frozen=True)
class Deleted:
    """A version that is gone, and the `model_id` that is the latest of its name now; None where there is none left."""

    model_id: str
    latest: str | None


@dataclass(frozen=True)
class Kept:
    """A version that stays, and why: `newest`, the aliases that name it, or that those are not known."""

    model_id: str
    why: str


@dataclass(frozen=True)
class Pruned:
    """What a prune deleted, or would delete, oldest first; `n_bytes` is what that takes on the disk."""

    deleted: tuple[str, ...]
    kept: tuple[Kept, ...]
    n_bytes: int
    dry_run: bool

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(self.deleted + other.deleted, self.kept + other.kept, self.n_bytes + other.n_bytes, self.dry_run)


def check_keep(keep: int) -> None:
    """Refuse to keep nothing."""
    if keep < 1:
        raise RequestError("keep", f"keep is {keep}.", "Keep 1 version of each model or more; delete models by name.")


def reasons_to_keep(versions: Sequence[int], keep: int, aliases: dict[str, int] | None) -> dict[int, str]:
    """Return which of a model's versions stay, and why.

    Parameters
    ----------
    versions
        Ascending.
    keep
        How many of the newest.
    aliases
        What they name; None where that is not known, then all stay.
    """
    reasons: dict[int, str] = {}
    for number in versions:
        if number in versions[-keep:]:
            reasons[number] = "newest"
        elif aliases is None:
            reasons[number] = "its aliases cannot be read"
        elif of_it := named(aliases, number):
            reasons[number] = ", ".join(of_it)
    return reasons
