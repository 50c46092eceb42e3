from __future__ import annotations

import doctest

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from ktrdr.errors import TrainingError
from ktrdr.training.learning import batches
from ktrdr.training.learning.batches import resolve_batch_size
from tests.ktrdr.training.small_training import config_of, network_of, rows_for, rows_of, same_weights, train, values_of


class Cramped(nn.Module):
    """A network on a device that holds a pass over `limit` rows, of windows too."""

    def __init__(self, limit: int, message: str | None = None) -> None:
        super().__init__()
        self._limit, self._message = limit, message
        self.inner = nn.Linear(5, 3)
        self.sizes: list[int] = []

    def forward(self, x):
        self.sizes.append(len(x))
        if len(x) > self._limit:
            raise torch.OutOfMemoryError("full") if self._message is None else RuntimeError(self._message)
        return self.inner(x if x.ndim == 2 else x[:, -1])


@pytest.mark.parametrize(("batch_size", "limit", "fitting"), [(64, 40, 32), (64, 31, 16), (100, 99, 50), (64, 1, 1)])
def test_a_batch_too_large_for_memory_is_an_error_that_says_what_fits(batch_size, limit, fitting):
    network = Cramped(limit)
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(
        TrainingError, match=f"A batch of {batch_size} rows .* memory of cpu; {fitting} rows do"
    ) as caught:
        train(config_of(batch_size=batch_size), network=network)
    assert f"batch_size to {fitting} or fewer" in str(caught.value.suggestion)
    # never a step with another batch size
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_windows_that_do_not_fit_are_tried_as_windows():
    config = config_of(batch_size=32)
    network = Cramped(10)
    with pytest.raises(TrainingError, match="; 8 rows do"):
        train(config, rows_for("gru", config), network)
    assert network.sizes == [32, 16, 8]


def test_a_network_of_which_no_row_fits_is_said_to_be_too_large():
    with pytest.raises(TrainingError, match="nor does a single row") as caught:
        train(config_of(), network=Cramped(0))
    assert "network" in str(caught.value.suggestion)


@pytest.mark.parametrize(
    "message",
    ["MPS backend out of memory (MPS allocated: 1 GB)", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"],
)
def test_full_memory_is_known_by_its_message_where_it_has_no_class(message):
    with pytest.raises(TrainingError, match="16 rows do"):
        train(config_of(), network=Cramped(16, message))


def test_any_other_fault_of_a_batch_goes_through_as_it_is():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train(config_of(), network=Cramped(16, "shapes cannot be multiplied"))


@given(st.integers(1, 10**7), st.sampled_from(["cpu", "cuda", "mps"]))
def test_auto_is_a_power_of_two_that_the_rows_fill(n_rows, device_type):
    size = resolve_batch_size("auto", device_type, n_rows)
    assert size & (size - 1) == 0
    assert 1 <= size <= n_rows
    assert size <= resolve_batch_size("auto", device_type, n_rows + 1)
    assert resolve_batch_size("auto", "cpu", n_rows) <= resolve_batch_size("auto", "cuda", n_rows)


@pytest.mark.parametrize(
    ("n_rows", "on_cpu", "elsewhere"),
    [
        (1, 1, 1),
        (50, 32, 32),
        (1_999, 32, 64),
        (2_000, 64, 256),
        (19_999, 64, 256),
        (20_000, 128, 1_024),
        (99_999, 128, 1_024),
        (100_000, 256, 4_096),
    ],
)
def test_auto_follows_the_table(n_rows, on_cpu, elsewhere):
    assert resolve_batch_size("auto", "cpu", n_rows) == on_cpu
    assert resolve_batch_size("auto", "cuda", n_rows) == resolve_batch_size("auto", "mps", n_rows) == elsewhere


def test_a_declared_batch_size_is_never_changed():
    assert resolve_batch_size(48, "cuda", 10) == 48


def test_auto_trains_with_the_batch_size_it_resolves_to():
    size = resolve_batch_size("auto", "cpu", 200)
    automatic, declared = train(config_of(batch_size="auto")), train(config_of(batch_size=size))
    assert same_weights(automatic[0], declared[0])
    assert values_of(automatic[1]) == values_of(declared[1])
    seen = []
    train(
        config_of(batch_size="auto", epochs=1),
        rows_of(9000),
        network_of(),
        progress_callback=lambda *c: seen.append(c[2]),
    )
    assert {metrics["total_batches_per_epoch"] for metrics in seen if metrics["progress_type"] == "batch"} == {
        int(np.ceil(6000 / 64))
    }


def test_the_example_in_the_docstring_runs():
    assert doctest.testmod(batches).failed == 0
    assert doctest.testmod(batches).attempted > 0
