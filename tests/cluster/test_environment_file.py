"""`environments.yaml`: where it is looked for, what may stand in it, and how it is refused."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import ENVIRONMENTS, Environment
from cluster.environment_file import environments_of, read_environments
from cluster.environments import slots_of
from ktrdr.errors import EnvironmentFileError, RequestError
from ktrdr.settings import Settings

TEXT = """\
environments:
  - name: cpu-docker
    mode: local
  - name: h100.rented
    mode: cloud
    description: rented by the hour
    transport: ray
    slots_per_node: 4
    lease_s: 30
    cancel_grace_s: 2.5
    max_duration_s: 7200
    max_queue_s: 600
    cost_per_hour: 3
  - {name: a100, mode: cloud}
"""


def test_the_file_lists_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "environments.yaml").write_text(TEXT)
    found = environments_of(Settings(home=tmp_path / ".ktrdr"))
    assert found.names == ("cpu-docker", "h100.rented", "a100")
    assert found.modes == ("auto", "local", "cloud")
    rented = found.named("h100.rented")
    assert (rented.slots_per_node, rented.cancel_grace_s, rented.max_duration_s) == (4, 2.5, 7200)
    assert (rented.lease_s, rented.max_queue_s, rented.cost_per_hour) == (30, 600, 3)
    assert (slots_of(rented, 16), slots_of(found.named("a100"), 16)) == (4, 16)
    assert found.own == found.named("cpu-docker")
    assert pickle.loads(pickle.dumps(found)).names == found.names


def test_without_a_file_there_are_the_built_in_ones(tmp_path: Path) -> None:
    assert environments_of(Settings(home=tmp_path / ".ktrdr")) is ENVIRONMENTS
    assert ENVIRONMENTS.names == ("cpu-docker", "mps-mac", "cuda-cloud")


def test_the_variable_names_another_file_which_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "environments.yaml").write_text("environments: nonsense")
    elsewhere = tmp_path / "elsewhere.yaml"
    settings = Settings(home=tmp_path / ".ktrdr", environments=elsewhere)
    with pytest.raises(RequestError, match="no such file") as refused:
        environments_of(settings)
    assert refused.value.path == "KTRDR_ENVIRONMENTS"
    elsewhere.write_text(TEXT)
    assert "a100" in environments_of(settings).names


def test_a_default_mode_that_no_environment_has_is_an_error_that_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "environments.yaml").write_text(TEXT)
    assert environments_of(Settings(home=tmp_path / ".ktrdr", default_mode="cloud")).modes
    with pytest.raises(RequestError, match="'host'") as refused:
        environments_of(Settings(home=tmp_path / ".ktrdr", default_mode="host"))
    assert (refused.value.path, refused.value.suggestion) == ("TRAINING_DEFAULT_MODE", "One of: auto, local, cloud.")


def test_a_file_without_a_local_environment_is_one() -> None:
    assert read_environments("environments: [{name: a100, mode: cloud}]").own is None


def one(extra: str = "", name: str = "a", mode: str = "local") -> str:
    return f"environments:\n  - name: {name}\n    mode: {mode}\n{extra}"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file is empty. Begin with `environments: ...`."),
        ("- name: a", 1, "the file is not a mapping"),
        ("environments: []", 1, "needs at least 1, has 0"),
        ("environments:", 1, "expected a list, got nothing"),
        ("enviroments: [{name: a, mode: b}]", 1, "Did you mean 'environments'?"),
        (one("    slots: 3\n"), 4, "unknown key 'slots'"),
        (one("    slots_per_nod: 3\n"), 4, "Did you mean 'slots_per_node'?"),
        (one("    slots_per_node: 0\n"), 4, "must be at least 1, got 0"),
        (one('    slots_per_node: "2"\n'), 4, "expected a whole number, got '2' (text)"),
        (one("    max_duration_s: -1\n"), 4, "must be greater than 0, got -1"),
        (one("    lease_s: .inf\n"), 4, "expected a finite number"),
        (one("    max_queue_s:\n"), 4, "nothing is given. Remove the key or give its value."),
        (one("    lease_s:\n"), 4, "got nothing"),
        (one("    transport: http\n"), 4, "the transport http is not supported in this version"),
        (one("    transport: rya\n"), 4, "Did you mean 'ray'?"),
        (one("    mode: host\n"), 4, "the key 'mode' is here twice"),
        (
            one("  - {name: a, mode: host}\n"),
            4,
            "the name 'a' is here twice. Rename one of them: the first is on line 2.",
        ),
        ("environments:\n  - mode: local\n", 2, "missing key 'name'"),
        ("environments:\n  - name: a\n", 2, "missing key 'mode'"),
        (one(name="auto"), 2, "'auto' cannot be the name"),
        (one(name="none"), 2, "'none' cannot be the name"),
        (one(name="a b"), 2, "'a b' cannot be a label of a node"),
        (one(name="a-"), 2, "cannot be a label"),
        (one(name="a" * 64), 2, "cannot be a label"),
        (one(name="1"), 2, "expected a text, got 1"),
        (one(mode="auto"), 3, "'auto' cannot be the mode"),
        (one(mode="none"), 3, "'none' cannot be the mode"),
        (one(mode="Cloud"), 3, "'Cloud' cannot be a mode"),
        ("environments:\n\t- a", 2, "a tab where only spaces can stand"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
    ],
)
def test_a_fault_is_reported_with_its_line_and_what_to_do(text: str, line: int, said: str) -> None:
    with pytest.raises(EnvironmentFileError) as refused:
        read_environments(text, "here.yaml")
    [problem] = refused.value.problems
    assert said in str(problem)
    assert problem.line == line
    assert str(refused.value).startswith("here.yaml: 1 problem")


def test_all_faults_are_reported_at_once_in_order() -> None:
    text = "environments:\n  - name: -a\n    mode: LOCAL\n    lease: 3\n  - name: -a\n    mode: x\n    cost_per_hour:\n"
    with pytest.raises(EnvironmentFileError) as refused:
        read_environments(text)
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4, 5, 5, 7]


def test_a_file_that_is_no_text_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "environments.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(EnvironmentFileError, match="UTF-8") as refused:
        environments_of(Settings(home=tmp_path / ".ktrdr"))
    assert refused.value.source == str(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(EnvironmentFileError, match="cannot be read"):
        environments_of(Settings(home=tmp_path / ".ktrdr"))


values = st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=4) | st.lists(st.integers(), max_size=2)
entries = st.dictionaries(st.sampled_from([*Environment.model_fields, "nmae"]), values, max_size=6)


@given(st.lists(entries | values, max_size=3) | values)
def test_whatever_stands_in_it_is_read_or_refused_with_words(listed: object) -> None:
    import json

    try:
        found = read_environments(json.dumps({"environments": listed}))
    except EnvironmentFileError as error:
        assert all(problem.message for problem in error.problems)
        assert error.problems
    else:
        assert len(set(found.names)) == len(list(found))


def test_every_key_of_an_environment_is_in_the_documents_table_and_its_example() -> None:
    document = (Path(__file__).parents[2] / "docs" / "environments.md").read_text()
    keys = document.partition("\n| key |")[2].partition("\n\n")[0]
    table = re.findall(r"^\| `(\w+)` \|", keys, flags=re.MULTILINE)
    assert table == list(Environment.model_fields)
    [example] = re.findall(r"```yaml\n(environments:.*?)```", document, flags=re.DOTALL)
    found = read_environments(example)
    assert {key for environment in found for key in environment.model_fields_set} == set(Environment.model_fields)
