from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from ktrdr.data import COLUMNS, BarStore, DataManager, SeriesKey
from ktrdr.prediction import Predictor
from ktrdr.settings import Settings
from ktrdr.storage import ModelStorage
from ktrdr.wire.predictions import MAX_PREDICTIONS, MAX_SENT_BARS
from serve.auth import MAX_BODY
from tests.fakes.artifacts import RETURNS, trained_artifact
from tests.ktrdr.storage.tampering import replace
from tests.serve.conftest import API

NAME = "SP500_1d_v1"
TREND_URL = f"{API}/models/trend/{NAME}/predict"


@pytest.fixture
def storage(tmp_path) -> ModelStorage:
    storage = ModelStorage(Settings(home=tmp_path / ".ktrdr").models_dir)
    storage.save_model(trained_artifact())
    return storage


@pytest.fixture
def series(bundled_bars_dir):
    return BarStore([bundled_bars_dir]).read(SeriesKey("SP500", "1d"))


def _as_sent(bars):
    return [{"time": time.isoformat(), **row} for time, row in zip(bars.index, bars.to_dict("records"), strict=True)]


def _broken(bars, at, **fields):
    sent = _as_sent(bars)
    sent[at] |= fields
    return sent


def test_the_newest_bar_is_answered_with_class_probabilities_and_fired_terms(client, storage, bundled_bars_dir):
    answer = client.post(TREND_URL, json={})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["model_id"], body["classes"], body["left_out"]) == (f"trend/{NAME}", ["BUY", "HOLD", "SELL"], 0)
    [item] = body["items"]
    assert set(item) == {"symbol", "time", "class", "decision", "probabilities", "memberships"}
    assert (item["symbol"], item["time"]) == ("SP500", "2018-12-31T00:00:00Z")
    predicted = Predictor(storage.load("trend", NAME), DataManager(BarStore([bundled_bars_dir]))).predict()
    assert list(item["probabilities"].values()) == predicted.probabilities[0].tolist()
    assert item["class"] == max(item["probabilities"], key=item["probabilities"].get)
    degrees = predicted.memberships.iloc[0]
    assert item["memberships"] == degrees[degrees > 0].to_dict()
    assert 0 < len(item["memberships"]) < len(degrees)


def test_a_range_of_dates_is_answered_bar_by_bar(client, storage, series):
    dates = {"symbol": "SP500", "start_date": "2018-12-01", "end_date": "2018-12-07"}
    items = client.post(TREND_URL, json=dates).json()["items"]
    opens = series.loc["2018-12-01":"2018-12-07"].index
    assert [item["time"] for item in items] == [time.strftime("%Y-%m-%dT00:00:00Z") for time in opens]
    assert client.post(TREND_URL, json={**dates, "last": 2}).json()["items"] == items[-2:]


def test_bars_that_are_sent_are_answered_as_the_stored_ones(client, storage, series):
    sent = client.post(TREND_URL, json={"bars": _as_sent(series.iloc[:200])})
    assert sent.status_code == 200, sent.text
    last = str(series.index[199].date())
    stored = client.post(TREND_URL, json={"start_date": "1990-01-01", "end_date": last})
    assert sent.json() == stored.json()
    assert sent.json()["left_out"] == 33


def test_a_forecast_of_returns_has_no_probabilities(client, storage):
    storage.save_model(trained_artifact(document=RETURNS))
    [item] = client.post(f"{API}/models/returns/SP500_1d_latest/predict", json={}).json()["items"]
    assert set(item) == {"symbol", "time", "class", "decision", "forecast", "memberships"}
    assert isinstance(item["forecast"], float)


@pytest.mark.parametrize(
    ("model", "body", "status", "says"),
    [
        ("trend/SP500_1d_v9", {}, 404, "trend/SP500_1d_v1"),
        ("trent/SP500_1d_v1", {}, 404, "trend/SP500_1d_v1"),
        (f"trend/{NAME}", {"symbol": "SP50"}, 404, "SP500"),
        (f"trend/{NAME}", {"start_date": "2031-01-01"}, 422, "1999-01-04 to 2018-12-31"),
        (f"trend/{NAME}", {"start_date": "1999-01-04", "end_date": "1999-01-08"}, 422, "33 bars of warm-up"),
        (f"trend/{NAME}", {"start_date": "2018-02-30"}, 422, "2018-02-30"),
        (f"trend/{NAME}", {"start_date": "2018-02-03", "end_date": "2018-02-01"}, 422, "after end_date"),
        (f"trend/{NAME}", {"start-date": "2018-02-03"}, 422, "Did you mean 'start_date'?"),
        (f"trend/{NAME}", {"last": 0}, 422, "last"),
        (f"trend/{NAME}", {"last": MAX_PREDICTIONS + 1}, 422, "last"),
        (f"trend/{NAME}", {"bars": []}, 422, "bars"),
        (f"trend/{NAME}", {"bars": [{"time": "2018-01-01"}]}, 422, "bars.0.open"),
    ],
)
def test_what_cannot_be_answered_is_said(client, storage, model, body, status, says):
    answer = client.post(f"{API}/models/{model}/predict", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"high": 1.0}, "bar 1999-01-19 00:00:00+00:00 has its high below its low"),
        ({"close": 0.0}, "not positive"),
        ({"volume": -1.0}, "negative"),
        ({"time": "1999-01-04"}, "does not come after the one before it"),
        ({"time": 916617600}, "write a time as text"),
        ({"time": "yesterday"}, "bars.10.time"),
        ({"time": "1580428800"}, "write a time as text"),
        ({"time": "-5.5"}, "write a time as text"),
        ({"time": "9999-12-31T19:00:00-05:00"}, "outside the years 1 to 9999"),
        ({"time": "0001-01-01T00:00:00+05:00"}, "outside the years 1 to 9999"),
        ({"time": "0001-01-01"}, "does not come after the one before it"),
        ({"close": None}, "bars.10.close"),
        ({"closed": 1.0}, "Unknown field 'closed'"),
    ],
)
def test_bars_that_are_wrong_are_a_422_that_names_the_first(client, storage, series, fields, says):
    answer = client.post(TREND_URL, json={"bars": _broken(series.iloc[:60], 10, **fields)})
    assert answer.status_code == 422
    assert says in answer.text


def test_bars_and_dates_together_are_refused(client, storage, series):
    answer = client.post(TREND_URL, json={"bars": _as_sent(series.iloc[:60]), "end_date": "1999-02-01"})
    assert answer.status_code == 422
    assert "either bars or dates" in answer.json()["detail"]


def test_as_many_bars_as_are_allowed_fit_into_a_body_whatever_their_digits(client, storage, series):
    widest = {"time": "2018-12-31T23:59:59.999999+00:00", **dict.fromkeys(COLUMNS, 1234567.1234567891)}
    body = {"symbol": "A" * 64, "bars": [widest] * MAX_SENT_BARS}
    assert len(json.dumps(body).encode()) < MAX_BODY
    answer = client.post(TREND_URL, json={"bars": [widest] * (MAX_SENT_BARS + 1)})
    assert answer.status_code in (413, 422)


def test_a_damaged_model_is_a_409_with_the_files_name(client, storage, tmp_path):
    assert client.post(TREND_URL, json={}).status_code == 200  # it is in memory now
    file = Settings(home=tmp_path / ".ktrdr").models_dir / "trend" / NAME / "model.pt"
    file.write_bytes(file.read_bytes()[:-1])
    answer = client.post(TREND_URL, json={})
    assert answer.status_code == 409
    assert "model.pt" in answer.json()["detail"]


def test_a_model_whose_strategy_gives_other_features_is_a_409_that_shows_the_difference(client, storage, tmp_path):
    folder = Settings(home=tmp_path / ".ktrdr").models_dir / "trend" / NAME
    config = json.loads((folder / "config.json").read_text())
    config["strategy"]["fuzzy_sets"]["rsi"]["middle"] = [35, 50, 65]
    replace(folder, "config.json", json.dumps(config).encode())
    answer = client.post(TREND_URL, json={})
    assert answer.status_code == 409
    assert "features.json cannot be used: its features and the strategy in config.json do not agree" in answer.text
    assert "1d_rsi_middle" in answer.json()["detail"]


def test_a_model_that_was_deleted_is_not_answered_from_memory(client, storage):
    assert client.post(TREND_URL, json={}).status_code == 200
    storage.delete_model("trend", NAME)
    assert client.post(TREND_URL, json={}).status_code == 404


def test_latest_is_the_newest_version_at_once(client, storage):
    url = f"{API}/models/trend/SP500_1d_latest/predict"
    assert client.post(url, json={}).json()["model_id"] == f"trend/{NAME}"
    storage.save_model(trained_artifact(seed=1))
    assert client.post(url, json={}).json()["model_id"] == "trend/SP500_1d_v2"


def test_the_contract_stands_in_the_documentation(client: TestClient):
    described = client.get("/openapi.json").json()
    route = described["paths"]["/api/v1/models/{strategy}/{name}/predict"]["post"]
    assert route["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/PredictionAnswer")
    assert "class" in described["components"]["schemas"]["PredictedRow"]["properties"]
