"""The zip file that a bundle is: stored entries in a fixed order, at a fixed time, with nothing between them.

One that is read has to be, byte for byte but for what is in its files, what `Layout` writes for the entries it names:
nothing compressed, nothing twice, no entry over another, no path, no comment. Names are compared, never joined.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from ktrdr.errors import BadBundle, StorageError

MAX_BUNDLE_SIZE = 2**32 - 1
"""Bytes that a zip file has without its extension for larger ones."""

WHOLE = "the file"
"""What is at fault where no file in a bundle is."""

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_VERSION, _STORED = 20, 0
_MADE_ON_UNIX = 3 << 8 | _VERSION
_MIDNIGHT, _FIRST_OF_1980 = 0, 1 << 5 | 1
_PLAIN_FILE = 0o100644 << 16
_LONGEST_NAME = 64

ReadEntry = Callable[[str, int, int], bytes]
"""Give of the file of a name, from an offset, so many bytes."""


@dataclass(frozen=True)
class Entry:
    """One file in the archive: its name, its bytes and their CRC-32."""

    name: str
    size: int
    crc32: int


@dataclass(frozen=True)
class Layout:
    """Where everything in an archive of these entries lies.

    Raises
    ------
    StorageError
        If the archive would be larger than `MAX_BUNDLE_SIZE`.
    """

    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if sum(entry.size for entry in self.entries) > MAX_BUNDLE_SIZE - 4096 or self.size > MAX_BUNDLE_SIZE:
            raise StorageError(
                f"A bundle may have {MAX_BUNDLE_SIZE:,} bytes at most, and this one would be larger.",
                "Copy the model's folder.",
            )

    @property
    def size(self) -> int:
        """Bytes of the whole archive."""
        start, last = self.pieces[-1]
        return start + _length(last)

    @cached_property
    def pieces(self) -> tuple[tuple[int, bytes | Entry], ...]:
        """All of it in order: where a piece begins, and its bytes or the entry whose file it is."""
        pieces: list[tuple[int, bytes | Entry]] = []
        directory, offset = b"", 0
        for entry in self.entries:
            header = _local(entry)
            directory += _central(entry, offset)
            pieces += [(offset, header), (offset + len(header), entry)]
            offset += len(header) + entry.size
        n_entries = len(self.entries)
        end = _END.pack(_END_MARK, 0, 0, n_entries, n_entries, len(directory), offset, 0)
        return (*pieces, (offset, directory + end))

    def read(self, offset: int, n_bytes: int, read_entry: ReadEntry) -> bytes:
        """Return what stands at an offset: `n_bytes`, or as many as there are."""
        return b"".join(self._read(offset, offset + n_bytes, read_entry))

    def _read(self, begin: int, end: int, read_entry: ReadEntry) -> Iterator[bytes]:
        for start, piece in self.pieces:
            first, last = max(begin - start, 0), min(end - start, _length(piece))
            if first < last:
                yield piece[first:last] if isinstance(piece, bytes) else read_entry(piece.name, first, last - first)


def read_layout(file: BinaryIO, known: Sequence[str]) -> Layout:
    """Return the layout of the archive in `file`, whose entries are some of `known`, in their order.

    Raises
    ------
    BadBundle
        If it is anything but what `Layout` writes. What is in the entries is not looked at.
    """
    size = file.seek(0, os.SEEK_END)
    if size > MAX_BUNDLE_SIZE:
        raise BadBundle(WHOLE, f"has {size:,} bytes; a bundle has {MAX_BUNDLE_SIZE:,} at most")
    entries = tuple(_entries(_directory(file, size, len(known)), known))
    names = [entry.name for entry in entries]
    if names != [name for name in known if name in names]:
        raise BadBundle(WHOLE, "has its entries in another order than ktrdr writes them, or one twice")
    if sum(entry.size for entry in entries) > size:
        raise BadBundle(WHOLE, "has entries that lie over each other")
    layout = Layout(entries)
    for start, piece in layout.pieces:
        if isinstance(piece, bytes):
            file.seek(start)
            if file.read(len(piece)) != piece:
                raise BadBundle(WHOLE, "is not as ktrdr writes bundles: a header in it says something else")
    return layout


def _directory(file: BinaryIO, size: int, n_known: int) -> bytes:
    end = _at(file, size - _END.size, _END.size)
    if len(end) != _END.size or not end.startswith(_END_MARK):
        raise BadBundle(WHOLE, "is no zip file, or one with more behind it")
    length, offset = _END.unpack(end)[5:7]
    if length > n_known * (_CENTRAL.size + _LONGEST_NAME) or offset + length + _END.size != size:
        raise BadBundle(WHOLE, "is not as ktrdr writes bundles: its directory lies elsewhere, or is too long")
    return _at(file, offset, length)


def _entries(directory: bytes, known: Sequence[str]) -> Iterator[Entry]:
    while directory:
        if len(directory) < _CENTRAL.size:
            raise BadBundle(WHOLE, "has a directory that is cut short")
        fields = _CENTRAL.unpack_from(directory)
        method, crc32, packed_size, size, name_length = fields[4], *fields[7:11]
        name = directory[_CENTRAL.size : _CENTRAL.size + name_length].decode("ascii", "replace")
        if name not in known:
            raise BadBundle(ascii(name)[:80], "does not belong into a bundle")
        if method != _STORED or packed_size != size:
            raise BadBundle(name, "is compressed, which ktrdr never does")
        yield Entry(name, size, crc32)
        directory = directory[_CENTRAL.size + name_length :]


def _at(file: BinaryIO, offset: int, n_bytes: int) -> bytes:
    file.seek(max(offset, 0))
    return file.read(n_bytes)


def _length(piece: bytes | Entry) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.size


def _local(entry: Entry) -> bytes:
    name = entry.name.encode("ascii")
    return _LOCAL.pack(_LOCAL_MARK, _VERSION, *_said_twice(entry, name), 0) + name


def _central(entry: Entry, offset: int) -> bytes:
    name = entry.name.encode("ascii")
    rest = (0, 0, 0, 0, _PLAIN_FILE, offset)
    return _CENTRAL.pack(_CENTRAL_MARK, _MADE_ON_UNIX, _VERSION, *_said_twice(entry, name), *rest) + name


def _said_twice(entry: Entry, name: bytes) -> tuple[int, ...]:
    flags = 0
    return flags, _STORED, _MIDNIGHT, _FIRST_OF_1980, entry.crc32, entry.size, entry.size, len(name)
