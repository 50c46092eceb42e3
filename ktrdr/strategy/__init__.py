"""The strategy file: read, judged, turned into a frozen `Strategy`."""

from __future__ import annotations

from ktrdr.data.bars import SYMBOL, Symbol
from ktrdr.strategy.dates import DateText
from ktrdr.strategy.document import Document, read_document
from ktrdr.strategy.library import StrategyLibrary
from ktrdr.strategy.loading import StrategySource, Validation, load_strategy, validate_strategy
from ktrdr.strategy.names import NAME, Name
from ktrdr.strategy.references import notes
from ktrdr.strategy.schema import Strategy
from ktrdr.strategy.summary import summary_of
from ktrdr.strategy.training_data import TimeframeText

__all__ = [
    "NAME",
    "SYMBOL",
    "DateText",
    "Document",
    "Name",
    "Strategy",
    "StrategyLibrary",
    "StrategySource",
    "Symbol",
    "TimeframeText",
    "Validation",
    "load_strategy",
    "notes",
    "read_document",
    "summary_of",
    "validate_strategy",
]
