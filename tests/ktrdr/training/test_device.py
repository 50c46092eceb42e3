from __future__ import annotations

import pytest
import torch

from ktrdr.errors import NoGpu, RequestError
from ktrdr.training.device import SMALL_NETWORK_PARAMETERS, detect_device, resolve_device, threads_for


def test_the_best_device_is_taken_unless_one_is_asked_for():
    assert resolve_device() == torch.device(detect_device())
    assert resolve_device("cpu") == torch.device("cpu")


def test_a_required_gpu_is_never_replaced_by_the_cpu():
    with pytest.raises(NoGpu):
        resolve_device("cpu", require_gpu=True)


@pytest.mark.skipif(detect_device() != "cpu", reason="this machine has an accelerator")
def test_a_device_that_is_not_there_is_refused():
    for arguments in (("cuda", False), ("mps", False), (None, True)):
        with pytest.raises(NoGpu, match="'cpu'"):
            resolve_device(*arguments)


def test_an_unknown_device_is_refused_with_the_nearest_spelling():
    with pytest.raises(RequestError) as caught:
        resolve_device("cdua")
    assert "cuda" in str(caught.value.suggestion)


def test_small_networks_use_one_thread_and_the_number_is_restored():
    before = torch.get_num_threads()
    with threads_for(torch.nn.Linear(3, 3)) as n_threads:
        assert n_threads == torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with threads_for(torch.nn.Linear(1000, SMALL_NETWORK_PARAMETERS // 1000)) as n_threads:
        assert n_threads == before
