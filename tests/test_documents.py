"""The documents name only what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ktrdr

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_test_that_is_named_as_a_proof_exists() -> None:
    file, named = "", []
    for given_file, test in re.findall(r"`([\w/]*\.py)?::(\w+)`", (ROOT / "docs" / "what-happens-if.md").read_text()):
        file = given_file or file
        named.append((file, test))
    assert len(named) > 30
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests" / file).read_text(), f"{file}::{test}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_every_strategy_in_a_document_is_one() -> None:
    n_found = 0
    for document in DOCUMENTS:
        for block in re.findall(r"```yaml\n(name: .*?)```", document.read_text(), flags=re.DOTALL):
            if "nn_inputs" in block:
                ktrdr.load_strategy(block)
                n_found += 1
    assert n_found >= 2


def test_the_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
