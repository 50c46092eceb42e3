"""What a version says of the training it came from, as far as predictions go by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from ktrdr.errors import RequestError, StorageError
from ktrdr.storage.contents import CONFIG, METADATA, Stored, validated
from ktrdr.storage.names import model_name, parse_version
from ktrdr.strategy import DateText, Symbol

MAX_THREADS = 1024


class _Known(Stored):
    """Each may be absent, as in what an earlier version stored; what is there is right."""

    model_config = ConfigDict(extra="ignore")


class TrainedRequest(_Known):
    """`request` in `config.json`: what was trained on, settled."""

    symbols: tuple[Symbol, ...] | None = None
    timeframes: tuple[str, ...] | None = None
    start_date: DateText | None = None
    end_date: DateText | None = None
    validation_split: float | None = Field(default=None, ge=0, lt=1)
    seed: int | None = Field(default=None, ge=0)
    run_name: str | None = None


class _Config(_Known):
    request: TrainedRequest | None = None


class _Metadata(_Known):
    torch_threads: int | None = Field(default=None, ge=1, le=MAX_THREADS)


def check_request(config: Mapping[str, Any], model_id: str) -> None:
    """Check the request in `config.json`, and its symbols against the name that the model has.

    Raises
    ------
    StorageError
        Naming what is wrong.
    """
    request = validated(_Config, {"request": config.get("request")}, CONFIG).request
    if request is None or request.symbols is None:
        return
    base = parse_version(model_id.partition("/")[2])[0]
    timeframe = base.rpartition("_")[2]
    try:
        is_named_so = model_name(request.symbols, timeframe) == base
    except RequestError as error:
        raise StorageError(f"its request.symbols name no model: {error.message}") from error
    if not is_named_so:
        symbols = ", ".join(request.symbols)
        raise StorageError(f"its request.symbols are {symbols} and the model is named {base}")


def check_threads(metadata: Mapping[str, Any]) -> None:
    """Check the number of threads in `metadata.json`.

    Raises
    ------
    StorageError
        If nothing was ever computed on so many.
    """
    validated(_Metadata, {"torch_threads": metadata.get("torch_threads")}, METADATA)
