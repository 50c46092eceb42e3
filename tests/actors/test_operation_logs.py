from __future__ import annotations

from pathlib import Path

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
