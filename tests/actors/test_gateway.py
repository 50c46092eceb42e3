"""The gateway over actors that answer, are away, do not exist or take too long."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import ray
import ray.exceptions as ray_errors

from actors.gateway import Gateway
from actors.hosts.model_storage import HostedModelStorage
from actors.meters import OPERATION_METRICS, STORAGE_METRICS, Meters, Metric
from actors.names import BARS, MODEL_STORAGE, OPERATIONS
from cluster import ENVIRONMENTS, Environment, Environments
from ktrdr.errors import ImportCutShort, UnknownModel
from ktrdr.settings import Settings
from ktrdr.storage import Deleted, ModelStorage
from tests.fakes.artifacts import trained_artifact
from tests.fakes.files import QuickFiles
from tests.fakes.scrape import families, series

TEXTS = {"operations": Meters(OPERATION_METRICS).text(), "model_storage": Meters(STORAGE_METRICS).text()}


class PartOfTheHouse(Gateway):
    """An actor of `faults` raises."""

    def __init__(self, faults: dict[str, Exception]) -> None:
        super().__init__(Settings(), ENVIRONMENTS)
        self._faults = faults

    async def _once(self, name: str, method: str, *args: Any, **kwargs: Any) -> Any:
        if name in self._faults:
            raise self._faults[name]
        return TEXTS[name] if method == "exposition" else "ok"


def scraped(**faults: Exception) -> str:
    return asyncio.run(PartOfTheHouse(faults).exposition())


def names(*metrics: Metric) -> list[str]:
    return sorted(["ktrdr_actor_up", *(metric.name for metric in metrics)])


def test_a_scrape_has_each_family_of_both_actors_once() -> None:
    text = scraped()
    assert families(text) == names(*OPERATION_METRICS, *STORAGE_METRICS)
    up = series(text, "ktrdr_actor_up")
    assert len(up) == 6
    assert set(up.values()) == {1}


@pytest.mark.parametrize(
    "fault", [ray_errors.ActorUnavailableError("restarts", None), ValueError("no such actor"), TimeoutError()]
)
@pytest.mark.parametrize(("away", "left"), [("operations", STORAGE_METRICS), ("model_storage", OPERATION_METRICS)])
def test_with_one_actor_away_the_rest_is_served(away: str, left: Any, fault: Exception) -> None:
    text = scraped(**{away: fault})
    assert families(text) == names(*left)
    assert [name for (name,), up in series(text, "ktrdr_actor_up").items() if not up] == [away]


def test_a_dispatcher_that_is_away_shows() -> None:
    text = scraped(**{"dispatcher:mps-mac": ValueError("no such actor")})
    assert series(text, "ktrdr_actor_up")["dispatcher:mps-mac",] == 0


def test_every_configured_environments_dispatcher_is_asked_whether_it_lives(tmp_path: Path) -> None:
    class SilentGateway(Gateway):
        async def _answers(self, name: str) -> bool:
            return False

    lab = Environments((Environment(name="bench", mode="lab"), Environment(name="desk", mode="local")))
    alive = asyncio.run(SilentGateway(Settings(home=tmp_path), lab).alive())
    assert list(alive) == [OPERATIONS, MODEL_STORAGE, BARS, "dispatcher:bench", "dispatcher:desk"]


class Repeating(Gateway):
    """Over a real store; the actor dies once a delete is done, before it answers, and Ray repeats the call."""

    def __init__(self, storage: ModelStorage) -> None:
        super().__init__(Settings(), ENVIRONMENTS)
        self._storage = storage

    async def models(self, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "delete_model":
            self._storage.delete_model(*args)
        return getattr(self._storage, method)(*args, **kwargs)


@pytest.mark.parametrize("name", ["SP500_1d_latest", "SP500_1d_v3"])
def test_a_delete_that_is_repeated_on_its_way_deletes_one_version(tmp_path: Path, name: str) -> None:
    storage = ModelStorage(tmp_path / "models", QuickFiles())
    for seed in range(3):
        storage.save_model(trained_artifact(seed))
    deleted = asyncio.run(Repeating(storage).delete_model("trend", name))
    assert deleted == Deleted("trend/SP500_1d_v3", "trend/SP500_1d_v2")
    assert [model["version"] for model in storage.list_models()] == [2, 1]
    with pytest.raises(UnknownModel):
        asyncio.run(Repeating(storage).delete_model("trend", "SP500_1d_v3"))


class EndsOverAnImport(Gateway):
    """A model store that is away for a moment, and whose process ends over what it is asked to import."""

    def __init__(self) -> None:
        super().__init__(Settings(), ENVIRONMENTS)
        self.asked: list[str] = []

    async def _once(self, name: str, method: str, *args: Any, **kwargs: Any) -> Any:
        self.asked.append(method)
        if method == "import_bundle" or len(self.asked) == 1:
            raise ray_errors.ActorUnavailableError("restarts", None)
        return "ok"


def test_an_import_that_the_actor_ended_over_is_not_begun_again() -> None:
    gateway = EndsOverAnImport()
    with pytest.raises(ImportCutShort, match=r"model_storage actor ended during the import.*not begun again"):
        asyncio.run(gateway.import_bundle(Path("bundle.zip")))
    assert gateway.asked == ["ping", "ping", "import_bundle"]
    handed_on = ray.remote(HostedModelStorage).__ray_metadata__.method_meta.max_task_retries
    assert handed_on == {"import_bundle": 0}  # else Ray begins it again by itself, as all that is asked of this actor
