"""An older strategy file as a whole: read, rewritten section by section, judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ktrdr.errors import Problem, StrategyError
from ktrdr.strategy.document import Document, read_document
from ktrdr.strategy.loading import validate_strategy
from ktrdr.strategy.migration.bars import migrated_training_data
from ktrdr.strategy.migration.fuzzy import SetWriter
from ktrdr.strategy.migration.indicators import migrated_indicators
from ktrdr.strategy.migration.keys import drop
from ktrdr.strategy.migration.learning import migrated_decisions, migrated_model, migrated_training
from ktrdr.strategy.migration.ledger import Ledger, legal_name
from ktrdr.strategy.migration.writing import written
from ktrdr.strategy.spellings import respell

_AS_THEY_ARE = ("description", "hypothesis", "scope", "deployment")
_SECTIONS = {"model": migrated_model, "decisions": migrated_decisions, "training": migrated_training}
_MAX_LISTED = 50
_REWRITTEN = ("name", "version", "data", "training_data", "indicators", "fuzzy_sets", "nn_inputs", *_SECTIONS)


@dataclass(frozen=True)
class Migration:
    """A strategy file in the present form, and what became of the older one.

    `text` is YAML. `changes` are what is written differently and means the same. `left_behind` is what `text` does not
    say, with its path and place in the older file, and why. `problems` are what is still wrong with `text`.
    """

    text: str
    changes: tuple[str, ...]
    left_behind: tuple[Problem, ...]
    problems: tuple[Problem, ...]


def migrate(text: str, source: str = "strategy") -> Migration:
    """Return the 3.0 form of an older strategy file.

    Parameters
    ----------
    text : str
        YAML in which `indicators` is a list, as versions 1.x and 2.x have it; or in which it is a mapping already and
        other keys are still those of the older form.
    source : str, optional
        What errors call the text.

    Raises
    ------
    StrategyError
        If the text cannot be read, is no strategy, or is in the 3.0 form as it is.
    """
    read = read_document(text, source)
    document, notes, both_given = respell(read)
    ledger = Ledger(document)
    ledger.changes += notes
    ledger.left_behind += both_given
    indicators = document.values.get("indicators")
    if not isinstance(indicators, list | dict):
        message = "this is no strategy of the older form: it has no list of `indicators`"
        raise StrategyError((document.problem(("indicators",), message, at_key=True),), source)
    if isinstance(indicators, dict) and validate_strategy(read).valid:
        raise _nothing_to_migrate(document)
    values = _rewritten(document, indicators, ledger)
    if isinstance(indicators, dict) and not ledger.changes:
        raise _nothing_to_migrate(document)
    result = written(values, _heading(document, ledger))
    problems = validate_strategy(read_document(result)).problems
    return Migration(result, tuple(dict.fromkeys(ledger.changes)), tuple(ledger.left_behind), problems)


def _nothing_to_migrate(document: Document) -> StrategyError:
    message = "there is nothing to migrate: the file is in the 3.0 form"
    advice = "`ktrdr strategies validate` says what is wrong with it, if anything."
    return StrategyError((document.problem(("indicators",), message, advice, at_key=True),), document.source)


def _rewritten(document: Document, indicators: Any, ledger: Ledger) -> dict[str, Any]:
    old = document.values
    new: dict[str, Any] = {"version": "3.0", **{key: old[key] for key in _AS_THEY_ARE if key in old}}
    if "name" in old:
        new["name"] = legal_name(old["name"]) if isinstance(old["name"], str) else old["name"]
        if new["name"] != old["name"]:
            ledger.change(
                f"The strategy '{old['name']}' is called '{new['name']}': a name is letters, digits, - and _."
            )
    if str(old.get("version")) != "3.0":
        ledger.change("version is 3.0.")
    training_data = migrated_training_data(old, ledger)
    if training_data is not None:
        new["training_data"] = training_data
    sets = old.get("fuzzy_sets")
    writer = SetWriter(migrated_indicators(indicators, ledger), ledger)
    for key, value in sets.items() if isinstance(sets, dict) else ():
        writer.write(key, value)
    new["indicators"] = writer.indicators
    new["fuzzy_sets"] = writer.sets if isinstance(sets, dict) else sets
    if "nn_inputs" in old:
        new["nn_inputs"] = old["nn_inputs"]
        for older in writer.on_one_timeframe:
            ledger.leave(("indicators",), f"the timeframe of '{older.name}' is said by nn_inputs, which are given")
    else:
        new["nn_inputs"] = writer.inputs
        ledger.change("nn_inputs lists the fuzzy sets, in their order.")
    for key, migrated in _SECTIONS.items():
        if key in old:
            new[key] = migrated(old[key], ledger)
    for key in old:
        if key not in (*_AS_THEY_ARE, *_REWRITTEN):
            drop((key,), old[key], ledger)
    return {key: value for key, value in new.items() if value is not None}


def _heading(document: Document, ledger: Ledger) -> list[str]:
    version = str(document.values.get("version", "older"))[:20]
    lines = [f"Written by `ktrdr strategies migrate` from a file of the {version} form, comments left out."]
    if ledger.left_behind:
        lines += ["What could not be carried, with its line there:"]
        lines += [f"- {problem}" for problem in ledger.left_behind[:_MAX_LISTED]]
        if len(ledger.left_behind) > _MAX_LISTED:
            lines += [f"- and {len(ledger.left_behind) - _MAX_LISTED} more"]
    return lines
