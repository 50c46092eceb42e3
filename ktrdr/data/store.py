"""Bars on disk: one Parquet file a series, `{percent-encoded symbol}_{timeframe}.parquet`."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

from ktrdr.data.arrow import from_arrow, to_arrow, why_unreadable
from ktrdr.data.bars import SYMBOL, Bars, SeriesKey, Timeframe, check_bars
from ktrdr.data.closes import shows_weekend_trading
from ktrdr.errors import BadBars, UnknownSymbol

logger = logging.getLogger(__name__)

_SUFFIX = ".parquet"
_ADVICE = "Import the series again, or remove the file."

_RECORD = b"ktrdr"
"""The key of a file's metadata under which lies, as JSON, what its bars alone do not say."""


@dataclass(frozen=True)
class SeriesInfo:
    """What is stored of one series. `first` and `last` are the ISO dates of the first and last bar's open.

    `trades_weekends` is what was recorded when it was written, and False for a file without the record.
    """

    symbol: str
    timeframe: str
    first: str
    last: str
    n_bars: int
    trades_weekends: bool = False


class BarSource(Protocol):
    """Where bars come from: a folder, or something that hands on another's."""

    def catalog(self) -> list[SeriesInfo]:
        """Return what there is, ordered by symbol and timeframe."""
        ...

    def read(self, key: SeriesKey) -> Bars:
        """Return all bars of a series, or raise UnknownSymbol or BadBars."""
        ...


class BarStore:
    """A `BarSource` over folders of Parquet files; of two files for one series, the earlier folder's is read."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)
        self._told: set[str] = set()

    def catalog(self) -> list[SeriesInfo]:
        """Return what there is, ordered by symbol and timeframe, from the files' metadata alone.

        A file whose metadata cannot be read is left out, with a warning in the log; `read` says what is wrong with it.
        """
        series = []
        for key, path in self._files().items():
            try:
                series.append(_describe(key, path))
            except BadBars as error:
                self._tell(f"{error}: the series is left out. {error.suggestion}")
        return series

    def has(self, key: SeriesKey) -> bool:
        """Return whether there is a file for the series, be it readable or not."""
        return key in self._files()

    def read(self, key: SeriesKey) -> Bars:
        """Return all bars of a series.

        Raises
        ------
        UnknownSymbol
            If no folder has it; names those there are.
        BadBars
            If the file cannot be read, or its bars break the conventions.
        """
        series, bars = self._read(key)
        check_bars(bars, series, timeframe=key.timeframe, advice="Correct the file and import it again.")
        return bars

    def read_unchecked(self, key: SeriesKey) -> Bars:
        """Return a series as it lies in its file, whatever is wrong with its bars, for who looks for what is.

        Raises
        ------
        UnknownSymbol
            If no folder has it.
        BadBars
            If the file cannot be read, or has not the columns.
        """
        return self._read(key)[1]

    def write(self, key: SeriesKey, bars: Bars, trades_weekends: bool | None = None) -> Path:
        """Store a series in the first folder, in place of what it had, and return its file.

        A crash at any instant leaves the old file or the new one.

        Parameters
        ----------
        key, bars
            The series.
        trades_weekends
            Whether the symbol trades on weekends, to be recorded. None: whether a bar opens on a Saturday; for weekly
            bars, which cannot tell, what is recorded of the symbol's other series, False where there is none.

        Raises
        ------
        BadBars
            If there are no bars, they break the conventions, or the symbol or the timeframe is none.
        """
        check_key(key)
        if bars.empty:
            raise BadBars(str(key), "has no bars", "Give at least one bar.")
        check_bars(bars, str(key), timeframe=key.timeframe)
        bars = bars.tz_convert("UTC")  # a zone may be UTC by another name
        record = {"trades_weekends": self._trades_weekends(key, bars) if trades_weekends is None else trades_weekends}
        table = to_arrow(bars).replace_schema_metadata({_RECORD: json.dumps(record).encode()})
        root = self._roots[0]
        root.mkdir(parents=True, exist_ok=True)
        path = root / _file_name(key)
        temporary = root / f".{uuid.uuid4().hex}.tmp"
        try:
            with temporary.open("xb") as file:
                pq.write_table(table, file, compression="zstd")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(root)
        return path

    def _tell(self, warning: str) -> None:
        if warning not in self._told:  # the catalog is asked for many times
            self._told.add(warning)
            logger.warning("%s", warning)

    def _read(self, key: SeriesKey) -> tuple[str, Bars]:
        # A name from outside is looked up among the files there are, never joined into a path.
        files = self._files()
        if key not in files:
            raise UnknownSymbol(str(key), known=tuple(str(known) for known in files))
        series = f"{key} ({files[key]})"
        try:
            with pq.ParquetFile(files[key]) as file:
                table = file.read()
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(series, error) from None
        return series, from_arrow(table, series)

    def _trades_weekends(self, key: SeriesKey, bars: Bars) -> bool:
        shown = shows_weekend_trading(bars.index, key.timeframe)
        if shown is not None:
            return shown
        others = [info for info in self.catalog() if info.symbol == key.symbol and info.timeframe != key.timeframe]
        return any(info.trades_weekends for info in others)

    def _files(self) -> dict[SeriesKey, Path]:
        """Return the file of each series there is, ordered by symbol and timeframe."""
        files: dict[SeriesKey, Path] = {}
        for root in self._roots:
            for path in root.glob(f"*{_SUFFIX}"):
                key = _key_of(path.name)
                if key is not None:
                    files.setdefault(key, path)
        timeframes = list(Timeframe)
        return dict(
            sorted(files.items(), key=lambda item: (item[0].symbol, timeframes.index(Timeframe(item[0].timeframe))))
        )


def check_key(key: SeriesKey) -> None:
    """Refuse a key that can name no series.

    Raises
    ------
    BadBars
        If its symbol or its timeframe is none.
    """
    if not SYMBOL.fullmatch(key.symbol):
        raise BadBars(str(key), f"{key.symbol!r} is no symbol", f"It must match {SYMBOL.pattern}")
    if key.timeframe not in list(Timeframe):
        raise BadBars(str(key), f"'{key.timeframe}' is no timeframe", f"Use one of {', '.join(Timeframe)}.")


def _file_name(key: SeriesKey) -> str:
    return f"{quote(key.symbol, safe='')}_{key.timeframe}{_SUFFIX}"


def _key_of(file_name: str) -> SeriesKey | None:
    """Return the series that a file name stands for, or None where it is not one that `_file_name` gives."""
    symbol, _, timeframe = file_name.removesuffix(_SUFFIX).rpartition("_")
    key = SeriesKey(unquote(symbol), timeframe)
    return key if symbol and timeframe in list(Timeframe) and _file_name(key) == file_name else None


def _describe(key: SeriesKey, path: Path) -> SeriesInfo:
    series = f"{key} ({path})"
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(series, error) from None
    names = metadata.schema.names
    if "time" not in names:
        raise BadBars(series, "has no column time", _ADVICE)
    groups = [metadata.row_group(n).column(names.index("time")).statistics for n in range(metadata.num_row_groups)]
    times = [time for group in groups if group is not None and group.has_min_max for time in (group.min, group.max)]
    if not times or not all(isinstance(time, dt.datetime) and time.tzinfo is not None for time in times):
        raise BadBars(series, "says nothing about its times in its metadata", _ADVICE)
    first, last = (time.astimezone(dt.UTC).date().isoformat() for time in (min(times), max(times)))
    recorded = _recorded((metadata.metadata or {}).get(_RECORD, b"{}"), series)
    return SeriesInfo(key.symbol, key.timeframe, first, last, metadata.num_rows, recorded)


def _recorded(text: bytes, series: str) -> bool:
    try:
        recorded = json.loads(text).get("trades_weekends", False)
    except (ValueError, AttributeError):
        recorded = None
    if not isinstance(recorded, bool):
        raise BadBars(series, f"has in its metadata {text!r}, which no import wrote", _ADVICE)
    return recorded


def _unreadable(series: str, error: Exception) -> BadBars:
    return BadBars(series, f"cannot be read: {why_unreadable(error)}", _ADVICE)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
