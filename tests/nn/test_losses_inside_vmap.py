"""Inside vmap every loss gives for each example what it gives for that example alone: value, gradient, dtype, error."""

from functools import partial
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F

RNG = np.random.default_rng(0)
WEIGHT = np.array([1.0, 2.0, 0.5])
SCORES, NUMBERS = RNG.standard_normal((2, 5, 3))
LABELS = np.array([0, 2, -100, 1, 1])
PROBABILITIES = RNG.dirichlet(np.ones(3), 5)
YES = RNG.integers(0, 2, (5, 3)).astype(float)
MANY = np.array([[0, -1, 1], [1, 2, -1], [2, -1, 0], [-1, 0, 0], [0, 1, 2]])
PIXELS, PIXEL_LABELS = RNG.standard_normal((5, 3, 2)), np.array([[0, 1], [2, -100], [-100, -100], [1, 1], [0, 2]])
SOFT = {"weight": WEIGHT, "label_smoothing": 0.2}

CASES: dict[str, tuple[Any, Any, Any]] = {
    "cross-entropy": (F.cross_entropy, SCORES, LABELS),
    "with weights": (partial(F.cross_entropy, weight=WEIGHT), SCORES, LABELS),
    "smoothed": (partial(F.cross_entropy, label_smoothing=0.1), SCORES, LABELS),
    "smoothed with weights": (partial(F.cross_entropy, **SOFT), SCORES, LABELS),
    "pixels": (partial(F.cross_entropy, axis=0, **SOFT), PIXELS, PIXEL_LABELS),
    "sum of pixels": (partial(F.cross_entropy, axis=0, reduction="sum", **SOFT), PIXELS, PIXEL_LABELS),
    "probabilities": (F.cross_entropy, SCORES, PROBABILITIES),
    "probabilities with weights": (partial(F.cross_entropy, **SOFT), SCORES, PROBABILITIES),
    "nll": (F.nll_loss, SCORES, LABELS),
    "nll with weights": (partial(F.nll_loss, weight=WEIGHT), SCORES, LABELS),
    "multi-margin": (partial(F.multi_margin_loss, weight=WEIGHT), SCORES, np.maximum(LABELS, 0)),
    "mse with weights": (partial(F.mse_loss, weight=WEIGHT), SCORES, NUMBERS),
    "binary": (partial(F.binary_cross_entropy_with_logits, weight=WEIGHT, pos_weight=WEIGHT), SCORES, YES),
    "binary of probabilities": (F.binary_cross_entropy, PROBABILITIES, YES),
    "focal": (F.focal_loss, SCORES, YES),
    "several labels, soft margin": (F.multilabel_soft_margin_loss, SCORES, YES),
    "several labels, margin": (F.multilabel_margin_loss, SCORES, MANY),
    "kl": (partial(F.kl_div, reduction="sum"), SCORES, PROBABILITIES),
    "gaussian": (partial(F.gaussian_nll_loss, var=np.ones(3)), SCORES, NUMBERS),
    "poisson": (partial(F.poisson_nll_loss, full=True), SCORES, 3 * YES),
    "hinge": (F.hinge_loss, SCORES, 2 * YES - 1),
    "hinge of distances": (F.hinge_embedding_loss, SCORES, 2 * YES - 1),
    "soft margin": (F.soft_margin_loss, SCORES, 2 * YES - 1),
    "cosine": (partial(F.cosine_embedding_loss, NUMBERS[0]), SCORES, np.array([1, -1, 1, -1, 1])),
}


@pytest.mark.parametrize("name", CASES)
def test_a_loss_inside_vmap_is_that_of_each_example(name: str) -> None:
    """Per-example gradients, for clipping: labels, weights and targets were asked for plain values."""
    loss, xs, targets = CASES[name]
    together = ad.vmap(ad.value_and_grad(loss))(xs, targets)
    alone = [ad.value_and_grad(loss)(x, t) for x, t in zip(xs, targets, strict=True)]
    for k in range(2):
        # float64: sums over the batch axis may be taken in another order
        np.testing.assert_allclose(together[k], np.stack([a[k] for a in alone]), rtol=1e-12, atol=1e-14)
    single = xs.astype(np.float32)
    assert ad.vmap(loss)(single, targets).dtype == np.asarray(loss(single[0], targets[0])).dtype


def test_ctc_inside_vmap_is_that_of_each_batch() -> None:
    steps = np.log(RNG.dirichlet(np.ones(4), (3, 5, 2)))
    loss = partial(F.ctc_loss, targets=np.array([[1, 2], [3, 1]]), input_lengths=[5, 4], target_lengths=[2, 1])
    np.testing.assert_allclose(ad.vmap(ad.grad(loss))(steps), [ad.grad(loss)(x) for x in steps], rtol=1e-12)


def test_a_wrong_label_inside_vmap_is_named_with_its_example() -> None:
    with pytest.raises(ValueError, match=r"labels must be in 0\.\.2, got 7 at index 2"):
        ad.vmap(nn.nll_loss)(SCORES, np.array([0, 1, 7, 0, 0]))


def test_a_plain_array_indexed_by_an_example_says_what_works() -> None:
    """The advice was np.take, which NumPy does not dispatch on the indices."""
    with pytest.raises(ad.BatchedValueError, match=r"ad\.take\(a, x"):
        ad.vmap(lambda i: WEIGHT[i])(np.array([0, 2]))
    np.testing.assert_array_equal(ad.vmap(lambda i: ad.take(WEIGHT, i, axis=0))(np.array([0, 2])), WEIGHT[[0, 2]])


def test_the_mean_with_weights_that_are_learnt_divides_by_their_sum_in_the_gradient_too() -> None:
    """The divisor was a constant: d/dw of sum(w l) / sum(w) is (l - mean) / sum(w)."""
    weight, losses = ad.tensor([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 16.0])
    nn.mse_loss(np.sqrt(losses), np.zeros(3), weight=weight).backward()
    np.testing.assert_allclose(weight.grad, (losses - losses @ weight.data / 6) / 6, rtol=1e-12)
