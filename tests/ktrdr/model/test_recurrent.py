"""Recurrent networks against their equations, and every kind of network against its declaration."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ktrdr.errors import StrategyError
from ktrdr.model import GRU, LSTM, MLP
from ktrdr.model.network import architecture_of, build_network, network_from

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


def recurrent(kind, **architecture):
    declared = {"sequence_length": 5, "hidden_size": 4, "num_layers": 1, **architecture}
    return {"lstm": LSTM, "gru": GRU}[kind](type=kind, architecture=declared)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _lstm_states(weights, steps):
    """Hochreiter and Schmidhuber's cell with a forget gate; rows of the weights are input, forget, cell, output."""
    w_in, w_state, b_in, b_state = weights
    hidden = memory = np.zeros(w_state.shape[1])
    states = []
    for x in steps:
        gates = w_in @ x + b_in + w_state @ hidden + b_state
        i, f, g, o = np.split(gates, 4)
        memory = _sigmoid(f) * memory + _sigmoid(i) * np.tanh(g)
        hidden = _sigmoid(o) * np.tanh(memory)
        states.append(hidden)
    return states


def _gru_states(weights, steps):
    """Cho's unit, the reset gate behind the matrix product; rows of the weights are reset, update, candidate."""
    w_in, w_state, b_in, b_state = weights
    hidden = np.zeros(w_state.shape[1])
    states = []
    for x in steps:
        from_x, from_state = np.split(w_in @ x + b_in, 3), np.split(w_state @ hidden + b_state, 3)
        reset, update = _sigmoid(from_x[0] + from_state[0]), _sigmoid(from_x[1] + from_state[1])
        candidate = np.tanh(from_x[2] + reset * from_state[2])
        hidden = (1 - update) * candidate + update * hidden
        states.append(hidden)
    return states


@pytest.mark.parametrize(("kind", "states_of"), [("lstm", _lstm_states), ("gru", _gru_states)])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_outputs_equal_the_hand_written_cells_of_the_last_step(kind, states_of, num_layers):
    torch.manual_seed(3)
    network = build_network(recurrent(kind, num_layers=num_layers), n_features=3, n_outputs=2).eval()
    windows = np.random.default_rng(0).normal(size=(6, 5, 3))
    expected = []
    state = {name: tensor.numpy().astype(np.float64) for name, tensor in network.state_dict().items()}
    for window in windows:
        steps = window
        for layer in range(num_layers):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            steps = states_of([state[f"layers.{layer}.{name}_l0"] for name in names], steps)
        expected.append(state["output.weight"] @ steps[-1] + state["output.bias"])
    with torch.no_grad():
        outputs = network(torch.tensor(windows, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_stacked_layers_start_and_answer_as_torchs_own_stack(kind):
    x_BSF = torch.randn(7, 5, 3)
    torch.manual_seed(11)
    network = build_network(recurrent(kind, num_layers=3), n_features=3, n_outputs=2)
    torch.manual_seed(11)
    stack, output = CELLS[kind](3, 4, 3, batch_first=True), nn.Linear(4, 2)
    assert torch.equal(network(x_BSF), output(stack(x_BSF)[0][:, -1]))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_dropout_stands_between_layers_and_acts_in_training_only(kind):
    network = build_network(recurrent(kind, num_layers=2, dropout=0.5), n_features=3, n_outputs=2)
    x_BSF = torch.randn(4, 5, 3)
    assert not torch.equal(network.train()(x_BSF), network(x_BSF))
    assert torch.equal(network.eval()(x_BSF), network(x_BSF))
    seen = []
    network.between.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))
    network(x_BSF)
    assert seen == [(4, 5, 4)]  # once, between the two layers: neither before the first nor after the last
    plain = build_network(recurrent(kind, num_layers=2), n_features=3, n_outputs=2)
    assert not any(isinstance(part, nn.Dropout) for part in plain.modules())


widths = st.integers(1, 12)
models = st.one_of(
    st.builds(
        lambda layers, activation: MLP(type="mlp", architecture={"hidden_layers": layers, "activation": activation}),
        st.lists(widths, min_size=1, max_size=4),
        st.sampled_from(["relu", "gelu"]),
    ),
    st.just(MLP(type="mlp", architecture={"hidden_layers": []})),
    st.builds(
        lambda kind, length, width, layers, dropout: recurrent(
            kind, sequence_length=length, hidden_size=width, num_layers=layers, dropout=dropout if layers > 1 else 0.0
        ),
        st.sampled_from(["lstm", "gru"]),
        st.integers(1, 9),
        widths,
        st.integers(1, 4),
        st.sampled_from([0.0, 0.3]),
    ),
)


@settings(max_examples=15, deadline=None)
@given(models, widths, st.integers(1, 5))
def test_the_number_of_parameters_is_the_one_declared(model, n_features, n_outputs):
    network = build_network(model, n_features, n_outputs)
    assert sum(p.numel() for p in network.parameters()) == model.n_parameters(n_features, n_outputs)


@settings(max_examples=15, deadline=None)
@given(models, widths, st.integers(1, 5))
def test_a_stored_architecture_rebuilds_the_same_network(model, n_features, n_outputs):
    network = build_network(model, n_features, n_outputs)
    again = network_from(json.loads(json.dumps(architecture_of(model, n_features, n_outputs))))
    assert str(again) == str(network)
    again.load_state_dict(network.state_dict())
    x = torch.randn(3, n_features) if model.sequence_length is None else torch.randn(3, 4, n_features)
    assert torch.equal(again.eval()(x), network.eval()(x))
    assert network(x).shape == (3, n_outputs)


def test_a_stored_recurrent_network_says_all_that_has_an_effect():
    model = recurrent("gru", num_layers=2)
    assert architecture_of(model, 4, 1) == {
        "type": "gru",
        "architecture": {"sequence_length": 5, "hidden_size": 4, "num_layers": 2, "dropout": 0.0},
        "features": {"lookback_periods": 0},
        "n_features": 4,
        "n_outputs": 1,
    }
    assert "dropout" not in architecture_of(recurrent("gru"), 4, 1)["architecture"]


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_stored_network_too_large_between_its_ends_is_refused_before_it_is_built(kind):
    stored = {**architecture_of(recurrent(kind, hidden_size=1000), 4, 3), "n_features": 100_000}
    with pytest.raises(StrategyError, match="parameters"):
        network_from(stored)


def test_a_network_of_another_kind_takes_none_of_its_keys():
    stored = architecture_of(recurrent("lstm"), 4, 3)
    stored["architecture"]["hidden_layers"] = [4]
    with pytest.raises(StrategyError) as refused:
        network_from(stored)
    assert [problem.path for problem in refused.value.problems] == ["architecture.hidden_layers"]
