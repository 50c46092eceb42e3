from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktrdr.errors import RequestError
from ktrdr.wire import CheckRequest, StrategyRequest, TrainingRequest

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from([*TrainingRequest.model_fields, "lookahead", "stratgy_name", ""])


@pytest.mark.parametrize("kind", [TrainingRequest, CheckRequest])
@given(body=st.dictionaries(fields, json_values, max_size=5))
def test_any_body_is_a_request_or_a_request_error_with_words(
    kind: type[StrategyRequest], body: dict[str, object]
) -> None:
    try:
        request = kind.parse(body)
    except RequestError as error:
        assert str(error)
        return
    assert (request.strategy is None) != (request.strategy_name is None)
    assert kind.parse(request.model_dump(mode="json")) == request
    assert kind.parse(request) is request


def test_the_hash_of_a_body_is_what_is_asked_not_who_asks() -> None:
    one = TrainingRequest(strategy_name="a", operation_id="train-1")
    other = TrainingRequest(strategy_name="a", operation_id="train-2")
    assert one.body_sha256 == other.body_sha256
    assert TrainingRequest.parse(one.model_dump(mode="json")).body_sha256 == one.body_sha256
    assert one.body_sha256 != TrainingRequest(strategy_name="a", seed=1).body_sha256


@pytest.mark.parametrize(
    ("body", "path", "suggestion"),
    [
        ({"strategy_name": "a", "sede": 1}, "sede", "Did you mean 'seed'?"),
        ({"strategy_name": "a", "execution_mode": 1}, "execution_mode", None),
        ({"strategy_name": "a", "start_date": "01.02.2003"}, "start_date", None),
        ({"strategy_name": "a", "symbols": []}, "symbols", None),
        ({"strategy_name": "a", "symbols": ["../x"]}, "symbols.0", None),
        ({"strategy_name": "a", "start_date": "2004-01-01", "end_date": "2003-01-01"}, "", None),
        ({"strategy_name": "a", "operation_id": "train-../x"}, "", None),
    ],
)
def test_the_field_at_fault_is_named(body: dict[str, object], path: str, suggestion: str | None) -> None:
    with pytest.raises(RequestError) as refused:
        TrainingRequest.parse(body)
    assert (refused.value.path, refused.value.suggestion) == (path, suggestion)


def test_a_check_takes_what_a_training_takes_of_bars_and_nothing_of_its_place() -> None:
    asked = CheckRequest.parse({"strategy_name": "a", "symbols": ["SP500"], "end_date": "2003-01-01"})
    assert asked.lookahead is False
    with pytest.raises(RequestError) as refused:
        CheckRequest.parse({"strategy_name": "a", "execution_mode": "local"})
    assert refused.value.path == "execution_mode"
