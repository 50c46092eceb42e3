"""Many submissions at once on two slots: they start in the order in which they came, and all of them finish."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.end_to_end.conftest import Service, wait_until

TINY: dict[str, Any] = {"start_date": "2017-01-01", "overrides": {"training.epochs": 1}}
N_CLIENTS = 10


@pytest.mark.parametrize("n_submissions", [30, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_many_submissions_at_once_start_in_their_order_and_all_finish(
    service: Service, n_submissions: int, record_property: Callable[[str, float], None]
) -> None:
    with service.client() as client, ThreadPoolExecutor(N_CLIENTS) as clients:
        started = list(clients.map(lambda _: client.train("minimal", **TINY)["operation_id"], range(n_submissions)))
        took_s = wait_until(lambda: client.operations(active=True)["total_count"] == 0, 1000)
        newest_first = client.operations(limit=n_submissions)["items"]
        models = [model["operation_id"] for model in client.models("minimal", limit=n_submissions + 50)["items"]]
    record_property("took_s", took_s)
    submitted = newest_first[::-1]
    assert sorted(operation["operation_id"] for operation in submitted) == sorted(started)
    assert {(operation["status"], operation["attempt"]) for operation in submitted} == {("completed", 1)}
    begun = [operation["started_at"] for operation in submitted]
    assert begun == sorted(begun)
    n_at_once = [sum(o["started_at"] < at < o["completed_at"] for o in submitted) for at in begun]
    assert max(n_at_once) < 2  # besides the one that began
    for operation_id in started:
        assert models.count(operation_id) == 1
