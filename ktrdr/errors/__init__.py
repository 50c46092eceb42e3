"""Everything this project raises on purpose, in one tree. Callers catch by whose move it is.

KtrdrError
├── ConfigError             the caller's move: a file, a request, a name
│   ├── StrategyError           the strategy file; carries every problem found, with line and column
│   ├── EnvironmentFileError    the file of environments; the same
│   ├── RequestError            a field of a request
│   ├── UnknownStrategy
│   ├── UnknownOperation
│   ├── UnknownModel
│   ├── UnknownArtifact         nothing is left of an operation's hand-over
│   ├── UnknownAlias
│   ├── ModelInUse              a version that aliases name would be deleted
│   ├── UnknownIndicator
│   ├── TransitionRefused       an operation cannot do that in its present state
│   ├── IdempotencyConflict     the same key with another body
│   ├── OtherCheckpoint         what is kept to go on from is of another training
│   ├── AlreadyStored           bars would be replaced, and nobody said that they may be
│   └── BundleTooLarge          a bundle of more bytes than one may have
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
│   ├── DamagedArtifact         what a node handed over is not what it packed
│   ├── DamagedAliases          the record of what aliases name
│   ├── BadBundle               a file that is not a bundle as it was exported
│   ├── BadCheckpoint           what is kept to go on from is no state of a training
│   ├── ResultTransferError     a trained model that the store could not take, and where it lies
│   ├── ArtifactAway            the node that keeps it is not there
│   └── UnusableStore           the operations store is of a newer version, or none at all
├── InfrastructureError     a process or a machine went away; the service tries again
│   ├── NotStarted              before the training could begin: not counted as an attempt
│   ├── ImportCutShort          the model store's process ended during an import: not begun again
│   └── StoreUnavailable        the database of the operations is away, locked or out of room
├── ServiceError            a service's, as its HTTP client saw it
│   ├── ServiceRefused          it answered with a problem
│   └── ServiceUnreachable      it did not answer
└── CancellationError       nobody's fault

An error's `args` are its constructor's arguments, so that it survives pickling through Ray.
"""

from __future__ import annotations

from ktrdr.errors.config import (
    AlreadyStored,
    BundleTooLarge,
    ConfigError,
    EnvironmentFileError,
    IdempotencyConflict,
    ModelInUse,
    OtherCheckpoint,
    RequestError,
    StrategyError,
    TransitionRefused,
    UnknownAlias,
    UnknownArtifact,
    UnknownIndicator,
    UnknownModel,
    UnknownOperation,
    UnknownStrategy,
)
from ktrdr.errors.data import (
    BadBars,
    BadFile,
    DataError,
    EqualQuantiles,
    NoBars,
    NoRows,
    NotEnoughBars,
    NotFinite,
    OneClassLabels,
    OnlySlowerBars,
    UnknownSymbol,
)
from ktrdr.errors.problem import Problem, did_you_mean
from ktrdr.errors.root import CancellationError, ErrorKind, KtrdrError
from ktrdr.errors.running import (
    ExecutionModeError,
    ImportCutShort,
    InfrastructureError,
    NoGpu,
    NotStarted,
    StoreUnavailable,
    TrainingError,
)
from ktrdr.errors.service import ServiceError, ServiceRefused, ServiceUnreachable
from ktrdr.errors.storage import (
    ArtifactAway,
    BadBundle,
    BadCheckpoint,
    DamagedAliases,
    DamagedArtifact,
    DamagedModel,
    ResultTransferError,
    StorageError,
    UnusableStore,
)

__all__ = [
    "AlreadyStored",
    "ArtifactAway",
    "BadBars",
    "BadBundle",
    "BadCheckpoint",
    "BadFile",
    "BundleTooLarge",
    "CancellationError",
    "ConfigError",
    "DamagedAliases",
    "DamagedArtifact",
    "DamagedModel",
    "DataError",
    "EnvironmentFileError",
    "EqualQuantiles",
    "ErrorKind",
    "ExecutionModeError",
    "IdempotencyConflict",
    "ImportCutShort",
    "InfrastructureError",
    "KtrdrError",
    "ModelInUse",
    "NoBars",
    "NoGpu",
    "NoRows",
    "NotEnoughBars",
    "NotFinite",
    "NotStarted",
    "OneClassLabels",
    "OnlySlowerBars",
    "OtherCheckpoint",
    "Problem",
    "RequestError",
    "ResultTransferError",
    "ServiceError",
    "ServiceRefused",
    "ServiceUnreachable",
    "StorageError",
    "StoreUnavailable",
    "StrategyError",
    "TrainingError",
    "TransitionRefused",
    "UnknownAlias",
    "UnknownArtifact",
    "UnknownIndicator",
    "UnknownModel",
    "UnknownOperation",
    "UnknownStrategy",
    "UnknownSymbol",
    "UnusableStore",
    "did_you_mean",
]
