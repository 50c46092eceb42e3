from __future__ import annotations

import json

import pytest

from tests.fakes.client import FakeClient, not_found
from tests.serve.cli import recorded
from tests.serve.cli.test_models import MODEL

ROW = {
    "symbol": "SP500",
    "time": "2018-12-31T00:00:00Z",
    "class": "SELL",
    "decision": "SELL",
    "probabilities": {"BUY": 0.25, "HOLD": 0.3, "SELL": 0.45},
    "memberships": {"1d_rsi_oversold": 0.2},
}
ANSWER = {"model_id": recorded.MODEL_ID, "classes": ["BUY", "HOLD", "SELL"], "left_out": 0, "items": [ROW]}


def _asked(client):
    strategy, name, asked = client.fields_of("predict")
    return f"{strategy}/{name}", {field: value for field, value in asked.items() if value is not None}


def test_a_prediction_is_a_table_of_times_classes_and_probabilities(ktrdr):
    client = FakeClient(predict=ANSWER)
    ran = ktrdr(["models", "predict", "sp500_daily/SP500_1d_latest"], client)
    assert ran.code == 0
    assert _asked(client) == ("sp500_daily/SP500_1d_latest", {})
    for expected in ("2018-12-31 00:00:00 UTC", "SELL", "P(BUY)", "0.2500", "0.4500"):
        assert expected in ran.out
    assert "decision" not in ran.out
    assert f".venv/bin/ktrdr models show {recorded.MODEL_ID}" in ran.out


def test_dates_symbol_and_number_are_handed_on(ktrdr):
    client = FakeClient(predict=ANSWER)
    line = ["models", "predict", "s/n", "--symbol", "NASDAQ", "--start-date", "2018-01-01", "--end-date", "2018-02-01"]
    assert ktrdr([*line, "--last", "3"], client).code == 0
    asked = {"symbol": "NASDAQ", "start_date": "2018-01-01", "end_date": "2018-02-01", "last": 3}
    assert _asked(client) == ("s/n", asked)


def test_a_decision_that_is_not_the_class_has_a_column_and_a_word(ktrdr):
    ran = ktrdr(["models", "predict", "s/n"], FakeClient(predict={**ANSWER, "items": [{**ROW, "decision": "HOLD"}]}))
    assert "decision" in ran.out and "confidence_threshold" in ran.out


def test_a_forecast_of_returns_is_shown_as_one(ktrdr):
    row = {key: value for key, value in ROW.items() if key != "probabilities"} | {"forecast": -0.0123}
    ran = ktrdr(["models", "predict", "s/n"], FakeClient(predict={**ANSWER, "items": [row]}))
    assert "forecast return" in ran.out and "-0.0123" in ran.out
    assert "P(" not in ran.out


def test_of_very_many_rows_the_newest_are_shown_and_bars_left_out_are_counted(ktrdr):
    items = [{**ROW, "time": f"2018-12-{day:02}T00:00:00Z"} for day in (1, 2)] * 30
    ran = ktrdr(["models", "predict", "s/n"], FakeClient(predict={**ANSWER, "items": items, "left_out": 33}))
    assert ran.out.count("SP500 ") == 40
    assert "20 earlier rows" in ran.out and "33 bars are left out" in ran.out


def test_as_json_the_answer_is_the_services(ktrdr):
    ran = ktrdr(["models", "predict", "s/n", "--json"], FakeClient(predict=ANSWER))
    assert json.loads(ran.out) == ANSWER


def test_the_bars_of_a_file_are_sent(ktrdr, tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("date,open,high,low,close,volume\n2019-01-02,1,2,0.5,1.5,10\n2019-01-03,1.5,2,1,1.25,0\n")
    client = FakeClient(predict=ANSWER, model=MODEL)
    assert ktrdr(["models", "predict", recorded.MODEL_ID, "--bars", str(file)], client).code == 0
    assert client.fields_of("model") == ("sp500_daily", "SP500_1d_v3")
    first = {"time": "2019-01-02T00:00:00+00:00", "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 10.0}
    assert _asked(client)[1]["bars"][0] == first
    assert len(_asked(client)[1]["bars"]) == 2


def test_a_file_with_a_wrong_bar_is_refused_with_its_line(ktrdr, tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("date,open,high,low,close,volume\n2019-01-02,1,0.5,0.7,0.6,10\n")
    ran = ktrdr(["models", "predict", "s/n", "--bars", str(file)], FakeClient(predict=ANSWER, model=MODEL))
    assert ran.code == 1
    assert f"{file}: line 2" in ran.err


def test_a_file_for_a_model_whose_record_is_damaged_is_refused_with_the_damaged_files_name(ktrdr, tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("date,open,high,low,close,volume\n2019-01-02,1,2,0.5,1.5,10\n")
    damaged = {**MODEL, "timeframes": [], "damaged": "metadata.json"}
    client = FakeClient(predict=ANSWER, model=damaged)
    ran = ktrdr(["models", "predict", recorded.MODEL_ID, "--bars", str(file)], client)
    assert ran.code == 1
    assert "is damaged: metadata.json" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("given", ["sp500_daily", "/SP500_1d_v3", "sp500_daily/"])
def test_what_is_no_models_id_is_refused(ktrdr, given):
    ran = ktrdr(["models", "predict", given], FakeClient())
    assert ran.code == 1
    assert "ktrdr models list" in ran.err


def test_an_unknown_model_is_the_services_word(ktrdr):
    client = FakeClient(predict=not_found("Model", "model_id", "Known models: sp500_daily/SP500_1d_v1."))
    ran = ktrdr(["models", "predict", "s/n"], client)
    assert ran.code == 1
    assert "SP500_1d_v1" in ran.err
