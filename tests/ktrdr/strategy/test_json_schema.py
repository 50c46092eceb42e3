from __future__ import annotations

import copy
from pathlib import Path

import jsonschema
import pytest

from ktrdr.declaration.kinds import models_at
from ktrdr.strategy import read_document, validate_strategy
from ktrdr.strategy.json_schema import strategy_json_schema
from ktrdr.strategy.schema import Strategy
from ktrdr.strategy.spellings import SPELLINGS
from ktrdr.strategy.starter import KINDS, starter
from tests.ktrdr.strategy.texts import VALID, changed

EXAMPLES = sorted((Path(__file__).parents[3] / "strategies").glob("*.yaml"))
SCHEMA = strategy_json_schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)

WRONG = [
    ("epochs: 5", "epoch: 5"),
    ("epochs: 5", "epochs: many"),
    ("epochs: 5", "epochs: 0"),
    ("epochs: 5", "gradient_clip:"),
    ("epochs: 5", "lr_scheduler: stepwise"),
    ("epochs: 5", "lr_scheduler: {type: cosine, gamma: 0.5}"),
    ("name: example", "name: -example"),
    ("name: example", "nam: example"),
    ('version: "3.0"', 'version: "2.0"'),
    ("symbol: SP500", "symbol: SP 500"),
    ("symbol: SP500", "list: [SP500]"),
    ("timeframe: 1d", "timeframe: 1x"),
    ("start: 2000-01-01", "start: january"),
    ("start: 2000-01-01", "start: 20000101"),
    ("{type: rsi, period: 14}", "{type: rsi, period: 1}"),
    ("{type: rsi, period: 14}", "{type: rsix, period: 14}"),
    ("{type: rsi, period: 14}", "{period: 14}"),
    ("rsi_14: {", "rsi 14: {"),
    ("indicator: rsi_14", "indicators: rsi_14"),
    ("low: [-.inf, -.inf, 30, 50]", "low: [30, 50]"),
    ("low: [-.inf, -.inf, 30, 50]", "low: {type: gaussian}"),
    ("- {fuzzy_set: momentum}", "- {fuzzy: momentum}"),
    ("- {fuzzy_set: momentum}", "- {raw_indicator: rsi_14, normalization: rank}"),
    ("timeframes: [1d]", "timeframes: some"),
    ("type: mlp", "type: transformer"),
    ("dropout: 0.1", "dropout: 1.0"),
    ("source: triple_barrier, pt_multiplier: 2.0", "source: oracle"),
    ("source: triple_barrier, pt_multiplier: 2.0", "source: triple_barrier, pt_multiplier: 0"),
    ("source: triple_barrier, pt_multiplier: 2.0", "source: triple_barrier, profit_target_atr: 2.0"),
    ("train: 0.7,", ""),
    ("optimizer: adam", "optimizer: lbfgs"),
]


def faults(text: str) -> list[str]:
    return [error.message for error in CHECK.iter_errors(read_document(text).values)]


def test_the_schema_is_one_of_2020_12_and_titled():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in SCHEMA
    assert SCHEMA["title"] == "ktrdr strategy"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_strategies_that_come_with_ktrdr_fit_the_schema(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_strategies_to_begin_from_fit_the_schema(kind):
    assert faults(starter("mine", kind)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("epochs: 5", "batch_size: auto"),
        ("epochs: 5", "lr_scheduler: cosine"),
        ("epochs: 5", "lr_scheduler: {type: cosine, eta_min: 0.0001}"),
        ("low: [-.inf, -.inf, 30, 50]", 'low: ["-inf", "-inf", 30, 50]'),
        ("low: [-.inf, -.inf, 30, 50]", "low: {type: sigmoid, parameters: [30, -1]}"),
        ('version: "3.0"', "scope: {any: [content]}"),
    ],
)
def test_the_other_forms_of_a_value_fit_the_schema(old, new):
    assert validate_strategy(changed(old, new)).problems == ()
    assert faults(changed(old, new)) == []


@pytest.mark.parametrize(("old", "new"), WRONG)
def test_a_gross_error_does_not_fit_the_schema_nor_the_strategy(old, new):
    assert faults(VALID) == []
    assert faults(changed(old, new)) != []
    assert validate_strategy(changed(old, new)).problems != () or "profit_target_atr" in new


def test_older_spellings_are_not_in_the_schema():
    def names(part):
        if isinstance(part, dict):
            yield from part.get("properties", {})
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from names(inner)

    older = {spelling.old[-1] for spelling in SPELLINGS if spelling.only_if and spelling.only_if[0] == "source"}
    assert older - {"atr_period"}  # a parameter of regime labels too
    assert not (older - {"atr_period"}) & set(names(SCHEMA))


def test_a_key_is_explained_where_its_field_is():
    explained = 0
    for model, part in _models_and_parts(Strategy):
        for name, field in model.model_fields.items():
            if field.description:
                assert part["properties"][field.validation_alias or name]["description"], f"{model.__name__}.{name}"
                explained += 1
    assert explained > 20


def _models_and_parts(root):
    parts = {"Strategy": SCHEMA, **SCHEMA["$defs"]}
    places = ["training_data", "training", "model", "decisions", ("indicators", "x"), ("nn_inputs", 0)]
    places += [("training", "labels"), ("training", "early_stopping"), ("model", "features"), ("model", "architecture")]
    places += [("training_data", "timeframes"), ("training", "lr_scheduler"), ("decisions", "cost_model")]
    for place in places:
        for model in models_at(root, (place,) if isinstance(place, str) else place):
            if model.__name__ in parts:
                yield model, parts[model.__name__]


def test_a_schema_is_the_callers_own():
    mine = strategy_json_schema()
    mine["properties"].clear()
    assert strategy_json_schema() == SCHEMA == copy.deepcopy(SCHEMA)


def test_nothing_is_said_to_be_null_where_a_key_may_be_left_out():
    assert '{"type": "null"}' not in str(SCHEMA).replace("'", '"')
    assert "'default': None" not in str(SCHEMA)
