"""The caller's move: a file, a request, a name."""

from __future__ import annotations

from ktrdr.errors.problem import Problem
from ktrdr.errors.root import KtrdrError, Listed, Unknown


class ConfigError(KtrdrError):
    """The caller's move."""

    kind = "config"


class StrategyError(Listed, ConfigError):
    """A strategy file that cannot be used, with every problem found in it."""

    def __init__(self, problems: tuple[Problem, ...], source: str = "strategy") -> None:
        super().__init__(problems, source)


class EnvironmentFileError(Listed, ConfigError):
    """A file of environments that cannot be used, with every problem found in it."""


class RequestError(ConfigError):
    """A field of a request that cannot be accepted."""

    def __init__(self, path: str, message: str, advice: str | None = None) -> None:
        super().__init__(path, message, advice)
        self.path, self.message, self.advice = path, message, advice

    def __str__(self) -> str:
        return self.message


class UnknownStrategy(Unknown, ConfigError):
    """No strategy of that name."""

    noun, plural, path = "Strategy", "strategies", "strategy_name"


class UnknownOperation(Unknown, ConfigError):
    """No operation of that id."""

    noun, plural, path = "Operation", "operations", "operation_id"

    @property
    def suggestion(self) -> str | None:
        return "List them with `ktrdr operations list` or GET /api/v1/operations."


class UnknownModel(Unknown, ConfigError):
    """No model of that name or version."""

    noun, plural, path = "Model", "models", "model_id"


class UnknownArtifact(ConfigError):
    """Nothing is left of an operation's hand-over where it is looked for."""

    path = "operation_id"

    def __init__(self, operation_id: str) -> None:
        super().__init__(operation_id)
        self.operation_id = operation_id

    def __str__(self) -> str:
        return f"No artifact of operation {self.operation_id} is kept."

    @property
    def suggestion(self) -> str | None:
        return (
            "One is kept only where a trained model could not be stored, for a month. "
            f"See what became of it with `ktrdr operations show {self.operation_id}`."
        )


class UnknownAlias(Unknown, ConfigError):
    """No alias of that name for that version."""

    noun, plural, path = "Alias", "aliases", "alias"


class ModelInUse(ConfigError):
    """A version that aliases name would be deleted."""

    path = "name"

    def __init__(self, model_id: str, aliases: tuple[str, ...]) -> None:
        super().__init__(model_id, aliases)
        self.model_id, self.aliases = model_id, aliases

    def __str__(self) -> str:
        names = " and ".join(f"'{alias}'" for alias in self.aliases)
        return f"{self.model_id} is not deleted: {names} {'names' if len(self.aliases) == 1 else 'name'} it."

    @property
    def suggestion(self) -> str | None:
        alias = self.aliases[0]
        return (
            f"Give it to another version with `ktrdr models alias MODEL_ID {alias}`, "
            f"or take it away with `ktrdr models alias {self.model_id} {alias} --remove`."
        )


class UnknownIndicator(Unknown, ConfigError):
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


class BundleTooLarge(ConfigError):
    """A bundle to import of which more bytes come than one may have."""

    path = "bundle"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"A bundle may have {self.limit:,} bytes at most."

    @property
    def suggestion(self) -> str | None:
        return "Send the bundle of one model, as it was exported."
