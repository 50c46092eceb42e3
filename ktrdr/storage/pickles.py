"""What may stand in the pickle of a stored model, looked at before anything is made of it.

torch's own reader executes nothing, and yet makes what a pickle asks for: a `bytearray` of any size, a list that stands
in others a billion times. Weights and plain values need none of that.
"""

from __future__ import annotations

from ktrdr.errors import StorageError

MAX_RECORD = 4 * 1024**2
"""Bytes of an archive's entry that is no tensor's. Of 10,000 layers, the most that a strategy declares, 2 MB."""

MAX_STEPS = 1_000_000
"""A tensor takes 30."""

_MAKES = frozenset({b"torch._utils _rebuild_tensor_v2", b"collections OrderedDict"})
_STORAGE = (b"torch ", b"Storage")

_TEXT, _GLOBAL, _LONG = b"X", b"c", b"\x8a"
_REMEMBER, _RECALL = {b"q": 1, b"r": 4}, {b"h": 1, b"j": 4}
_CONTAINERS = frozenset({b"]", b"}"})
_LENGTHS = {
    **dict.fromkeys((b"(", b")", b"]", b"}", b"t", b"\x85", b"\x86", b"\x87", b"N", b"\x88", b"\x89"), 0),
    **dict.fromkeys((b"R", b"Q", b"a", b"e", b"s", b"u", b"."), 0),
    **{b"\x80": 1, b"K": 1, b"M": 2, b"J": 4, b"G": 8},
    **_REMEMBER,
    **_RECALL,
}
"""Bytes that follow a step's own, of the steps that `torch.save` writes for tensors and plain values."""


def check_pickle(content: bytes) -> None:
    """Refuse what is more than tensors and plain values, each in one place: reading it takes little more than it holds.

    Raises
    ------
    StorageError
        Saying what is in it.
    """
    at, n_steps, before = 0, 0, b""
    names: set[int] = set()  # what was remembered and may stand in more than one place: a text, or what a global names
    while before != b".":
        step, n_steps = content[at : at + 1], n_steps + 1
        if n_steps > MAX_STEPS:
            raise StorageError(f"it is made in more than {MAX_STEPS:,} steps")
        start, end = _argument(content, at, step)
        argument = content[start:end]
        if before in _CONTAINERS and step not in _REMEMBER:  # torch remembers each
            raise StorageError("torch did not write it")
        if step == _GLOBAL:
            _check_global(argument)
        elif step in _REMEMBER and before in (_TEXT, _GLOBAL):
            names.add(int.from_bytes(argument, "little"))
        elif step in _REMEMBER:
            names.discard(int.from_bytes(argument, "little"))
        elif step in _RECALL and int.from_bytes(argument, "little") not in names:
            raise StorageError("one thing stands in two places in it")
        at, before = end, step


def _argument(content: bytes, at: int, step: bytes) -> tuple[int, int]:
    """Return where the argument of a step begins and ends."""
    start = at + 1
    if step == _TEXT:
        start, length = at + 5, int.from_bytes(content[at + 1 : at + 5], "little")
    elif step == _LONG:
        start, length = at + 2, int.from_bytes(content[at + 1 : at + 2], "little")
    elif step == _GLOBAL:
        length = content.find(b"\n", content.find(b"\n", start) + 1) + 1 - start
    elif step in _LENGTHS:
        length = _LENGTHS[step]
    else:
        raise StorageError(f"it has a step {step!r} in it, which no tensor or plain value takes")
    if length < 0 or start + length > len(content):
        raise StorageError("it ends early")
    return start, start + length


def _check_global(argument: bytes) -> None:
    named = argument.replace(b"\n", b" ").strip()
    is_storage = named.startswith(_STORAGE[0]) and named.endswith(_STORAGE[1])
    if named not in _MAKES and not is_storage:
        raise StorageError(f"it asks for {named[:80].decode(errors='replace')}, and may hold tensors and plain values")
