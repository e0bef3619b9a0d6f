"""Distances of vectors, images read at computed places, indices of pooling, samples of classes: edges and errors.

tests/oracles compares values and derivatives with PyTorch's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn

F = nn.functional
RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=(2, 2, 4, 5))
GRID = RNG.uniform(-1.3, 1.3, size=(2, 3, 3, 2))


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_distance_of_equal_rows_has_the_derivative_zero(p: float) -> None:
    x = ad.tensor(np.array([[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]]))
    F.cdist(x, x, p)[0, 1].backward()
    assert not x.grad.any()
    x.grad = None
    F.pdist(x, p)[0].backward()
    assert not x.grad.any()


def test_distances_are_those_of_scipy() -> None:
    distance = pytest.importorskip("scipy.spatial.distance")
    a, b = RNG.normal(size=(5, 3)), RNG.normal(size=(4, 3))
    for p, metric in [(1, "cityblock"), (2, "euclidean"), (np.inf, "chebyshev")]:
        np.testing.assert_allclose(F.cdist(a, b, p), distance.cdist(a, b, metric), rtol=1e-14)
        np.testing.assert_allclose(F.pdist(a, p), distance.pdist(a, metric), rtol=1e-14)
    ad.testing.check_derivatives(F.cdist, a, b, order=2)


def test_a_cosine_keeps_its_value_where_a_product_of_squares_overflows() -> None:
    x = np.array([[3e15, 4e15]], np.float32)
    np.testing.assert_allclose(F.cosine_similarity(x, np.array([[1e15, 0.0]], np.float32)), 0.6, rtol=1e-6)
    assert F.cosine_similarity(np.zeros((1, 2)), x)[0] == 0


def test_a_zero_vector_stays_zero_under_normalize_and_has_a_finite_gradient() -> None:
    x = ad.tensor(np.zeros((1, 2)))
    y = F.normalize(x)
    y.sum().backward()
    assert not y.data.any() and np.isfinite(x.grad).all()


@pytest.mark.sampled(8)  # 2 s each
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [True, False])
def test_sampling_has_both_derivatives_in_image_and_grid(padding: str, corners: bool) -> None:
    f = lambda x, g: F.grid_sample(x, g, padding_mode=padding, align_corners=corners)
    ad.testing.check_derivatives(f, IMAGE, GRID, order=2)


def test_sampling_of_volumes_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    x, g = RNG.normal(size=(1, 2, 3, 4, 5)), RNG.uniform(-1.5, 1.5, size=(1, 2, 2, 3, 3))
    for padding in ("zeros", "border", "reflection"):
        for mode in ("bilinear", "nearest"):
            a, b = (ad.tensor(v) for v in (x, g))
            ta, tb = (torch.tensor(v, requires_grad=True) for v in (x, g))
            y = F.grid_sample(a, b, mode, padding)
            t = torch.nn.functional.grid_sample(ta, tb, mode, padding, align_corners=False)
            np.testing.assert_allclose(y.data, t.detach(), rtol=1e-12, atol=1e-13)
            w = RNG.normal(size=y.shape)
            y.backward(w)
            t.backward(torch.tensor(w))
            np.testing.assert_allclose(a.grad, ta.grad, rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(0 if b.grad is None else b.grad, tb.grad, rtol=1e-11, atol=1e-12)


def test_an_identity_map_gives_the_image_back() -> None:
    theta = np.broadcast_to(np.eye(2, 3), (2, 2, 3))
    for corners in (True, False):
        grid = F.affine_grid(theta, IMAGE.shape, corners)
        np.testing.assert_allclose(F.grid_sample(IMAGE, grid, align_corners=corners), IMAGE, atol=1e-14)


def test_places_far_outside_and_nan_read_zeros() -> None:
    g = np.array([[[[1e30, 0.0], [np.nan, 0.0], [-np.inf, 0.0]]]] * 2)
    assert not F.grid_sample(IMAGE, g).any()


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"padding": 1}, {"dilation": 2, "stride": 1}])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_indices_of_pooling_are_pytorchs_and_lead_back(n: int, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(2, 3, 6, 5, 4)[: n + 2])
    y, places = getattr(F, f"max_pool{n}d")(x, 2, **options, return_indices=True)
    t, expected = getattr(torch.nn.functional, f"max_pool{n}d")(torch.tensor(x), 2, **options, return_indices=True)
    np.testing.assert_array_equal(y, t)
    np.testing.assert_array_equal(places, expected)
    if "dilation" in options or options.get("stride") == 1:
        return  # windows overlap
    size = x.shape[2:]
    back = getattr(F, f"max_unpool{n}d")(y, places, 2, padding=options.get("padding", 0), output_size=size)
    lead = x.shape[:2]
    np.testing.assert_array_equal(
        np.take_along_axis(back.reshape(*lead, -1), places.reshape(*lead, -1), -1), y.reshape(*lead, -1)
    )
    module = getattr(nn, f"MaxPool{n}d")(2, return_indices=True, **options)
    assert np.array_equal(module(x)[1], places) and np.array_equal(module(x[0])[1], places[0])
    ad.testing.check_derivatives(
        lambda y: getattr(F, f"max_unpool{n}d")(y, places, 2, padding=options.get("padding", 0), output_size=size), y
    )


def test_a_gumbel_sample_is_seeded_differentiated_and_hard_when_asked() -> None:
    logits = np.log(np.array([[0.2, 0.3, 0.5]] * 2000))
    soft, hard = (F.gumbel_softmax(logits, 0.7, hard, rng=1) for hard in (False, True))
    assert np.array_equal(F.gumbel_softmax(logits, 0.7, rng=1), soft)
    assert set(np.unique(hard)) == {0.0, 1.0} and np.array_equal(hard.argmax(-1), soft.argmax(-1))
    # 2,000 draws: each share within five standard deviations of its probability
    assert np.all(np.abs(hard.mean(0) - [0.2, 0.3, 0.5]) < 5 * 0.5 / np.sqrt(2000))
    gradients = []
    for form in (False, True):
        x, weights = ad.tensor(logits[:3]), np.arange(9.0).reshape(3, 3)
        (F.gumbel_softmax(x, 0.7, form, rng=1) * weights).sum().backward()
        gradients.append(x.grad)
    np.testing.assert_array_equal(*gradients)  # straight through


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.cdist(np.ones(2), np.ones(2)), r"cdist needs x1: \(\.\.\., P, D\)"),
        (lambda: F.pdist(np.ones(2)), r"pdist needs x: \(N, D\); got shape \(2,\)"),
        (lambda: F.grid_sample(IMAGE, GRID[:1]), r"grid_sample needs x \(N, C, H, W\) and grid"),
        (lambda: F.grid_sample(IMAGE, GRID, "bicubic"), r"mode must be 'bilinear' or 'nearest'; got 'bicubic'"),
        (lambda: F.grid_sample(IMAGE, GRID, padding_mode="wrap"), r"padding_mode must be .*; got 'wrap'"),
        (lambda: F.affine_grid(np.ones((1, 2, 2)), (1, 1, 2, 2)), r"affine_grid needs theta \(N, 2, 3\)"),
        (lambda: F.max_unpool2d(IMAGE, np.zeros(3, int), 2), r"max_unpool2d needs x of shape \(N, C, H, W\)"),
        (lambda: F.max_unpool1d(np.ones((1, 2)), np.array([[1, 9]]), 2), r"indices must be in 0\.\.3.*output_size="),
        (lambda: F.gumbel_softmax(np.ones(2), 0.0), r"tau must be above 0; got 0\.0"),
        (lambda: F.multilabel_margin_loss([[1.0, 2.0]], [[0, 2]]), r"labels must be in 0\.\.1 or -1, got 2 at index"),
        (lambda: F.interpolate(IMAGE[..., 0], 3, mode="bicubic"), r"mode 'bicubic' does not fit 1 spatial axes"),
    ],
)
def test_a_wrong_call_says_what_came_and_what_to_write(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
