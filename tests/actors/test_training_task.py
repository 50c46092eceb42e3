"""What the training task does around the executor; what it does with a cluster is shown end to end."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from actors.training_task import NICENESS, step_back


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the niceness is the process's")
def test_what_trains_steps_back_and_the_threads_beside_it_do_not() -> None:
    before = niceness()
    with ThreadPoolExecutor(1) as beside, ThreadPoolExecutor(1) as training:
        assert beside.submit(niceness).result() == before
        training.submit(step_back).result()
        assert training.submit(niceness).result() == max(before, NICENESS)
        training.submit(step_back).result()  # a process trains more than once
        assert training.submit(niceness).result() == max(before, NICENESS)
        assert beside.submit(niceness).result() == niceness() == before
