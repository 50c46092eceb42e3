"""Everything this project raises on purpose, in one tree. Callers catch by whose move it is.

KtrdrError
├── ConfigError             the caller's move: a file, a request, a name
│   ├── StrategyError           the strategy file; carries every problem found, with line and column
│   ├── RequestError            a field of a request
│   ├── UnknownStrategy
│   ├── UnknownOperation
│   ├── UnknownModel
│   ├── UnknownIndicator
│   ├── TransitionRefused       an operation cannot do that in its present state
│   ├── IdempotencyConflict     the same key with another body
│   ├── OtherCheckpoint         what is kept to go on from is of another training
│   └── AlreadyStored           bars would be replaced, and nobody said that they may be
├── DataError               the market's: bars that are missing, too few or wrong
│   ├── UnknownSymbol
│   ├── OnlySlowerBars          faster bars cannot be made of those that are stored
│   ├── NoBars
│   ├── NotEnoughBars
│   ├── NoRows                  bars enough, and none that can be learned from or judged by
│   ├── BadBars
│   ├── EqualQuantiles          a fuzzy set fitted on values of which too many are the same
│   ├── BadFile                 a file to import; carries every problem found, with line and column
│   ├── NotFinite               a feature without a finite value
│   └── OneClassLabels
├── ExecutionModeError      the cluster's: no place for this training
│   └── NoGpu                   torch finds none where one is required
├── TrainingError           the training's: numbers that are not finite
├── StorageError            the store's: what could not be written, read or believed
│   ├── DamagedModel
│   ├── BadCheckpoint           what is kept to go on from is no state of a training
│   └── ResultTransferError
├── InfrastructureError     a process or a machine went away; the service tries again
│   └── NotStarted              before the training could begin: not counted as an attempt
├── ServiceError            a service's, as its HTTP client saw it
│   ├── ServiceRefused          it answered with a problem
│   └── ServiceUnreachable      it did not answer
└── CancellationError       nobody's fault

An error's `args` are its constructor's arguments, so that it survives pickling through Ray.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

ErrorKind = Literal["config", "data", "training", "infrastructure", "result_transfer", "timeout"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (dotted path; line and column from 1), what, and what to do."""

    path: str
    message: str
    suggestion: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        where = f"{self.path}: " if self.path else ""
        stop = "" if self.message.endswith((".", "?", "!")) else "."
        return f"{place}{where}{self.message}" + (f"{stop} {self.suggestion}" if self.suggestion else "")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that are set."""
        return {k: v for k, v in asdict(self).items() if v is not None}


def did_you_mean(wrong: object, known: Iterable[str]) -> str | None:
    """Return "Did you mean ...?" for the nearest of `known`, else None."""
    near = difflib.get_close_matches(str(wrong), list(known), n=1, cutoff=0.6)
    if not near:
        folded = {k.lower(): k for k in known}
        near = [folded[str(wrong).lower()]] if str(wrong).lower() in folded else []
    return f"Did you mean '{near[0]}'?" if near else None


def _nearest_or_list(wrong: str, known: Iterable[str], noun: str) -> str:
    names = sorted(known)
    if not names:
        return f"There are no {noun} yet."
    guess = did_you_mean(wrong, names)
    return _guess_and_list(guess, names, noun)


def _guess_and_list(guess: str | None, names: list[str], noun: str) -> str:
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"{guess} Known {noun}: {shown}." if guess else f"Known {noun}: {shown}."


class KtrdrError(Exception):
    """Root of the tree. `kind` is what an operation records; `suggestion` says what to do next."""

    kind: ClassVar[ErrorKind] = "training"
    path: str = ""
    """The field or key at fault, dotted; empty where none is."""
    advice: str | None = None

    @property
    def suggestion(self) -> str | None:
        """What the reader can do about it, in a sentence."""
        return self.advice

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, one entry each."""
        return (Problem(self.path, str(self), self.suggestion),)


class ConfigError(KtrdrError):
    """The caller's move."""

    kind = "config"


class StrategyError(ConfigError):
    """A strategy file that cannot be used, with every problem found in it."""

    def __init__(self, problems: tuple[Problem, ...], source: str = "strategy") -> None:
        super().__init__(problems, source)
        self._problems, self.source = problems, source

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._problems

    def __str__(self) -> str:
        count = f"{len(self._problems)} problem" + ("s" if len(self._problems) != 1 else "")
        return f"{self.source}: {count}\n" + "\n".join(f"  {p}" for p in self._problems)


class RequestError(ConfigError):
    """A field of a request that cannot be accepted."""

    def __init__(self, path: str, message: str, advice: str | None = None) -> None:
        super().__init__(path, message, advice)
        self.path, self.message, self.advice = path, message, advice

    def __str__(self) -> str:
        return self.message


class _Unknown(KtrdrError):
    """A name that names nothing, with the names that would."""

    noun: ClassVar[str]
    plural: ClassVar[str]

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        return f"{self.noun} not found: {self.name}"

    @property
    def suggestion(self) -> str | None:
        return _nearest_or_list(self.name, self.known, self.plural)


class UnknownStrategy(_Unknown, ConfigError):
    """No strategy of that name."""

    noun, plural, path = "Strategy", "strategies", "strategy_name"


class UnknownOperation(_Unknown, ConfigError):
    """No operation of that id."""

    noun, plural, path = "Operation", "operations", "operation_id"

    @property
    def suggestion(self) -> str | None:
        return "List them with `ktrdr operations list` or GET /api/v1/operations."


class UnknownModel(_Unknown, ConfigError):
    """No model of that name or version."""

    noun, plural, path = "Model", "models", "model_id"


class UnknownIndicator(_Unknown, ConfigError):
    """No indicator of that type or alias, and no TA-Lib function of that name."""

    noun, plural = "Indicator", "indicators"

    def __init__(
        self, name: str, known: tuple[str, ...] = (), reason: str | None = None, advice: str | None = None
    ) -> None:
        super().__init__(name, known)
        self.args = (name, known, reason, advice)
        self.reason, self.advice = reason, advice

    def __str__(self) -> str:
        return self.reason or super().__str__()

    @property
    def suggestion(self) -> str | None:
        return self.advice or super().suggestion


class TransitionRefused(ConfigError):
    """An operation cannot do that in its present state."""

    def __init__(self, operation_id: str, status: str, asked: str) -> None:
        super().__init__(operation_id, status, asked)
        self.operation_id, self.status, self.asked = operation_id, status, asked

    def __str__(self) -> str:
        return f"Operation {self.operation_id} is {self.status}: it cannot be {self.asked}."

    @property
    def suggestion(self) -> str | None:
        return f"See it with `ktrdr operations show {self.operation_id}`."


class IdempotencyConflict(ConfigError):
    """The same Idempotency-Key, or the same operation id, came with another body."""

    def __init__(self, key: str, operation_id: str) -> None:
        super().__init__(key, operation_id)
        self.key, self.operation_id = key, operation_id
        self.path = key.split(" ", maxsplit=1)[0]

    def __str__(self) -> str:
        return f"{self.key} was used for another request, which made {self.operation_id}."

    @property
    def suggestion(self) -> str | None:
        return "Send a new one with a new request, or the same body with this one."


class OtherCheckpoint(ConfigError):
    """A training would go on from the state of another one: its strategy, bars, rows or seed differ."""

    path = "checkpoints"

    def __init__(self, differing: tuple[str, ...]) -> None:
        super().__init__(differing)
        self.differing = differing

    def __str__(self) -> str:
        words = " and ".join(f"{'other' if word.endswith('s') else 'another'} {word}" for word in self.differing)
        return f"The checkpoint kept here is of another training, with {words}."

    @property
    def suggestion(self) -> str | None:
        return "Ask for what it was made with to go on from it, or start a new training. It was left as it is."


class AlreadyStored(ConfigError):
    """Bars would be replaced, and nobody said that they may be."""

    path = "overwrite"

    def __init__(self, series: str) -> None:
        super().__init__(series)
        self.series = series

    def __str__(self) -> str:
        return f"{self.series} is stored already."

    @property
    def suggestion(self) -> str | None:
        return "Import with --overwrite to replace it."


class DataError(KtrdrError):
    """The market's: bars that are missing, too few or wrong."""

    kind = "data"


class UnknownSymbol(_Unknown, DataError):
    """No bars are stored for that symbol and timeframe."""

    noun, plural = "Symbol", "series"

    def __init__(self, name: str, known: tuple[str, ...] = (), path: str = "symbols") -> None:
        super().__init__(name, known)
        self.args = (name, known, path)
        self.path = path
        self.symbol = name.partition(" ")[0]
        self._own = sorted(series for series in known if series.partition(" ")[0] == self.symbol)

    def __str__(self) -> str:
        return f"{self.name} is not stored" if self._own else super().__str__()

    @property
    def suggestion(self) -> str | None:
        names = sorted(self.known)
        if self._own or not names:
            return f"Stored of {self.symbol}: {', '.join(self._own)}." if names else super().suggestion
        # the timeframe says nothing about which symbol was meant
        guess = did_you_mean(self.symbol, dict.fromkeys(series.partition(" ")[0] for series in names))
        return _guess_and_list(guess, names, self.plural)


class OnlySlowerBars(DataError):
    """A series that is not stored and cannot be made: what is stored of its symbol is slower."""

    path = "timeframes"

    def __init__(self, symbol: str, timeframe: str, stored: tuple[str, ...]) -> None:
        super().__init__(symbol, timeframe, stored)
        self.symbol, self.timeframe, self.stored = symbol, timeframe, stored

    def __str__(self) -> str:
        slower = ", ".join(self.stored)
        return f"{self.symbol} {self.timeframe} is not stored, and cannot be made of slower bars ({slower})."

    @property
    def suggestion(self) -> str | None:
        return f"Import {self.symbol} in {self.timeframe}, or in a faster timeframe, with `ktrdr data import`."


class NoBars(DataError):
    """The date range holds no bars."""

    path = "start_date"

    def __init__(self, series: str, asked: str, stored: str) -> None:
        super().__init__(series, asked, stored)
        self.series, self.asked, self.stored = series, asked, stored

    def __str__(self) -> str:
        return f"{self.series} has no bars in {self.asked}."

    @property
    def suggestion(self) -> str | None:
        return f"Stored bars run from {self.stored}. Choose dates inside that range."


class NotEnoughBars(DataError):
    """Some step needs more bars than there are."""

    def __init__(self, needed: int, got: int, by: str, path: str = "", advice: str | None = None) -> None:
        super().__init__(needed, got, by, path, advice)
        self.needed, self.got, self.by, self.advice = needed, got, by, advice
        self.path = path

    def __str__(self) -> str:
        return f"{self.by} needs {self.needed} bars and got {self.got}."

    @property
    def suggestion(self) -> str | None:
        return self.advice or "Widen the date range or shorten the lookback."


class NoRows(DataError):
    """Bars that give no row to train on, or none for one of the parts: not for their number alone."""

    def __init__(self, of: str, reason: str, path: str, advice: str) -> None:
        super().__init__(of, reason, path, advice)
        self.of, self.reason, self.advice = of, reason, advice
        self.path = path

    def __str__(self) -> str:
        return f"{self.of} has no rows: {self.reason}."


class BadBars(DataError):
    """Bars that cannot be believed; says which and why."""

    def __init__(self, series: str, reason: str, advice: str) -> None:
        super().__init__(series, reason, advice)
        self.series, self.reason, self.advice = series, reason, advice

    def __str__(self) -> str:
        return f"{self.series}: {self.reason}"


class NotFinite(DataError):
    """A feature that is infinite on a bar."""

    path = "nn_inputs"
    advice = "Use an indicator that has a finite value on every bar, or leave the bar out of the date range."

    def __init__(self, feature: str, series: str, bar: str) -> None:
        super().__init__(feature, series, bar)
        self.feature, self.series, self.bar = feature, series, bar

    def __str__(self) -> str:
        return f"The feature {self.feature} is infinite on bar {self.bar} of {self.series}."


class BadFile(DataError):
    """A file that cannot be imported, with the problems found in it; a column is a field's number in its line."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(file, problems)
        self.file, self._problems = file, problems

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._problems

    def __str__(self) -> str:
        return f"{self.file} cannot be imported:\n" + "\n".join(f"  {p}" for p in self._problems)


class EqualQuantiles(DataError):
    """A fuzzy set that cannot be fitted: `centres` says which of its terms would have the same centre, and where."""

    advice = "Use fewer terms or another indicator, or give each term's parameters."

    def __init__(self, of: str, centres: tuple[str, ...], path: str = "") -> None:
        super().__init__(of, centres, path)
        self.of, self.centres = of, centres
        self.path = path

    def __str__(self) -> str:
        return f"{self.of} cannot be fitted on the training rows: terms have equal centres, {'; '.join(self.centres)}."

    def of_set(self, name: str, path: str) -> EqualQuantiles:
        """Return the error with the set's name, which the set itself does not know."""
        return EqualQuantiles(f"The fuzzy set {name}", self.centres, path)


class OneClassLabels(DataError):
    """A training part whose labels are all of one class teaches nothing."""

    path = "training.labels"

    def __init__(self, part: str, class_name: str, n_rows: int, labeler: str) -> None:
        super().__init__(part, class_name, n_rows, labeler)
        self.part, self.class_name, self.n_rows, self.labeler = part, class_name, n_rows, labeler

    def __str__(self) -> str:
        return f"All {self.n_rows} {self.part} labels of {self.labeler} are {self.class_name}: nothing can be learned."

    @property
    def suggestion(self) -> str | None:
        return "Change the labeler's thresholds or barriers, or widen the date range: two classes must occur at least."


class ExecutionModeError(KtrdrError):
    """No place for this training: what was asked, what nodes there are, what to do."""

    path = "execution_mode"

    kind = "infrastructure"

    def __init__(self, asked: str, nodes: str, advice: str) -> None:
        super().__init__(asked, nodes, advice)
        self.asked, self.nodes, self.advice = asked, nodes, advice

    def __str__(self) -> str:
        return f"No node can run this training: {self.asked}. {self.nodes}"


class NoGpu(ExecutionModeError):
    """A GPU is required and torch finds none on this node."""

    def __init__(self, device: str) -> None:
        advice = "Ask again without require_gpu, or start a node with a GPU."
        super().__init__("a GPU is required", f"torch finds only '{device}' here.", advice)
        self.args = (device,)


class _Stated(KtrdrError):
    """An error whose sentence and advice are given where it is raised."""

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message, advice)
        self.message, self.advice = message, advice

    def __str__(self) -> str:
        return self.message


class TrainingError(_Stated):
    """The training's: numbers that are not finite, a network that cannot be trained."""


class StorageError(_Stated):
    """The store's: what could not be written, read or believed."""

    kind: ClassVar[ErrorKind] = "result_transfer"


class DamagedModel(StorageError):
    """A stored model whose files do not match its manifest."""

    def __init__(self, model_id: str, file: str, reason: str) -> None:
        advice = "Restore the file from a backup or train again."
        super().__init__(f"Model {model_id} is damaged: {file} {reason}.", advice)
        self.args = (model_id, file, reason)
        self.model_id, self.file = model_id, file


class BadCheckpoint(StorageError):
    """A checkpoint that came whole out of its store and is no state of a training."""

    kind = "training"

    def __init__(self, reason: str) -> None:
        advice = "Go on with the version of ktrdr that wrote it, or start a new training. It was left as it is."
        super().__init__(f"The checkpoint kept here cannot be used: {reason}.", advice)
        self.args = (reason,)
        self.reason = reason


class ResultTransferError(StorageError):
    """A trained model that could not be handed to the store, and where it lies."""


class InfrastructureError(KtrdrError):
    """A process or a machine went away under a training."""

    kind = "infrastructure"

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def suggestion(self) -> str | None:
        return "The service tries again by itself; see `ktrdr operations show`."


class NotStarted(InfrastructureError):
    """The nodes went away before the training could begin."""


class ServiceError(KtrdrError):
    """A service's, as its HTTP client saw it."""


class ServiceRefused(ServiceError):
    """The service answered with a problem: status, title, and everything that is wrong."""

    def __init__(self, status: int, title: str, detail: str, problems_given: tuple[Problem, ...] = ()) -> None:
        super().__init__(status, title, detail, problems_given)
        self.status, self.title, self.detail, self.problems_given = status, title, detail, problems_given

    def __str__(self) -> str:
        return self.detail

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.problems_given or (Problem("", self.detail),)


class ServiceUnreachable(ServiceError):
    """Nobody answers at the service's address."""

    kind = "infrastructure"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"No answer from {self.url}."

    @property
    def suggestion(self) -> str | None:
        return "Start it with `ktrdr up`, or set KTRDR_URL to the address of a service that runs."


class CancellationError(KtrdrError):
    """The training was asked to stop, and did."""

    def __init__(self, reason: str = "Operation cancelled") -> None:
        super().__init__(reason)
        self.reason = reason
