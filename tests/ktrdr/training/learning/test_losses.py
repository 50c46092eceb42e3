from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from torch.nn import functional

from ktrdr.errors import TrainingError
from ktrdr.training.learning.losses import ClassLoss, ReturnLoss, class_weights_of, loss_of
from tests.ktrdr.training.small_training import config_of

LOSSES = ("cross_entropy", "focal", "huber", "mse")


def _classes(n_rows=40, seed=0):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(n_rows, 3)).astype(np.float32)
    return torch.from_numpy(logits), torch.from_numpy(random.integers(0, 3, n_rows))


def _returns(n_rows=40, seed=0):
    random = np.random.default_rng(seed)
    forecasts = random.normal(scale=0.02, size=(n_rows, 1)).astype(np.float32)
    return torch.from_numpy(forecasts), torch.from_numpy(random.normal(scale=0.02, size=n_rows).astype(np.float32))


def _any_loss(name, class_weights="none"):
    """Return a loss as a strategy declares it, with outputs and labels it judges."""
    outputs, y = _classes() if name in ("cross_entropy", "focal") else _returns()
    n_outputs = outputs.shape[1]
    return loss_of(config_of(loss=name, class_weights=class_weights), y.numpy(), n_outputs), outputs, y


def test_without_weights_the_bits_are_those_of_torchs_functions():
    outputs, y = _classes()
    c = torch.tensor([0.5, 1.0, 3.0])
    assert torch.equal(ClassLoss()(outputs, y), functional.cross_entropy(outputs, y))
    assert torch.equal(ClassLoss(c)(outputs, y), functional.cross_entropy(outputs, y, weight=c))
    forecasts, returns = _returns()
    assert torch.equal(ReturnLoss()(forecasts, returns), functional.mse_loss(forecasts[:, 0], returns))
    expected = functional.huber_loss(forecasts[:, 0], returns, delta=0.01)
    assert torch.equal(ReturnLoss(0.01)(forecasts, returns), expected)


def test_cross_entropy_is_scikit_learns_log_loss_with_both_weights():
    outputs, y = _classes()
    w = np.random.default_rng(1).random(len(y)).astype(np.float32)
    config = config_of(class_weights="balanced")
    loss = loss_of(config, y.numpy(), 3)
    probabilities = torch.softmax(outputs.double(), dim=1).numpy()
    by_class = compute_sample_weight("balanced", y.numpy())
    for weights, row_weights in ((None, by_class), (torch.from_numpy(w), by_class * w)):
        expected = log_loss(y.numpy(), probabilities, sample_weight=row_weights, labels=[0, 1, 2])
        assert loss(outputs, y, weights).item() == pytest.approx(expected, rel=1e-5)


def test_the_focal_loss_is_the_papers_formula():
    # p = 0.5 in the first row, 0.8 in the second; (1 - p)^2 times -ln p
    outputs, y = torch.tensor([[0.0, 0.0], [np.log(4.0), 0.0]], dtype=torch.float32), torch.tensor([0, 0])
    rows = [0.25 * np.log(2.0), 0.04 * -np.log(0.8)]
    assert ClassLoss(gamma=2.0)(outputs, y).item() == pytest.approx(np.mean(rows), rel=1e-6)
    w = torch.tensor([3.0, 1.0])
    assert ClassLoss(gamma=2.0)(outputs, y, w).item() == pytest.approx(np.average(rows, weights=w), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 5))
def test_the_focal_loss_and_its_gradient_follow_the_formula_in_double_precision(seed, gamma):
    outputs, y = _classes(seed=seed)
    outputs.requires_grad_()
    c = torch.tensor([0.5, 1.0, 3.0])
    ClassLoss(c, gamma)(outputs, y).backward()
    twice = outputs.detach().double().requires_grad_()
    p = torch.softmax(twice, dim=1).gather(1, y[:, None])[:, 0]
    expected = (c[y] * (1 - p) ** gamma * -p.log()).sum() / c[y].sum()
    expected.backward()
    assert ClassLoss(c, gamma)(outputs, y).item() == pytest.approx(expected.item(), rel=1e-4)
    assert torch.allclose(outputs.grad.double(), twice.grad, rtol=1e-3, atol=1e-6)


def test_a_focal_loss_with_gamma_zero_is_cross_entropy():
    outputs, y = _classes()
    c = torch.tensor([0.5, 1.0, 3.0])
    for weights in (None, torch.rand(len(y))):
        focal, plain = ClassLoss(c, 0.0)(outputs, y, weights), ClassLoss(c)(outputs, y, weights)
        assert torch.allclose(focal, plain, rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 2.0])
def test_the_focal_loss_of_a_certain_row_has_a_gradient(gamma):
    outputs = torch.tensor([[200.0, 0.0, -200.0], [0.0, 0.1, 0.0]], requires_grad=True)
    loss = ClassLoss(gamma=gamma)(outputs, torch.tensor([0, 1]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(outputs.grad).all()
    assert (outputs.grad[0] == 0).all()


def test_the_losses_of_returns_are_hand_computed_values():
    forecasts, y = torch.tensor([[0.005], [0.03]]), torch.tensor([0.0, 0.0])
    # |e| = 0.005 < 0.01: e^2 / 2; |e| = 0.03: 0.01 (0.03 - 0.005)
    rows = [0.0000125, 0.00025]
    assert ReturnLoss(0.01)(forecasts, y).item() == pytest.approx(np.mean(rows), rel=1e-5)
    w = torch.tensor([3.0, 1.0])
    assert ReturnLoss(0.01)(forecasts, y, w).item() == pytest.approx(np.average(rows, weights=w), rel=1e-5)
    outputs, returns = _returns()
    weights = torch.rand(len(returns))
    expected = mean_squared_error(returns, outputs[:, 0], sample_weight=weights)
    assert ReturnLoss()(outputs, returns, weights).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "class_weights"),
    [*((name, "none") for name in LOSSES), ("cross_entropy", "balanced"), ("focal", "balanced")],
)
def test_weights_that_are_all_alike_change_nothing(name, class_weights):
    loss, outputs, y = _any_loss(name, class_weights)
    for weight in (1.0, 0.25):
        assert torch.allclose(loss(outputs, y, torch.full((len(y),), weight)), loss(outputs, y), rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_row_that_weighs_nothing_counts_as_if_it_were_not_there(name):
    loss, outputs, y = _any_loss(name)
    weights = torch.rand(len(y))
    weights[::3] = 0.0
    left = weights > 0
    outputs.requires_grad_()
    loss(outputs, y, weights).backward()
    assert (outputs.grad[~left] == 0).all()
    assert (outputs.grad[left] != 0).any()
    assert torch.allclose(loss(outputs, y, weights), loss(outputs[left], y[left], weights[left]), rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_doubling_a_weight_is_doubling_the_row(name):
    loss, outputs, y = _any_loss(name)
    weights = torch.ones(len(y))
    weights[5] = 2.0
    twice = torch.cat([torch.arange(len(y)), torch.tensor([5])])
    assert torch.allclose(loss(outputs, y, weights), loss(outputs[twice], y[twice]), rtol=1e-5)
    assert not torch.allclose(loss(outputs, y, weights), loss(outputs, y), rtol=1e-5)


def test_accuracy_is_the_share_of_classes_that_are_right():
    outputs, y = _classes()
    assert ClassLoss().accuracy(outputs, y) == accuracy_score(y, outputs.argmax(1))
    assert ClassLoss(gamma=2.0).n_right(outputs, y) == (outputs.argmax(1) == y).sum()


def test_accuracy_of_returns_is_the_share_of_signs_that_are_right():
    forecasts, y = torch.tensor([[0.1], [-0.1], [0.1], [0.0], [0.1]]), torch.tensor([0.2, -0.3, -0.1, 0.0, 0.0])
    assert ReturnLoss().accuracy(forecasts, y) == 3 / 5
    outputs, returns = _returns()
    expected = np.mean(np.sign(outputs[:, 0].numpy()) == np.sign(returns.numpy()))
    assert ReturnLoss(0.01).accuracy(outputs, returns) == expected


@pytest.mark.parametrize("name", LOSSES)
def test_held_out_rows_are_judged_by_the_loss_that_trains(name):
    loss, outputs, y = _any_loss(name)
    assert loss.held_out(outputs, y, "test") == loss(outputs, y).item()


def test_the_declared_loss_is_built_with_its_parameters():
    y = np.array([0, 1, 2, 1])
    focal = loss_of(config_of(loss="focal", focal_gamma=0.5, class_weights="balanced"), y, 3)
    assert isinstance(focal, ClassLoss)
    assert focal.gamma == 0.5
    assert focal.class_weights.tolist() == pytest.approx([4 / 3, 2 / 3, 4 / 3])
    plain = loss_of(config_of(), y, 3)
    assert isinstance(plain, ClassLoss)
    assert (plain.gamma, plain.class_weights) == (None, None)
    returns = np.array([0.1, -0.1], dtype=np.float32)
    assert loss_of(config_of(loss="huber", huber_delta=0.5), returns, 1) == ReturnLoss(0.5)
    assert loss_of(config_of(loss="mse"), returns, 1) == ReturnLoss(None)


def test_balanced_weights_are_scikit_learns_and_absent_classes_weigh_nothing():
    y = np.array([0, 0, 0, 2])
    expected = compute_class_weight("balanced", classes=np.array([0, 2]), y=y)
    weights = class_weights_of(y, 3, "balanced")
    assert weights is not None
    assert weights.tolist() == pytest.approx([expected[0], 0.0, expected[1]])
    assert class_weights_of(y, 3, "none") is None


def test_held_out_rows_that_all_weigh_nothing_are_an_error_that_says_why():
    loss = loss_of(config_of(class_weights="balanced"), np.array([0, 1, 1]), 3)
    outputs, _ = _classes(4)
    with pytest.raises(TrainingError, match="every test row the weight 0") as caught:
        loss.held_out(outputs, torch.full((4,), 2), "test")
    assert "class_weights" in str(caught.value.suggestion)
    assert np.isfinite(loss.held_out(outputs, torch.tensor([2, 2, 2, 1]), "test"))
