from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actors.operation_logs import OperationLogs
from ktrdr.errors import UnknownOperation
from ktrdr.operations import new_operation_id, utc_now


def test_lines_are_read_from_an_offset_and_a_half_written_one_is_left(tmp_path: Path) -> None:
    logs, operation_id = OperationLogs(tmp_path), new_operation_id(utc_now)
    assert logs.read(operation_id) == ("", 0)
    logs.append(operation_id, [{"event": "one"}, {"event": "two"}])
    text, offset = logs.read(operation_id)
    assert text == '{"event": "one"}\n{"event": "two"}\n'
    with (tmp_path / f"{operation_id}.ndjson").open("a") as file:
        file.write('{"event": "thr')
    assert logs.read(operation_id, offset) == ("", offset)


@pytest.mark.parametrize("name", ["../secret", "train-../x", "", "a\0b"])
def test_a_name_that_is_no_id_names_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnknownOperation):
        OperationLogs(tmp_path).read(name)


def lines(*sequences: int, attempt: int = 1) -> list[dict[str, Any]]:
    return [{"event": f"line {number}", "attempt": attempt, "sequence": number} for number in sequences]


def kept(logs: OperationLogs, operation_id: str) -> list[tuple[int, int]]:
    records = [json.loads(line) for line in logs.read(operation_id)[0].splitlines()]
    return [(record["attempt"], record["sequence"]) for record in records]


def test_a_report_that_is_sent_again_adds_only_the_lines_that_are_missing(tmp_path: Path) -> None:
    logs = OperationLogs(tmp_path)
    logs.append("train-1", lines(1, 2))
    logs.append("train-1", lines(1, 2))  # its acknowledgement was lost
    logs.append("train-1", lines(1, 2, 3))
    logs.append("train-2", lines(1))
    assert kept(logs, "train-1") == [(1, 1), (1, 2), (1, 3)]
    assert kept(logs, "train-2") == [(1, 1)]


def test_the_same_holds_after_a_restart_of_the_actor(tmp_path: Path) -> None:
    OperationLogs(tmp_path).append("train-1", lines(1, 2))
    logs = OperationLogs(tmp_path)
    logs.append("train-1", lines(1, 2, 3))
    assert kept(logs, "train-1") == [(1, 1), (1, 2), (1, 3)]


def test_each_attempt_counts_its_own_lines(tmp_path: Path) -> None:
    logs = OperationLogs(tmp_path)
    logs.append("train-1", lines(1, 2))
    logs.append("train-1", lines(1, attempt=2))
    logs.append("train-1", lines(2, 3))  # late, of the attempt before
    again = OperationLogs(tmp_path)
    again.append("train-1", [*lines(3), *lines(1, 2, attempt=2)])
    assert kept(again, "train-1") == [(1, 1), (1, 2), (2, 1), (1, 3), (2, 2)]


def test_a_line_that_a_kill_cut_off_is_written_again(tmp_path: Path) -> None:
    OperationLogs(tmp_path).append("train-1", lines(1, 2))
    path = tmp_path / "train-1.ndjson"
    path.write_bytes(path.read_bytes()[:-5])
    OperationLogs(tmp_path).append("train-1", lines(1, 2))
    assert [json.loads(line)["sequence"] for line in path.read_text().splitlines()] == [1, 2]
    path.write_bytes(path.read_bytes()[:-1])  # whole, but for its end
    logs = OperationLogs(tmp_path)
    logs.append("train-1", lines(2, 3))
    assert [json.loads(line)["sequence"] for line in path.read_text().splitlines()] == [1, 2, 3]
    path.write_bytes(b'{"sequence": ')  # the first line there is
    OperationLogs(tmp_path).append("train-1", lines(1))
    assert kept(logs, "train-1") == [(1, 1)]


def test_what_could_not_be_written_counts_as_missing(tmp_path: Path) -> None:
    logs = OperationLogs(tmp_path)
    logs.append("train-1", lines(1))
    (tmp_path / "train-1.ndjson").rename(tmp_path / "kept")
    (tmp_path / "train-1.ndjson").mkdir()  # no file can be written there
    with pytest.raises(IsADirectoryError):
        logs.append("train-1", lines(2))
    (tmp_path / "train-1.ndjson").rmdir()
    (tmp_path / "kept").rename(tmp_path / "train-1.ndjson")
    logs.append("train-1", lines(1, 2))
    assert kept(logs, "train-1") == [(1, 1), (1, 2)]


def test_lines_without_a_number_are_always_kept(tmp_path: Path) -> None:
    logs = OperationLogs(tmp_path)
    logs.append("train-1", [{"event": "one"}])
    logs.append("train-1", [{"event": "one"}])
    assert logs.read("train-1")[0].count("one") == 2
