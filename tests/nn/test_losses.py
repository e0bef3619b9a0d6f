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
def test_the_class_axis_is_1_and_axis_names_another(seed):
    """The last axis was taken for the classes; in shape (2, 3, 3) this gave another number than PyTorch, silently."""
    rng = np.random.default_rng(seed)
    logits, labels = rng.standard_normal((2, 3, 4)), rng.integers(0, 4, (2, 3))
    flat = logits.reshape(6, 4), labels.reshape(6)
    soft = rng.dirichlet(np.ones(4), (2, 3))
    for loss in (nn.cross_entropy, nn.nll_loss, nn.multi_margin_loss):
        np.testing.assert_allclose(loss(logits, labels, axis=-1), loss(*flat), **CLOSE)
        np.testing.assert_allclose(loss(np.moveaxis(logits, -1, 1), labels), loss(*flat), **CLOSE)
        with pytest.raises(ValueError, match=r"classes on axis 1 need labels of shape \(2, 4\).*axis=-1"):
            loss(logits, labels)
    by_row = nn.cross_entropy(flat[0], soft.reshape(6, 4))
    np.testing.assert_allclose(nn.cross_entropy(logits, soft, axis=2), by_row, **CLOSE)
    np.testing.assert_allclose(nn.cross_entropy(logits[:, :, :3], soft[:, :, :3], reduction="none").shape, (2, 3))


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
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0, 1, 2], weight=[1, 1, -2, 1]), ">= 0, got -2 at index 2"),
        (lambda: nn.CrossEntropyLoss([1, np.nan]), "weight must be finite and >= 0, got nan at index 1"),
        (lambda: nn.NLLLoss([1, -1]), "got -1 at index 1"),
        (lambda: nn.multi_margin_loss(np.zeros((1, 2)), [0], weight=[1, np.inf]), "got inf at index 1"),
        (lambda: nn.cross_entropy(np.zeros((1, 2)), [[0.5, 1.5]]), r"\[0, 1\], got 1.5 at index \(0, 1\)"),
        (lambda: nn.cross_entropy(np.zeros((1, 2)), [[np.nan, 1.0]]), r"got nan at index \(0, 0\)"),
        (lambda: nn.cross_entropy(np.zeros((1, 2)), [0], label_smoothing=2), "label_smoothing must be in"),
        (lambda: nn.binary_cross_entropy([0.5], [1.0], weight=[-1.0]), "weight must be .* got -1.0 at index 0"),
        (lambda: nn.BCEWithLogitsLoss(pos_weight=[1, np.nan]), "pos_weight must be .* got nan at index 1"),
        (lambda: nn.binary_cross_entropy([0.5, np.nan], [1.0, 0.0]), "got nan at index 1"),
        (lambda: nn.kl_div([0.0, 0.0], [1.0, -0.5]), "got -0.5 at index 1; logarithms need log_target=True"),
        (lambda: nn.gaussian_nll_loss([0.0], [0.0], [-1.0]), "var must be >= 0, got -1.0 at index 0"),
        (lambda: nn.multi_margin_loss(np.zeros((1, 2)), [0], p=3), "p must be 1 or 2, got 3"),
        (lambda: nn.SmoothL1Loss(beta=-1), "SmoothL1Loss: beta must be >= 0"),
        (lambda: nn.HuberLoss(delta=None), "delta must be a number, got None"),
        (lambda: nn.soft_margin_loss([0.0], [0]), r"-1 or \+1, got 0.0 at index 0"),
        (lambda: nn.cosine_embedding_loss([[1.0]], [[1.0]], [[1]]), r"vectors \(N, D\) need labels \(N,\)"),
        (lambda: nn.triplet_margin_loss([[1.0]], [[1.0]], [1.0]), "same shape"),
        (lambda: nn.ctc_loss(np.zeros((2, 1, 3)), [[3]], [2], [1]), r"0\.\.2 and not the blank 0, got 3"),
        (lambda: nn.ctc_loss(np.zeros((2, 1, 3)), [[1]], [3], [1]), "input_lengths must be >= 0 and at most 2, got 3"),
        (lambda: nn.focal_loss([0.0], [1.0], gamma=-1), "gamma must be >= 0"),
        (lambda: nn.KLDivLoss(reduction="batch"), "'batchmean', 'mean', 'sum' or 'none', got 'batch'"),
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0.0, 1.0, 2.0]), "integers"),
        (lambda: nn.cross_entropy(np.zeros((3, 4)), [0, 1, 2], weight=[1, 2]), r"shape \(4,\)"),
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
    with pytest.raises((TypeError, ValueError), match=r"labels\.argmax\(axis=-?1\) for one-hot rows"):
        nn.cross_entropy(np.ones((2, 3)), labels)


def test_a_softmax_before_the_cross_entropy_is_warned_about():
    """The article's network ends in a softmax; translated line by line it learnt, slowly, and nobody said why."""
    z, labels = ad.tensor([[1.0, 2.0]]), [0]
    with pytest.warns(UserWarning, match="takes the softmax itself"):
        nn.cross_entropy(ad.softmax(z, axis=-1), labels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.cross_entropy(ad.log_softmax(z, axis=-1), labels)  # the softmax of it is the same


# The mean over nothing.


def _nothing():
    n, c = np.zeros((0, 3)), np.zeros((2, 3))
    ignored, none = np.full(2, -100), np.zeros(0, int)
    for reduction in ("mean", "sum", "none"):
        r = {"reduction": reduction}
        for weight in (None, [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]):
            w = {"weight": weight, **r}
            for loss in (nn.cross_entropy, nn.nll_loss):
                yield f"{loss.__name__}, ignored", loss, c, (ignored,), w
                yield f"{loss.__name__}, empty", loss, n, (none,), w
                if weight == [0.0, 0.0, 0.0]:
                    yield f"{loss.__name__}, weightless", loss, c, ([0, 1],), w
            yield "smoothed", nn.cross_entropy, c, (ignored,), {"label_smoothing": 0.1, **w}
            yield "probabilities", nn.cross_entropy, n, (n,), w
            yield "multi_margin", nn.multi_margin_loss, n, (none,), w
            yield "bce", nn.binary_cross_entropy, n, (n,), {**w, "weight": weight}
            yield "bce with logits", nn.binary_cross_entropy_with_logits, n, (n,), {**r, "pos_weight": weight}
            yield "mse", nn.mse_loss, n, (n,), w
        yield "mse, weightless", nn.mse_loss, c, (c,), {"weight": np.zeros(3), **r}
        for loss in (
            nn.l1_loss,
            nn.smooth_l1_loss,
            nn.huber_loss,
            nn.kl_div,
            nn.poisson_nll_loss,
            nn.hinge_loss,
            nn.soft_margin_loss,
            nn.hinge_embedding_loss,
            nn.focal_loss,
        ):
            yield loss.__name__, loss, n, (n,), r
        yield "gaussian", nn.gaussian_nll_loss, n, (n, np.ones(())), r
        yield "ranking", nn.margin_ranking_loss, n, (n, n), r
        yield "triplet", nn.triplet_margin_loss, n, (n, n), r
        yield "cosine", nn.cosine_embedding_loss, n, (n, np.zeros(0)), r
        yield "ctc", nn.ctc_loss, np.zeros((4, 0, 3)), (np.zeros((0, 2), int), none, none), r
    yield "kl_div, batchmean", nn.kl_div, n, (n,), {"reduction": "batchmean"}


@pytest.mark.parametrize(("loss", "x", "args", "options"), [pytest.param(*c[1:], id=c[0]) for c in _nothing()])
def test_the_mean_over_nothing_is_zero_with_gradients_of_zero(loss, x, args, options):
    """One batch of ignored labels gave NaN gradients, and the next step NaN weights."""
    x = ad.tensor(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = loss(x, *args, **options)
        value.sum().backward()
    assert not value.data.any()
    np.testing.assert_array_equal(x.grad, np.zeros(x.shape))


# Limits.


@pytest.mark.parametrize("pos_weight", [None, 2.0])
def test_bce_at_infinite_logits_is_the_limit(pos_weight):
    """inf - inf gave NaN, for the value and the gradient."""
    logits = ad.tensor([np.inf, np.inf, np.inf, -np.inf, -np.inf, -np.inf])
    target = np.array([1.0, 0.0, 0.5, 0.0, 1.0, 0.5])
    loss = nn.binary_cross_entropy_with_logits(logits, target, pos_weight=pos_weight, reduction="none")
    np.testing.assert_array_equal(loss.data, [0, np.inf, np.inf, 0, np.inf, np.inf])
    loss.sum().backward()
    p = 1.0 if pos_weight is None else pos_weight
    np.testing.assert_array_equal(logits.grad, [0, 1, 0.5, 0, -p, -0.5 * p])


def test_bce_of_a_sure_and_right_answer_keeps_its_digits():
    """softplus(z) - z is 0 from z = 37 on; log(1 + exp(-z)) is not."""
    for z, y in ((40.0, 1.0), (-40.0, 0.0), (300.0, 1.0)):
        logits = ad.tensor([z])
        loss = nn.binary_cross_entropy_with_logits(logits, [y])
        loss.backward()
        np.testing.assert_allclose(loss.data, math.exp(-abs(z)), rtol=1e-13)
        np.testing.assert_allclose(logits.grad, [math.copysign(math.exp(-abs(z)), -z)], rtol=1e-13)


def test_the_gradient_at_a_sure_label_keeps_its_digits():
    """p - 1 is 0 from a logit of 37 on (17 in float32); minus the sum of the others is not."""
    for order in ("first", "second"):
        logits = ad.tensor([[50.0, 0.0, 0.0]])
        nn.cross_entropy(logits, [0]).backward(create_graph=order == "second")
        grad = logits.grad if order == "first" else logits.grad.data
        np.testing.assert_allclose(grad, np.array([[-2.0, 1.0, 1.0]]) * math.exp(-50), rtol=1e-14)


def test_the_huber_loss_has_its_second_derivative_at_a_residual_of_zero():
    """abs inside the formula made it 0."""
    for loss in (nn.huber_loss, nn.smooth_l1_loss):
        assert ad.grad(ad.grad(lambda x, loss=loss: loss(x, 0.0)))(0.0) == 1.0


def test_a_target_of_zero_hides_a_class_of_probability_zero():
    logits = ad.tensor([[0.0, 0.0, -np.inf]])
    loss = nn.cross_entropy(logits, [[0.5, 0.5, 0.0]])
    loss.backward()
    np.testing.assert_allclose(loss.data, math.log(2), rtol=1e-15)
    np.testing.assert_array_equal(logits.grad, np.zeros((1, 3)))
    assert nn.kl_div([0.0, -np.inf], [1.0, 0.0]) == 0.0


def test_a_target_that_does_not_fit_into_the_time_steps_costs_infinity_or_nothing():
    steps = ad.tensor(np.zeros((2, 1, 3)))
    for zero, value in ((False, np.inf), (True, 0.0)):
        loss = nn.ctc_loss(ad.log_softmax(steps, axis=-1), [[1, 1]], [2], [2], zero_infinity=zero)
        assert loss.item() == value
    loss.backward()
    np.testing.assert_array_equal(steps.grad, np.zeros((2, 1, 3)))


def test_ctc_has_every_order_of_derivative():
    x = np.random.default_rng(0).standard_normal((4, 1, 3))
    loss = lambda x: nn.ctc_loss(ad.log_softmax(x, axis=-1), [[1, 2]], [4], [2])
    hessian = ad.hessian(loss)(x).reshape(12, 12)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-12)
    step, v = 1e-5, np.random.default_rng(1).standard_normal(x.shape)
    central = (ad.grad(loss)(x + step * v) - ad.grad(loss)(x - step * v)).ravel() / (2 * step)
    np.testing.assert_allclose(hessian @ v.ravel(), central, atol=1e-8)  # the error of central differences


@pytest.mark.parametrize(
    "loss", [nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss, nn.BCELoss, nn.HingeLoss, nn.CTCLoss, nn.FocalLoss]
)
def test_every_loss_module_that_is_called_too_early_says_so(loss):
    with pytest.raises(TypeError, match=rf"nn\.{loss.__name__}\(\)\(prediction, target\)"):
        loss(np.ones((2, 2)), np.ones((2, 2)))


def test_every_loss_keeps_float32():
    x, y = np.full((2, 3), 0.25, np.float32), np.full((2, 3), 0.5)
    signs, labels = np.ones((2, 3)), [0, 1]
    calls = [
        *((loss, (y,)) for loss in (nn.mse_loss, nn.l1_loss, nn.huber_loss, nn.smooth_l1_loss, nn.kl_div)),
        *((loss, (y,)) for loss in (nn.poisson_nll_loss, nn.binary_cross_entropy, nn.focal_loss, nn.cross_entropy)),
        *((loss, (labels,)) for loss in (nn.cross_entropy, nn.nll_loss, nn.multi_margin_loss)),
        *((loss, (signs,)) for loss in (nn.hinge_loss, nn.soft_margin_loss, nn.hinge_embedding_loss)),
        (nn.margin_ranking_loss, (y, signs)),
        (nn.cosine_embedding_loss, (y, signs[:, 0])),
        (nn.triplet_margin_loss, (y, y + 1)),
        (nn.gaussian_nll_loss, (y, y)),
    ]
    for loss, args in calls:
        for reduction in ("mean", "none"):
            assert loss(ad.tensor(x), *args, reduction=reduction).dtype == np.float32, loss
    assert nn.ctc_loss(ad.tensor(np.zeros((3, 1, 2), np.float32)), [[1]], [3], [1]).dtype == np.float32
