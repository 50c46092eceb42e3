from __future__ import annotations

import asyncio
import json

import pytest
import ray.exceptions as ray_errors
from ray.serve.exceptions import BackPressureError

from actors.prediction import N_KEPT, Prediction
from ktrdr.data import SeriesKey
from ktrdr.errors import InfrastructureError, UnknownModel
from ktrdr.storage import ModelStorage
from ktrdr.wire import PredictionRequest
from tests.fakes.artifacts import TREND, trained_artifact
from tests.fakes.bars import MemorySource
from tests.fakes.markets import walking_bars
from tests.fakes.prediction import remote_over

NEWEST = PredictionRequest()
BARS = MemorySource({SeriesKey("SP500", "1d"): walking_bars(200)})


class Counting(ModelStorage):
    """Counts what is read from disk."""

    def __init__(self, root) -> None:
        super().__init__(root)
        self.loaded: list[str] = []

    def load(self, strategy, name):
        self.loaded.append(f"{strategy}/{name}")
        return super().load(strategy, name)


@pytest.fixture
def storage(tmp_path) -> Counting:
    return Counting(tmp_path)


def test_a_model_is_read_once_for_many_requests(storage):
    storage.save_model(trained_artifact())
    prediction = Prediction(storage, BARS)
    answers = {prediction.predict("trend", name, NEWEST) for name in ["SP500_1d_v1", "SP500_1d_latest"] * 2}
    assert len(answers) == 1
    assert storage.loaded == ["trend/SP500_1d_v1"]


def test_only_the_models_asked_about_last_stay_in_memory(storage):
    for number in range(N_KEPT + 1):
        storage.save_model(trained_artifact(document={**TREND, "name": f"trend{number}"}))
    prediction = Prediction(storage, BARS)
    for number in [*range(N_KEPT), 0, N_KEPT, 0, 1]:
        prediction.predict(f"trend{number}", "SP500_1d_v1", NEWEST)
    assert [model.partition("/")[0] for model in storage.loaded] == [
        *(f"trend{number}" for number in range(N_KEPT)),
        f"trend{N_KEPT}",
        "trend1",
    ]


def test_a_model_in_memory_is_read_again_once_its_files_are_others(storage, tmp_path):
    storage.save_model(trained_artifact())
    prediction = Prediction(storage, BARS)
    prediction.predict("trend", "SP500_1d_v1", NEWEST)
    file = tmp_path / "trend" / "SP500_1d_v1" / "metadata.json"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    prediction.predict("trend", "SP500_1d_v1", NEWEST)
    assert storage.loaded == ["trend/SP500_1d_v1"] * 2


def test_bars_that_were_sent_without_an_offset_are_in_utc(storage):
    storage.save_model(trained_artifact())
    bars = walking_bars(60)
    sent = [
        {"time": time.strftime("%Y-%m-%d"), **row}
        for time, row in zip(bars.index, bars.to_dict("records"), strict=True)
    ]
    asked = PredictionRequest.model_validate({"bars": sent, "last": 1})
    [item] = json.loads(Prediction(storage, BARS).predict("trend", "SP500_1d_v1", asked))["items"]
    assert item["time"] == "1990-03-01T00:00:00Z"


def _raising(error):
    def predict(*_):
        raise error

    return asyncio.run(remote_over(predict).predict("trend", "SP500_1d_v1", NEWEST))


def test_an_error_of_ours_crosses_as_itself():
    with pytest.raises(UnknownModel, match="trend/x"):
        _raising(ray_errors.RayTaskError("predict", "trace", UnknownModel("trend/x")))


@pytest.mark.parametrize("error", [ray_errors.ActorDiedError(), BackPressureError(65, 64)])
def test_a_process_that_went_away_and_a_full_queue_are_nobodys_mistake(error):
    with pytest.raises(InfrastructureError, match="ask again in a moment"):
        _raising(error)


def test_a_defect_stays_one():
    with pytest.raises(ray_errors.RayTaskError):
        _raising(ray_errors.RayTaskError("predict", "trace", ZeroDivisionError()))
