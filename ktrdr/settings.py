"""What the environment says, read once at the edge that starts a process.

KTRDR_HOME              home: operations store, logs, token, address; the nearest `.ktrdr` upwards, else `.ktrdr` here
KTRDR_MODELS_DIR        models_dir, and so KTRDR_DATA_DIR, KTRDR_STRATEGIES_DIR; the folders beside home
KTRDR_URL               url of the service; what `ktrdr up` wrote under home
KTRDR_API_KEY           api_key that the service demands and the client sends; none
KTRDR_ENVIRONMENTS      environments: a file of them; `environments.yaml` beside home, else the built-in ones
TRAINING_DEFAULT_MODE   default_mode: auto, or the mode of an environment; auto
KTRDR_OPERATIONS_URL    operations_url, sqlite:///... or postgresql://...; SQLite under home
KTRDR_CANCEL_GRACE_S    cancel_grace_s, from a cancel to the kill; 5 seconds
KTRDR_CHECKPOINT_INTERVAL_S     checkpoint_interval_s, between two checkpoints of a training; 30 seconds
KTRDR_CHECKPOINT_EVERY_EPOCHS   checkpoint_every_epochs, if that comes first; none
KTRDR_ARTIFACT_ENCODING artifact_encoding of trained models on their way to the head: gzip, zstd; gzip
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ktrdr.errors import RequestError

_PACKAGE = Path(__file__).parent


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"'{path}' names the home of a user that does not exist") from None


Folder = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseSettings):
    """The settings of one process. Made by `read`; frozen, and passed on from there."""

    model_config = SettingsConfigDict(
        env_prefix="KTRDR_", env_ignore_empty=True, frozen=True, extra="forbid", populate_by_name=True
    )

    home: Folder = Field(default_factory=lambda: _nearest_home(Path.cwd()))
    models_dir: Folder = Field(default_factory=lambda known: known["home"].parent / "models")
    data_dir: Folder = Field(default_factory=lambda known: known["home"].parent / "data")
    strategies_dir: Folder = Field(default_factory=lambda known: known["home"].parent / "strategies")
    url: str | None = Field(default=None, pattern="^https?://[^/]")
    api_key: SecretStr | None = Field(default=None, min_length=1)
    environments: Folder | None = None
    default_mode: str | None = Field(default=None, validation_alias="TRAINING_DEFAULT_MODE")
    """Not judged here: the service does, which knows the environments."""
    # not shown: a password may stand in it
    operations_url: str = Field(
        default_factory=lambda known: f"sqlite:///{known['home'] / 'operations.db'}", repr=False
    )
    cancel_grace_s: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    checkpoint_interval_s: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    checkpoint_every_epochs: int | None = Field(default=None, ge=1)
    artifact_encoding: Literal["gzip", "zstd"] = "gzip"

    @classmethod
    def read(cls) -> Settings:
        """Return the settings that the environment gives. Nothing else reads it.

        Raises
        ------
        RequestError
            For the first variable whose value cannot be used.
        """
        try:
            return cls()
        except ValidationError as error:
            raise _refusal(error) from None

    @property
    def data_roots(self) -> tuple[Path, ...]:
        """Folders with bars: one's own, then the bundled ones."""
        return _distinct(self.data_dir, bundled("data"))

    @property
    def strategy_roots(self) -> tuple[Path, ...]:
        """Folders with strategies: one's own, then the examples."""
        return _distinct(self.strategies_dir, bundled("strategies"))


def bundled(name: Literal["data", "strategies"]) -> Path:
    """Return the folder that came with ktrdr: inside an installed package, else in the source tree."""
    installed = _PACKAGE / "bundled" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def _nearest_home(start: Path) -> Path:
    """Return the nearest `.ktrdr` folder from `start` upwards, like `.git`; else the one to be made in `start`."""
    for folder in (start, *start.parents):
        if (folder / ".ktrdr").is_dir():
            return folder / ".ktrdr"
    return start / ".ktrdr"


def _distinct(*folders: Path) -> tuple[Path, ...]:
    return tuple({folder.resolve(): folder for folder in reversed(folders)}.values())[::-1]


def _refusal(error: ValidationError) -> RequestError:
    # Where the home is wrong, the folders beside it fail as well: that is no fault of theirs.
    item = next(item for item in error.errors() if item["type"] != "default_factory_not_called")
    name = str(item["loc"][0])
    variable = name if name.isupper() else f"KTRDR_{name.upper()}"
    value = "" if name == "api_key" else f" '{item['input']}'"
    advice = _ADVICE.get(name, "Give the path of a folder.")
    return RequestError(variable, f"The environment variable {variable}{value} cannot be used.", advice)


_ADVICE = {
    "environments": "Give the path of a file.",
    "url": "Give an address such as http://127.0.0.1:8000.",
    "api_key": "Give a key of at least one character, or unset it.",
    "operations_url": "Give a URL such as sqlite:////path/operations.db or postgresql://user:password@host/database.",
    "cancel_grace_s": "Give a number of seconds above 0.",
    "checkpoint_interval_s": "Give a number of seconds above 0.",
    "checkpoint_every_epochs": "Give a number of epochs, 1 or more.",
    "artifact_encoding": "Give gzip or zstd.",
}
