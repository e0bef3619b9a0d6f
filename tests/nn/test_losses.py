"""Losses against their formulas and, where it is installed, against PyTorch: values and gradients."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autodiff as ad
import nn

REDUCTIONS = ["mean", "sum", "none"]
seeds = st.integers(0, 2**32 - 1)
# float64 results of a few hundred operations against another library's order of the same operations
CLOSE = dict(rtol=1e-12, atol=1e-12)


def value_and_gradient(loss, prediction, *args):
    p = ad.tensor(prediction)
    out = loss(p, *args)
    cotangent = np.linspace(1, 2, out.size).reshape(out.shape)
    out.backward(cotangent)
    return out.data, p.grad, cotangent


def against_torch(torch_loss, loss, prediction, *targets):
    torch = pytest.importorskip("torch")
    value, gradient, cotangent = value_and_gradient(loss, prediction, *targets)
    p = torch.tensor(prediction, requires_grad=True)
    out = torch_loss(p, *[torch.tensor(t) for t in targets])
    out.backward(torch.tensor(cotangent))
    np.testing.assert_allclose(value, out.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(gradient, p.grad.numpy(), **CLOSE)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "options"), [("MSELoss", {}), ("L1Loss", {}), ("HuberLoss", {}), ("HuberLoss", {"delta": 0.3})]
)
@given(seed=seeds)
def test_regression_losses_equal_pytorch(name, options, reduction, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    prediction, target = rng.standard_normal((2, 4, 3)).round(1)  # rounding makes ties and zeros
    against_torch(
        getattr(torch.nn, name)(reduction=reduction, **options),
        getattr(nn, name)(reduction=reduction, **options),
        prediction,
        target,
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@given(seed=seeds, data=st.data())
def test_cross_entropy_of_indices_equals_pytorch(reduction, weighted, seed, data):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    n, c = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    logits, labels = 3 * rng.standard_normal((n, c)), rng.integers(0, c, n)
    if n > 1 and data.draw(st.booleans()):
        labels[rng.integers(n)] = -100
        labels[rng.integers(n)] = 0  # at least one counts
    weights = rng.random(c) + 0.1 if weighted else None
    tw = torch.tensor(weights) if weighted else None
    for ours, theirs in ((nn.CrossEntropyLoss, torch.nn.CrossEntropyLoss), (nn.NLLLoss, torch.nn.NLLLoss)):
        against_torch(theirs(tw, reduction=reduction), ours(weights, reduction=reduction), logits, labels)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@given(seed=seeds)
def test_cross_entropy_of_probabilities_equals_pytorch(reduction, weighted, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    logits, target = rng.standard_normal((4, 3)), rng.dirichlet(np.ones(3), 4)
    weights = rng.random(3) + 0.1 if weighted else None
    tw = torch.tensor(weights) if weighted else None
    against_torch(
        torch.nn.CrossEntropyLoss(tw, reduction=reduction),
        nn.CrossEntropyLoss(weights, reduction=reduction),
        logits,
        target,
    )


@given(seed=seeds)
def test_one_hot_probabilities_and_indices_agree(seed):
    rng = np.random.default_rng(seed)
    logits, labels = 5 * rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    by_index, by_row = ad.tensor(logits), ad.tensor(logits)
    a, b = nn.cross_entropy(by_index, labels), nn.cross_entropy(by_row, np.eye(4)[labels])
    a.backward()
    b.backward()
    np.testing.assert_allclose(a.data, b.data, **CLOSE)
    np.testing.assert_allclose(by_index.grad, by_row.grad, **CLOSE)


@given(seed=seeds)
def test_cross_entropy_works_on_any_leading_axes(seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.standard_normal((2, 3, 4)), rng.integers(0, 4, (2, 3))
    flat = nn.cross_entropy(logits.reshape(6, 4), labels.reshape(6))
    np.testing.assert_allclose(nn.cross_entropy(logits, labels), flat, **CLOSE)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(seed=seeds)
def test_binary_losses_equal_pytorch(reduction, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    logits, target = 4 * rng.standard_normal((4, 2)), rng.random((4, 2)).round(1)
    weight = 1 + rng.random(2)
    against_torch(
        torch.nn.BCEWithLogitsLoss(reduction=reduction), nn.BCEWithLogitsLoss(reduction=reduction), logits, target
    )
    against_torch(
        torch.nn.BCEWithLogitsLoss(reduction=reduction, pos_weight=torch.tensor(weight)),
        nn.BCEWithLogitsLoss(reduction=reduction, pos_weight=weight),
        logits,
        target,
    )
    against_torch(
        torch.nn.BCELoss(reduction=reduction), nn.BCELoss(reduction=reduction), rng.uniform(0.01, 0.99, (4, 2)), target
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(seed=seeds)
def test_margin_losses_equal_pytorch(reduction, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    scores, labels = rng.standard_normal((5, 4)), rng.integers(0, 4, 5)
    against_torch(
        torch.nn.MultiMarginLoss(reduction=reduction), nn.MultiMarginLoss(reduction=reduction), scores, labels
    )

    def torch_hinge(s, y):
        losses = torch.relu(1 - s * y)
        return losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses

    against_torch(torch_hinge, nn.HingeLoss(reduction=reduction), scores, rng.choice([-1.0, 1.0], (5, 4)))


def test_logit_losses_stay_exact_where_probabilities_round_to_zero_or_one():
    logits = ad.tensor([1000.0, -1000.0])
    loss = nn.binary_cross_entropy_with_logits(logits, [0.0, 1.0], reduction="sum")
    loss.backward()
    assert loss.item() == 2000.0
    np.testing.assert_array_equal(logits.grad, [1.0, -1.0])
    rows = ad.tensor([[1000.0, 0.0]])
    loss = nn.cross_entropy(rows, [1])
    loss.backward()
    assert loss.item() == 1000.0
    np.testing.assert_array_equal(rows.grad, [[1.0, -1.0]])


def test_cross_entropy_of_probabilities_zero_and_one_is_finite_with_finite_gradient():
    p = ad.tensor([0.0, 1.0, 0.0, 1.0])
    loss = nn.binary_cross_entropy(p, [0.0, 1.0, 1.0, 0.0], reduction="none")
    np.testing.assert_array_equal(loss.data, [0.0, 0.0, 100.0, 100.0])
    loss.sum().backward()
    np.testing.assert_array_equal(p.grad, [1.0, -1.0, 0.0, 0.0])


def test_the_articles_loss_has_its_right_value():
    p, y = [0.9, 0.6], [1.0, 0.0]
    np.testing.assert_allclose(
        nn.binary_cross_entropy(p, y, reduction="none"), [-math.log(0.9), -math.log(0.4)], rtol=1e-15
    )


@pytest.mark.parametrize(
    "loss",
    [
        nn.mse_loss,
        nn.l1_loss,
        nn.huber_loss,
        nn.binary_cross_entropy,
        nn.hinge_loss,
        nn.binary_cross_entropy_with_logits,
    ],
)
def test_elementwise_losses_refuse_unequal_shapes(loss):
    with pytest.raises(ValueError, match=r"same shape, got \(3, 1\) and \(3,\)"):
        loss(ad.tensor(np.ones((3, 1))), np.ones(3))


@pytest.mark.parametrize("loss", [nn.mse_loss, nn.l1_loss, nn.huber_loss, nn.binary_cross_entropy_with_logits])
def test_a_float64_target_does_not_upcast_a_float32_prediction(loss):
    assert loss(ad.tensor(np.ones(3, np.float32)), np.ones(3)).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0, 4, -1]), r"4.*index.*1.*0\.\.3"),
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0, 1, -7]), "-7"),
        (lambda: nn.nll_loss(np.zeros((3, 4)), [0, 4, -1]), r"0\.\.3, got 4 at index 1"),
        (lambda: nn.multi_margin_loss(np.zeros((3, 4)), [0, -100, 1]), r"0\.\.3, got -100 at index 1"),
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0, 1]), r"\(3, 4\)"),
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0.0, 1.0, 2.0]), "integers"),
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0, 1, 2], weights=[1, 2]), r"shape \(4,\)"),
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0, 1, 2], reduction="avg"), "'mean', 'sum' or 'none'"),
        (lambda: nn.CrossEntropyLoss(reduction="avg"), "'mean', 'sum' or 'none'"),
        (
            lambda: nn.binary_cross_entropy([0.2, 1.5], [0, 1]),
            r"probability must be in \[0, 1\], got 1.5 at index 1; for raw scores",
        ),
        (
            lambda: nn.binary_cross_entropy_with_logits([0.2, 1.5], [0.0, 2.0]),
            r"target must be in \[0, 1\], got 2.0 at index 1",
        ),
        (lambda: nn.hinge_loss([0.2, 1.5], [1, 0]), r"-1 or \+1, got 0.* at index 1; labels 0 and 1 become"),
        (lambda: nn.huber_loss([0.2], [1.0], delta=0), "delta must be > 0"),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


def test_a_differentiable_target_gets_its_gradient():
    prediction, target = ad.tensor([1.0, 2.0]), ad.tensor([0.0, 4.0])
    nn.mse_loss(prediction, target, reduction="sum").backward()
    np.testing.assert_array_equal(target.grad, -prediction.grad)


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.nll_loss])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_label_that_is_ignored_may_stand_beside_a_score_of_minus_infinity(loss: Any, reduction: str) -> None:
    """A masked class 0 gave NaN: an ignored label was read as class 0, and infinity times a factor of 0 is NaN."""
    scores = np.array([[-np.inf, 0.0, -1.0], [-np.inf, -2.0, -0.5]])
    labels = np.array([1, -100])
    x, alone = ad.tensor(scores), ad.tensor(scores[:1])
    y, right = loss(x, labels, reduction=reduction), loss(alone, labels[:1], reduction=reduction)
    np.testing.assert_array_equal(y.data, np.append(right.data, 0.0) if reduction == "none" else right.data)
    y.sum().backward()
    right.sum().backward()
    np.testing.assert_array_equal(x.grad, np.concatenate([alone.grad, np.zeros((1, 3))]))


def test_pos_weight_keeps_dtype_and_shape() -> None:
    logits, target = ad.tensor(np.ones((2, 3), np.float32)), np.ones((2, 3), np.float32)
    for weight in (2.0, [1.0, 2.0, 3.0], np.array([[1.0], [2.0]])):
        assert nn.binary_cross_entropy_with_logits(logits, target, pos_weight=weight).dtype == np.float32
    with pytest.raises(ValueError, match=r"pos_weight of shape \(4, 1, 1\)"):
        nn.binary_cross_entropy_with_logits(logits, target, pos_weight=np.ones((4, 1, 1)))


@pytest.mark.parametrize("ignored", [0, 1])
def test_the_mean_over_many_rows_of_float16_is_finite(ignored: int) -> None:
    """The sum of the rows, or their count, was more than float16 can hold: the mean was inf, or 0."""
    logits = ad.tensor(np.tile(np.array([0, 8], np.float16), (70_000, 1)))
    labels = np.zeros(len(logits), int)
    labels[:ignored] = -100
    loss = nn.cross_entropy(logits, labels)
    loss.backward()
    assert loss.dtype == np.float16
    np.testing.assert_allclose(loss.data, 8.0, rtol=0.01)  # 1/70000 has 8 bits left in float16
    assert (logits.grad[ignored:] != 0).all()


def test_a_loss_that_is_given_its_arguments_when_it_is_made_says_how_to_call_it():
    with pytest.raises(TypeError, match=r"nn\.MSELoss\(\)\(prediction, target\)"):
        nn.MSELoss(np.ones(2), np.ones(2))


@pytest.mark.parametrize("labels", [np.eye(3, dtype=int)[:2], np.array([0.0, 1.0])], ids=["one-hot", "floats"])
def test_labels_of_another_form_are_refused_with_what_to_write(labels):
    with pytest.raises((TypeError, ValueError), match=r"labels\.argmax\(axis=-1\) for one-hot rows"):
        nn.cross_entropy(np.ones((2, 3)), labels)


def test_a_softmax_before_the_cross_entropy_is_warned_about():
    """The article's network ends in a softmax; translated line by line it learnt, slowly, and nobody said why."""
    z, labels = ad.tensor([[1.0, 2.0]]), [0]
    with pytest.warns(UserWarning, match="takes the softmax itself"):
        nn.cross_entropy(ad.softmax(z, axis=-1), labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.cross_entropy(ad.log_softmax(z, axis=-1), labels)  # the softmax of it is the same
