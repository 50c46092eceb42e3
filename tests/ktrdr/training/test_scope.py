from __future__ import annotations

import numpy as np
import pytest

from ktrdr.errors import RequestError
from ktrdr.strategy import load_strategy
from ktrdr.training.scope import Options, settle_scope, settle_strategy
from tests.ktrdr.training.strategies import document, small_strategy

SPLIT = {"train": 0.7, "validation": 0.15, "test": 0.15}


def test_the_files_values_stand_where_the_request_gives_none():
    scope = settle_scope(small_strategy(data_split=SPLIT))
    assert scope.symbols == ("SP500",)
    assert (scope.start_date, scope.end_date) == ("2008-01-01", "2012-12-31")
    assert scope.data_split.train == 0.7
    assert scope.series == "SP500 1d"


def test_the_requests_values_win():
    scope = settle_scope(small_strategy(), ["NASDAQ", "SP500"], "2009-01-01", "2010-01-01")
    assert scope.symbols == ("NASDAQ", "SP500")
    assert (scope.start_date, scope.end_date) == ("2009-01-01", "2010-01-01")


@pytest.mark.parametrize(
    ("asked", "base", "features"),
    [
        (["1d"], "1d", 5),
        (["1w"], "1w", 5),
        (["1w", "1d"], "1d", 10),
        (["1w", "4h"], "4h", 10),
        (["1h", "4h", "1w"], "1h", 15),
    ],
)
def test_a_requests_timeframes_stand_for_the_files_list(asked, base, features):
    strategy = settle_strategy(small_strategy(), asked)
    assert strategy.timeframes == tuple(asked)
    assert strategy.base_timeframe == base
    assert len(strategy.features) == features
    assert settle_scope(strategy).timeframes == tuple(asked)


def test_the_files_base_stays_the_base_where_it_is_among_the_requests_timeframes():
    timeframes = {"mode": "multi_timeframe", "list": ["4h", "1d", "1w"], "base_timeframe": "1d"}
    strategy = settle_strategy(small_strategy(), None, {"training_data.timeframes": timeframes})
    assert settle_strategy(strategy, ["1w", "1d", "1h"]).base_timeframe == "1d"
    assert settle_strategy(strategy, ["1w", "4h"]).base_timeframe == "4h"


def test_timeframes_that_leave_out_one_that_an_input_names_are_the_requests_fault():
    keys = document()
    keys["nn_inputs"][0]["timeframes"] = ["1d"]
    with pytest.raises(RequestError, match=r"request's timeframes leave out 1d, which nn_inputs\.0 names"):
        settle_strategy(load_strategy(keys), ["1w"])


@pytest.mark.parametrize("timeframes", [1, "1d", [1], ["2h"], [], ["1d", "1d"], {"1d"}])
def test_timeframes_that_are_none_are_refused(timeframes):
    with pytest.raises(RequestError) as caught:
        settle_strategy(small_strategy(), timeframes)
    assert caught.value.path == "timeframes"
    assert caught.value.suggestion


def test_without_a_data_split_the_test_takes_fifteen_per_cent_and_validation_its_share_of_the_rest():
    shares = settle_scope(small_strategy(), validation_split=0.4).data_split
    assert (shares.train, shares.validation, shares.test) == pytest.approx((0.51, 0.34, 0.15))


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("symbols", {"symbols": []}),
        ("symbols", {"symbols": "SP500"}),
        ("symbols", {"symbols": ["A", "A"]}),
        ("symbols", {"symbols": [5]}),
        ("symbols", {"symbols": 5}),
        ("symbols", {"symbols": {"SP500"}}),
        ("symbols", {"symbols": ["../SP500"]}),
        ("symbols", {"symbols": ["SP500", "S P"]}),
        ("symbols", {"symbols": [""]}),
        ("start_date", {"start_date": "yesterday"}),
        ("end_date", {"end_date": "2012-13-01"}),
        ("start_date", {"start_date": "2013-01-01"}),
        ("validation_split", {"validation_split": 0.0}),
        ("validation_split", {"validation_split": 1.0}),
        ("validation_split", {"validation_split": 10**400}),
        ("validation_split", {"validation_split": float("nan")}),
        ("validation_split", {"validation_split": "0.2"}),
        ("validation_split", {"validation_split": None}),
        ("validation_split", {"validation_split": True}),
        ("data_mode", {"data_mode": "remote"}),
    ],
)
def test_what_cannot_be_accepted_is_refused_by_field(path, arguments):
    with pytest.raises(RequestError) as caught:
        settle_scope(small_strategy(), **arguments)
    assert caught.value.path == path
    assert caught.value.suggestion


def test_a_date_that_runs_against_the_files_says_whose_the_other_one_is():
    with pytest.raises(RequestError, match=r"start_date 2013-01-01 is after the end of .*date_range, 2012-12-31"):
        settle_scope(small_strategy(), start_date="2013-01-01")
    with pytest.raises(
        RequestError, match=r"end_date 2007-01-01 is before the start of .*date_range, 2008-01-01"
    ) as no:
        settle_scope(small_strategy(), end_date="2007-01-01")
    assert no.value.path == "end_date"
    with pytest.raises(RequestError, match="start_date 2010-01-02 is after end_date 2010-01-01"):
        settle_scope(small_strategy(), start_date="2010-01-02", end_date="2010-01-01")


def test_shares_of_any_number_type_are_numbers():
    scope = settle_scope(small_strategy(), validation_split=np.float32(0.25))
    assert (type(scope.validation_split), scope.validation_split) == (float, 0.25)


def test_a_validation_split_beside_a_data_split_is_refused():
    with pytest.raises(RequestError, match="data_split"):
        settle_scope(small_strategy(data_split=SPLIT), validation_split=0.3)


def test_an_unknown_keyword_is_a_type_error_that_names_the_nearest():
    with pytest.raises(TypeError, match="Did you mean 'require_gpu'"):
        Options.of({"require_gpus": True})


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "7", True])
def test_a_seed_is_a_whole_number_of_32_bits(seed):
    with pytest.raises(RequestError, match="seed"):
        Options.of({"seed": seed})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("run_name", 5),
        ("run_name", "a" * 201),
        ("run_name", "half \ud800"),
        ("require_gpu", "no"),
        ("require_gpu", 1),
        ("require_gpu", None),
        ("overrides", "training.epochs=5"),
        ("overrides", [("training.epochs", 5)]),
    ],
)
def test_an_option_of_another_kind_is_refused_by_name(name, value):
    with pytest.raises(RequestError) as caught:
        Options.of({name: value})
    assert caught.value.path == name
    assert caught.value.suggestion


def test_options_that_are_not_given_may_be_none():
    assert Options.of({"seed": None, "overrides": None, "run_name": None}) == Options()
    assert Options.of({"run_name": "a" * 200}).run_name == "a" * 200
