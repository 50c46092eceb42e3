import numpy as np
import pytest
import torch

from ktrdr.errors import RequestError
from ktrdr.storage import ModelStorage
from tests.fakes.artifacts import CLASSES, FEATURES, trained_artifact


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    store = ModelStorage(tmp_path_factory.mktemp("loaded") / "models")
    store.save_model(trained_artifact())
    return store.load("trend", "SP500_1d_latest")


def test_probe_rows_are_predicted_as_in_training(model):
    probe = trained_artifact().features["probe"]
    logits = model.predict_outputs(np.array(probe["rows"], dtype=np.float32))
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits, np.array(probe["outputs"], dtype=np.float32))


def test_probabilities_are_the_softmax_of_the_logits(model):
    rows = np.random.default_rng(3).uniform(size=(6, len(FEATURES))).astype(np.float32)
    powers = np.exp(model.predict_outputs(rows).astype(np.float64))
    np.testing.assert_allclose(model.probabilities(rows), powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_rows_that_are_views_or_read_only_are_taken_and_not_changed(model):
    rows = np.ones((len(FEATURES), 3), dtype=np.float32).T
    rows.flags.writeable = False
    assert model.predict_outputs(rows).shape == (3, len(CLASSES))
    assert model.predict_outputs(np.empty((0, len(FEATURES)), dtype=np.float32)).shape == (0, len(CLASSES))


def test_the_network_is_in_evaluation_mode_and_takes_no_gradients(model):
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 5), (1, 2, 4)])
def test_rows_of_another_width_are_refused(model, shape):
    with pytest.raises(RequestError, match="4 features"):
        model.predict_outputs(np.zeros(shape, dtype=np.float32))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (FEATURES[:3], "missing: 1d_macd_down"),
        ((*FEATURES, "1d_roc_up"), "not known: 1d_roc_up"),
        ((FEATURES[1], FEATURES[0], *FEATURES[2:]), "column 1 is 1d_rsi_high and should be 1d_rsi_low"),
        ((*FEATURES, FEATURES[0]), "column 5 is 1d_rsi_low and should be nothing"),
    ],
)
def test_another_list_of_features_is_refused_with_the_difference(model, names, said):
    with pytest.raises(RequestError, match=said):
        model.require_features(names)


def test_the_models_own_list_of_features_is_accepted(model):
    model.require_features(list(FEATURES))


def test_loading_draws_no_random_numbers(tmp_path):
    store = ModelStorage(tmp_path)
    store.save_model(trained_artifact())
    before = torch.get_rng_state()
    store.load("trend", "SP500_1d_v1")
    assert torch.equal(torch.get_rng_state(), before)
