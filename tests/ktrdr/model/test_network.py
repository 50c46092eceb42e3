import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from ktrdr.errors import StrategyError
from ktrdr.model import MLP, MLPArchitecture
from ktrdr.model.network import architecture_of, build_network, network_from


def mlp(**architecture):
    return MLP(type="mlp", architecture=MLPArchitecture(**architecture))


def test_logits_equal_the_hand_written_matrix_products():
    network = build_network(mlp(hidden_layers=[5, 4], activation="tanh"), n_features=3, n_outputs=2)
    state = {name: tensor.numpy().astype(np.float64) for name, tensor in network.state_dict().items()}
    rows = np.random.default_rng(0).normal(size=(7, 3))
    hidden = np.tanh(rows @ state["hidden_1.weight"].T + state["hidden_1.bias"])
    hidden = np.tanh(hidden @ state["hidden_2.weight"].T + state["hidden_2.bias"])
    expected = hidden @ state["output.weight"].T + state["output.bias"]
    with torch.no_grad():
        logits = network(torch.tensor(rows, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("activation", "reference"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("tanh", np.tanh),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("gelu", lambda x: x * np.array([torch.distributions.Normal(0, 1).cdf(torch.tensor(v)).item() for v in x])),
        ("silu", lambda x: x / (1 + np.exp(-x))),
    ],
)
def test_each_activation_is_the_function_it_names(activation, reference):
    network = build_network(mlp(hidden_layers=[1], activation=activation), n_features=1, n_outputs=2)
    x = np.linspace(-3, 3, 13)
    y = network.get_submodule("activation_1")(torch.tensor(x)).numpy()
    np.testing.assert_allclose(y, reference(x), atol=1e-6)


def test_a_network_without_hidden_layers_is_linear():
    network = build_network(mlp(hidden_layers=[]), n_features=4, n_outputs=3)
    assert list(network.state_dict()) == ["output.weight", "output.bias"]


@pytest.mark.parametrize(("key", "value"), [("dropout", 0.2), ("dropout", 0.0), ("activation", "relu")])
def test_a_key_of_hidden_layers_is_refused_where_there_are_none(key, value):
    with pytest.raises(ValueError, match=f"{key} has no effect where hidden_layers is empty"):
        mlp(hidden_layers=[], **{key: value})


def test_a_stored_network_without_hidden_layers_is_rebuilt():
    model = mlp(hidden_layers=[])
    stored = json.loads(json.dumps(architecture_of(model, 4, 3)))
    assert stored["architecture"] == {"hidden_layers": []}
    assert str(network_from(stored)) == str(build_network(model, 4, 3))


def test_dropout_acts_in_training_only_and_is_left_out_at_zero():
    network = build_network(mlp(hidden_layers=[64], dropout=0.5), n_features=4, n_outputs=3)
    x_BF = torch.ones(2, 4)
    assert not torch.equal(network.train()(x_BF), network(x_BF))
    assert torch.equal(network.eval()(x_BF), network(x_BF))
    plain = build_network(mlp(hidden_layers=[64]), n_features=4, n_outputs=3)
    assert not any(isinstance(part, torch.nn.Dropout) for part in plain.modules())


def test_the_same_seed_gives_the_same_initial_weights():
    networks = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        networks.append(build_network(mlp(), 4, 3).state_dict()["output.weight"])
    assert torch.equal(networks[0], networks[1])
    assert not torch.equal(networks[0], networks[2])


def test_a_stored_architecture_rebuilds_the_same_network():
    model = mlp(hidden_layers=[9], activation="gelu", dropout=0.1)
    stored = json.loads(json.dumps(architecture_of(model, 4, 3)))
    assert stored == {
        "type": "mlp",
        "architecture": {"hidden_layers": [9], "activation": "gelu", "dropout": 0.1},
        "features": {"lookback_periods": 0},
        "n_features": 4,
        "n_outputs": 3,
    }
    assert str(network_from(stored)) == str(build_network(model, 4, 3))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"type": "transformer"}, "type"),
        ({"n_features": 0}, "n_features"),
        ({"n_outputs": "3"}, "n_outputs"),
        ({"n_outputs": 0}, "n_outputs"),
        ({"architecture": {"hidden_layers": [8], "depth": 2}}, "architecture.depth"),
        ({"architecture": {"hidden_layers": [200_000], "dropout": 1.0}}, "architecture.dropout"),
        ({"colour": "blue"}, "colour"),
        ({"type": "lstm"}, "architecture.hidden_layers"),
    ],
)
def test_a_wrong_architecture_is_refused_by_path(change, path):
    with pytest.raises(StrategyError) as refused:
        network_from({**architecture_of(mlp(), 4, 3), **change})
    assert path in [problem.path for problem in refused.value.problems]


def test_a_network_too_large_between_its_ends_is_refused_before_it_is_built():
    stored = {**architecture_of(mlp(hidden_layers=[1000]), 4, 3), "n_features": 200_000}
    with pytest.raises(StrategyError, match="parameters"):
        network_from(stored)


def test_the_room_imports_no_torch():
    code = "import sys, ktrdr.model; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
