"""What is too large for one answer on its way out: read one part at a time, so that nobody holds it whole.

Nothing lives on between two parts: a client that goes away leaves nothing behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from ktrdr.errors import StorageError

PART_SIZE = 4 * 1024**2  # bytes

ReadPart = Callable[[int], Awaitable[bytes]]
"""Give the part that begins at an offset."""


async def parts_of(read: ReadPart, size: int) -> AsyncIterator[bytes]:
    """Return the `size` bytes that `read` gives, part by part; the first has been read, so that its errors come here.

    Raises
    ------
    KtrdrError
        What `read` raises; while the parts are given, too.
    StorageError
        There, if they end before `size`.
    """
    return _following(read, await read(0), size)


async def _following(read: ReadPart, part: bytes, size: int) -> AsyncIterator[bytes]:
    offset = len(part)
    while part:
        following = asyncio.ensure_future(read(offset)) if offset < size else None
        try:
            yield part  # the next one is read in the meantime
            part = b"" if following is None else await following
        finally:
            if following is not None:
                following.cancel()
        offset += len(part)
    if offset != size:
        raise StorageError(f"It ended after {offset:,} of {size:,} bytes.", "Ask for it again.")
