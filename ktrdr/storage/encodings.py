"""How an artifact is compressed on its way. The blob says it by its first bytes.

```
gzip    a gzip file, level 1
zstd    MAGIC, the raw size in 8 bytes, then for every CHUNK of it: 1 in a byte if it is shuffled, else 0; the size of
        a frame in 4 bytes; the frame. Shuffled: every fourth byte from the first on, then from the second on, and so on
```
Numbers are little-endian. The exponents of weights are alike and their last bits are noise: put apart, the former
compress well. Text is better left as it is, so that of every chunk the smaller of both is sent.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ktrdr.errors import StorageError

Blob: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[np.uint8]
"""What is read without being copied: Ray hands an array out as a view into its object store."""

CHUNK = 1024**2
"""Bytes that are held uncompressed at a time."""

SEND_AGAIN = "Have the node send it again."

_GZIP_LEVEL, _ZSTD_LEVEL = 1, 1
_GZIP = 31
"""zlib's word for gzip's header and checksum, and nothing else."""
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"KTRDRZS1"
_HEADER, _FRAME = struct.Struct("<8sQ"), struct.Struct("<?I")
_PLANES = 4
"""Bytes of a float32."""


class Encoding(StrEnum):
    """What may be asked for; a store reads all of them."""

    GZIP = "gzip"
    ZSTD = "zstd"


class Sink(Protocol):
    """Where bytes go, piece by piece."""

    def write(self, content: bytes | memoryview, /) -> object:
        """Take a piece."""


class Encoder(Sink, Protocol):
    """Compresses what is written to it."""

    def close(self) -> None:
        """Pass on what is left; nothing may be written after it."""


def encoder(encoding: Encoding, sink: Sink, raw_size: int) -> Encoder:
    """Return what compresses `raw_size` bytes into `sink`."""
    return _Gzip(sink) if encoding is Encoding.GZIP else _Zstd(sink, raw_size)


def view_of(blob: Blob) -> memoryview:
    """Return the bytes of a blob, not copied."""
    return blob.data if isinstance(blob, np.ndarray) else memoryview(blob)


def encoding_of(blob: Blob) -> Encoding:
    """Return how a blob is compressed.

    Raises
    ------
    StorageError
        If it begins as none does.
    """
    begin = bytes(view_of(blob)[: _HEADER.size])
    if begin.startswith(_GZIP_MAGIC):
        return Encoding.GZIP
    if begin.startswith(_ZSTD_MAGIC) and len(begin) == _HEADER.size:
        return Encoding.ZSTD
    if any(magic.startswith(begin[: len(magic)]) for magic in (_GZIP_MAGIC, _ZSTD_MAGIC)):
        raise _cut_short()
    raise StorageError("The artifact is compressed in a way that is not known here.", SEND_AGAIN)


def raw_size_of(blob: Blob) -> int:
    """Return the size in bytes that a blob says it had before compression; only `decoded` finds out whether it had."""
    view = view_of(blob)
    if encoding_of(blob) is Encoding.GZIP:
        return int.from_bytes(view[-4:], "little")
    return int(_HEADER.unpack(view[: _HEADER.size])[1])


def decoded(blob: Blob) -> Iterator[bytes]:
    """Yield what was compressed, at most `CHUNK` bytes at a time.

    Raises
    ------
    StorageError
        If the blob is damaged, cut short or goes on after its end.
    """
    view = view_of(blob)
    return _inflated(view) if encoding_of(view) is Encoding.GZIP else _unshuffled(view)


def pieces(content: bytes | memoryview) -> Iterator[memoryview]:
    """Yield what is in `content`, at most `CHUNK` bytes at a time, none of it copied."""
    view = memoryview(content).cast("B")
    for start in range(0, len(view), CHUNK):
        yield view[start : start + CHUNK]


class _Gzip:
    def __init__(self, sink: Sink) -> None:
        self._sink, self._deflater = sink, zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)

    def write(self, content: bytes | memoryview, /) -> None:
        for piece in pieces(content):
            self._sink.write(self._deflater.compress(piece))

    def close(self) -> None:
        self._sink.write(self._deflater.flush())


class _Zstd:
    def __init__(self, sink: Sink, raw_size: int) -> None:
        self._sink, self._chunk = sink, bytearray()
        self._codec = pa.Codec("zstd", compression_level=_ZSTD_LEVEL)
        sink.write(_HEADER.pack(_ZSTD_MAGIC, raw_size))

    def write(self, content: bytes | memoryview, /) -> None:
        rest = memoryview(content).cast("B")
        while len(rest):
            room = CHUNK - len(self._chunk)
            self._chunk += rest[:room]
            rest = rest[room:]
            if len(self._chunk) == CHUNK:
                self._pass_on()

    def close(self) -> None:
        if self._chunk:
            self._pass_on()

    def _pass_on(self) -> None:
        plain, shuffled = (self._codec.compress(form, asbytes=True) for form in (self._chunk, _planes(self._chunk)))
        is_shuffled = len(shuffled) < len(plain)
        frame = shuffled if is_shuffled else plain
        self._sink.write(_FRAME.pack(is_shuffled, len(frame)))
        self._sink.write(frame)
        self._chunk.clear()


def _inflated(blob: memoryview) -> Iterator[bytes]:
    inflater, at = zlib.decompressobj(wbits=_GZIP), 0
    while not inflater.eof:
        fed = inflater.unconsumed_tail
        if not fed:
            fed, at = bytes(blob[at : at + CHUNK // 16]), at + CHUNK // 16
        try:
            piece = inflater.decompress(fed, CHUNK)
        except zlib.error as error:
            raise StorageError(f"The artifact cannot be decompressed: {error}.", SEND_AGAIN) from error
        if piece:
            yield piece
        elif not fed:
            raise _cut_short()
    if inflater.unused_data or at < len(blob):
        raise _goes_on()


def _unshuffled(blob: memoryview) -> Iterator[bytes]:
    codec = pa.Codec("zstd")
    left, at = raw_size_of(blob), _HEADER.size
    while left:
        frame_at = at + _FRAME.size
        if frame_at > len(blob):
            raise _cut_short()
        is_shuffled, frame_size = _FRAME.unpack(blob[at:frame_at])
        at = frame_at + frame_size
        if at > len(blob):
            raise _cut_short()
        n_bytes = min(left, CHUNK)
        try:
            chunk = codec.decompress(blob[frame_at:at], n_bytes)  # exactly that many, whatever the frame says
        except OSError as error:
            raise StorageError(f"The artifact cannot be decompressed: {error}.", SEND_AGAIN) from error
        yield _together(chunk) if is_shuffled else bytes(chunk)
        left -= n_bytes
    if at < len(blob):
        raise _goes_on()


def _planes(chunk: bytearray) -> bytes:
    whole = len(chunk) - len(chunk) % _PLANES
    planes = np.frombuffer(chunk, np.uint8, whole).reshape(-1, _PLANES).T.tobytes()
    return planes + chunk[whole:]


def _together(chunk: memoryview) -> bytes:
    whole = len(chunk) - len(chunk) % _PLANES
    numbers = np.frombuffer(chunk, np.uint8, whole).reshape(_PLANES, -1).T.tobytes()
    return numbers + bytes(memoryview(chunk)[whole:])


def _cut_short() -> StorageError:
    return StorageError("The artifact is cut short.", SEND_AGAIN)


def _goes_on() -> StorageError:
    return StorageError("The artifact has bytes after its end.", SEND_AGAIN)
