from __future__ import annotations

import contextlib
import os

import pytest
import torch

from ktrdr.errors import NoGpu, RequestError
from ktrdr.training.device import (
    SMALL_NETWORK_PARAMETERS,
    detect_device,
    float32_kept,
    free_memory,
    is_out_of_memory,
    random_state_kept,
    resolve_device,
    seeded,
    threads_for,
)


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


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ("gpu", "'cuda'"),
        ("GPU:0", "'cuda'"),
        ("CUDA", "'cuda'"),
        ("cpu:x", "'cpu:0'"),
        ("cpu:", "'cpu:0'"),
        ("cpu:-1", "'cpu:0'"),
        ("cpu:5", "use 0"),
        ("", "cuda, mps, cpu"),
        (5, "cuda, mps, cpu"),
    ],
)
def test_what_is_no_device_is_refused_by_field_with_what_is_one(asked, advice):
    with pytest.raises(RequestError) as caught:
        resolve_device(asked)
    assert caught.value.path == "device"
    assert advice in str(caught.value.suggestion)


def test_a_device_may_have_a_number():
    assert resolve_device("cpu:0") == torch.device("cpu:0")


class FakeAccelerator:
    """torch.cuda, or torch.mps, over a generator on the CPU."""

    def __init__(self):
        self.generator = torch.Generator().manual_seed(1)
        self.touched = []

    def install(self, monkeypatch, module):
        monkeypatch.setattr(module, "get_rng_state", self.get_rng_state)
        monkeypatch.setattr(module, "set_rng_state", self.set_rng_state)
        monkeypatch.setattr(module, "manual_seed", self.manual_seed)
        if module is torch.cuda:
            monkeypatch.setattr(module, "device", lambda device: contextlib.nullcontext())
            monkeypatch.setattr(module, "manual_seed_all", self.manual_seed)

    def get_rng_state(self, device=None):
        self.touched.append("get")
        return self.generator.get_state()

    def set_rng_state(self, state, device=None):
        self.touched.append("set")
        self.generator.set_state(state)

    def manual_seed(self, seed):
        self.touched.append("seed")
        self.generator.manual_seed(seed)


@pytest.fixture
def accelerators(monkeypatch):
    fakes = {"cuda": FakeAccelerator(), "mps": FakeAccelerator()}
    fakes["cuda"].install(monkeypatch, torch.cuda)
    fakes["mps"].install(monkeypatch, torch.mps)
    return fakes


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_seeding_for_an_accelerator_seeds_it_and_puts_its_generator_back(accelerators, kind):
    generator = accelerators[kind].generator
    before, before_cpu = generator.get_state(), torch.get_rng_state()
    with seeded(torch.device(kind), 7):
        assert torch.equal(
            torch.rand(3, generator=generator), torch.rand(3, generator=torch.Generator().manual_seed(7))
        )
        assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(7)))
    assert torch.equal(generator.get_state(), before)
    assert torch.equal(torch.get_rng_state(), before_cpu)


def test_seeding_for_one_device_leaves_every_other_alone(accelerators):
    with seeded(torch.device("cpu"), 7):
        torch.rand(3)
    assert (accelerators["cuda"].touched, accelerators["mps"].touched) == ([], [])
    with seeded(torch.device("mps"), 7):
        torch.rand(3)
    assert accelerators["cuda"].touched == []


def test_generators_are_put_back_when_the_block_raises(accelerators):
    generator, before = accelerators["cuda"].generator, torch.get_rng_state()
    on_device = generator.get_state()
    with pytest.raises(ValueError, match="broken"), random_state_kept(torch.device("cuda")):
        torch.manual_seed(5)
        torch.rand(3, generator=generator)
        raise ValueError("broken")
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(generator.get_state(), on_device)


def test_small_networks_use_one_thread_and_the_number_is_restored():
    before = torch.get_num_threads()
    with threads_for(torch.nn.Linear(3, 3)) as n_threads:
        assert n_threads == torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with threads_for(torch.nn.Linear(1000, SMALL_NETWORK_PARAMETERS // 1000)) as n_threads:
        assert n_threads == before


def test_no_more_threads_are_used_than_there_are_processors():
    with threads_for(torch.nn.Linear(3, 3), 2**20) as n_threads:
        assert n_threads == os.cpu_count()


def test_recurrent_layers_keep_whole_float32_inside_the_block_only():
    before = torch.backends.cudnn.allow_tf32
    with pytest.raises(ValueError, match="broken"), float32_kept():
        assert torch.backends.cudnn.allow_tf32 is False
        raise ValueError("broken")
    assert torch.backends.cudnn.allow_tf32 == before


def test_full_memory_is_told_from_other_faults():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"))
    assert is_out_of_memory(RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_what_torch_keeps_of_an_accelerators_memory_is_given_back(monkeypatch):
    freed = []
    monkeypatch.setattr(torch.accelerator, "empty_cache", lambda: freed.append(True))
    free_memory(torch.device("cpu"))
    assert freed == []
    free_memory(torch.device("cuda"))
    assert freed == [True]
