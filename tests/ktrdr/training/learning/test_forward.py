from __future__ import annotations

import numpy as np
import pytest
import torch

from ktrdr.training.learning.forward import BLOCK_ROWS, CHUNK_BARS, forward_rows, outputs_of
from tests.ktrdr.training.small_training import CPU, KINDS, N_STEPS, network_of


def _rows(kind, n_rows):
    shape = (n_rows, 5) if kind == "mlp" else (n_rows, N_STEPS, 5)
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_evaluated_without_dropout_and_the_mode_is_kept(kind):
    network = network_of(dropout=0.5, kind=kind)
    X = torch.from_numpy(_rows(kind, 60))
    network.train()
    assert torch.equal(forward_rows(network, X), forward_rows(network, X))
    assert network.training
    forward_rows(network.eval(), X)
    assert not network.training


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_in_chunks_are_those_of_each_row(kind):
    n_bars_a_row = 1 if kind == "mlp" else N_STEPS
    n_rows = CHUNK_BARS // n_bars_a_row + 3
    X, network = _rows(kind, n_rows), network_of(kind=kind).eval()
    outputs = outputs_of(network, X, CPU)
    assert outputs.shape == (n_rows, 3)
    assert outputs.dtype == np.float32
    for row in (0, n_rows - 4, n_rows - 1):
        with torch.no_grad():
            np.testing.assert_allclose(outputs[row], network(torch.from_numpy(X[row : row + 1]))[0], atol=1e-6)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_rows_outputs_are_bit_for_bit_the_same_whatever_rows_it_comes_with(kind, n_outputs):
    X, network = _rows(kind, BLOCK_ROWS + 30), network_of(kind=kind, n_outputs=n_outputs).eval()
    outputs = outputs_of(network, X, CPU)
    for rows in (
        slice(0, 1),
        slice(5, 7),
        slice(BLOCK_ROWS - 1, BLOCK_ROWS + 2),
        slice(3, None),
        slice(None, None, -1),
    ):
        alone = outputs_of(network, np.ascontiguousarray(X[rows]), CPU)
        assert alone.tobytes() == outputs[rows].tobytes()


@pytest.mark.parametrize("n_steps", [1, 7, 500, 50_000])
def test_a_pass_is_over_so_many_bars_at_most_but_one_window_at_least(n_steps):
    shapes = []

    class Watched(torch.nn.Module):
        def forward(self, x_BSF):
            shapes.append(tuple(x_BSF.shape))
            return x_BSF[:, -1]

    n_rows = 5 + CHUNK_BARS // n_steps
    forward_rows(Watched(), torch.zeros(n_rows, n_steps, 1))
    assert sum(shape[0] for shape in shapes) == n_rows
    assert all(shape[0] * n_steps <= CHUNK_BARS or shape[0] == 1 for shape in shapes)
    assert len(shapes) == -(-n_rows // max(1, CHUNK_BARS // n_steps))
