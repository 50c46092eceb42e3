from __future__ import annotations

import json
import logging
from typing import Any

from actors.task_log import log_to


def test_each_record_of_ours_becomes_one_mapping_with_the_operation_in_it() -> None:
    records: list[dict[str, Any]] = []
    with log_to(records.append, operation_id="train-1", attempt=2):
        logging.getLogger("ktrdr.training").info("Step %d: %s", 1, "Loading market data")
        logging.getLogger("ktrdr.training").debug("Batches are reported every 20")
        logging.getLogger("somebody.else").info("not ours")
    logging.getLogger("ktrdr.training").info("afterwards")
    record, fine = records
    assert (fine["event"], fine["level"]) == ("Batches are reported every 20", "debug")
    assert record["event"] == "Step 1: Loading market data"
    assert (record["operation_id"], record["attempt"], record["level"]) == ("train-1", 2, "info")
    assert record["time"].endswith("Z")
    json.dumps(record)


def test_a_traceback_is_kept_in_the_record() -> None:
    records: list[dict[str, Any]] = []
    with log_to(records.append):
        try:
            int("wrong")
        except ValueError:
            logging.getLogger("ktrdr.task").info("ended", exc_info=True)
    assert "ValueError: invalid literal" in records[0]["exception"]
