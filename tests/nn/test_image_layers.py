"""Layers of images: their derivatives by nn.testing.check_module, their conventions, and errors that name the layer."""

import pickle
from typing import Any

import numpy as np
import pytest

import autodiff as ad
import nn
from nn import functional as F
from nn.testing import check_module

RNG = np.random.default_rng(0)
LINE, PLANE = RNG.standard_normal((2, 2, 5)), RNG.standard_normal((1, 2, 4, 4))
LAYERS = [
    (nn.Conv1d(2, 2, 3, padding="same", rng=0), LINE),
    (nn.Conv2d(2, 2, 2, stride=2, padding=1, groups=2, padding_mode="reflect", rng=0), PLANE),
    (nn.Conv3d(1, 2, 2, rng=0), RNG.standard_normal((1, 1, 2, 2, 3))),
    (nn.ConvTranspose1d(2, 1, 3, stride=2, output_padding=1, rng=0), LINE),
    (nn.ConvTranspose2d(2, 2, 2, groups=2, padding=1, rng=0), PLANE),
    (nn.ConvTranspose3d(1, 1, 2, dilation=2, rng=0), RNG.standard_normal((1, 1, 2, 2, 2))),
    (nn.Unfold(2, padding=1, stride=2), PLANE),
    (nn.Fold((3, 3), 2), RNG.standard_normal((1, 4, 4))),
    (nn.MaxPool1d(2), LINE),
    (nn.MaxPool2d(2, stride=1, padding=1, ceil_mode=True), PLANE),
    (nn.MaxPool3d(2), RNG.standard_normal((1, 1, 2, 2, 4))),
    (nn.AvgPool1d(2, ceil_mode=True), LINE),
    (nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), PLANE),
    (nn.AvgPool3d(2), RNG.standard_normal((1, 1, 2, 2, 4))),
    (nn.AdaptiveAvgPool1d(3), LINE),
    (nn.AdaptiveAvgPool2d((3, 2)), PLANE),
    (nn.AdaptiveMaxPool1d(2), LINE),
    (nn.AdaptiveMaxPool2d((2, 3)), PLANE),
    (nn.ReflectionPad2d(1), PLANE),
    (nn.ReplicationPad1d((2, 1)), LINE),
    (nn.ConstantPad1d((2, 1), 3.0), LINE),
    (nn.CircularPad2d((1, 0, 2, 1)), PLANE),
]


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "")
def test_derivatives_of_every_layer_are_right(layer: nn.Module, x: Any) -> None:
    assert check_module(layer, x, examples=1).ok


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "")
def test_float32_stays_float32_and_a_layer_survives_pickling(layer: nn.Module, x: Any) -> None:
    y = layer(ad.tensor(x.astype(np.float32)))
    assert y.dtype == np.float32
    again = pickle.loads(pickle.dumps(layer))(x.astype(np.float32))
    np.testing.assert_array_equal(ad.plain(again), y.data)


def test_convolution_is_the_sum_of_products_over_each_window() -> None:
    x, w = RNG.standard_normal((1, 1, 3, 4)), RNG.standard_normal((1, 1, 2, 2))
    y = F.conv2d(x, w)
    assert y.shape == (1, 1, 2, 3)
    np.testing.assert_allclose(y[0, 0, 1, 2], (x[0, 0, 1:3, 2:4] * w[0, 0]).sum(), rtol=1e-12)  # four products


def test_the_image_is_no_constant_when_it_is_asked_for_and_costs_nothing_otherwise() -> None:
    layer, x = nn.Conv2d(1, 2, 3, rng=0), ad.tensor(np.ones((1, 1, 4, 4), np.float32))
    layer(x).sum().backward()
    np.testing.assert_allclose(x.grad[0, 0, 0, 0], layer.weight.data[:, 0, 0, 0].sum(), rtol=1e-6)


def test_equal_elements_of_a_window_share_the_gradient_and_the_border_takes_none() -> None:
    x = ad.tensor(np.full((1, 1, 2, 2), -np.inf))
    F.max_pool2d(x, 2, stride=1, padding=1).sum().backward()
    np.testing.assert_allclose(x.grad, np.full((1, 1, 2, 2), 9 / 4))  # 9 windows, each shared by those in it


def test_nan_in_a_window_is_its_maximum_and_its_gradient() -> None:
    x = ad.tensor([[1.0, np.nan, 2.0, 3.0]])
    y = F.max_pool1d(x, 2)
    y.sum().backward()
    np.testing.assert_array_equal(y.data, [[np.nan, 3.0]])
    np.testing.assert_array_equal(x.grad, [[np.nan, np.nan, 0.0, 1.0]])


def test_an_infinity_in_one_box_does_not_reach_another() -> None:
    x = np.array([[np.inf, 1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_array_equal(F.adaptive_avg_pool1d(x, 2), [[np.inf, 3.0]])
    np.testing.assert_array_equal(F.avg_pool1d(x, 2), [[np.inf, 2.5]])


def test_results_of_a_convolution_have_their_channels_last_in_memory() -> None:
    y = nn.Conv2d(1, 3, 3, padding=1, rng=0)(np.ones((2, 1, 4, 4), np.float32))
    pooled = nn.MaxPool2d(2)(nn.ReLU()(y))
    for a in (y, pooled):
        assert a.data.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_convolution_keeps_the_dtype_of_its_parameters(dtype: Any) -> None:
    layer = nn.Conv1d(1, 1, 2, rng=0, dtype=dtype)
    y = layer(np.ones((1, 1, 3)))
    y.sum().backward()
    assert y.dtype == layer.weight.grad.dtype == layer.bias.grad.dtype == dtype


def test_an_empty_batch_passes_through_and_gives_zero_gradients() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3, rng=0), nn.MaxPool2d(2))
    y = net(np.zeros((0, 1, 6, 6)))
    y.sum().backward()
    assert y.shape == (0, 2, 2, 2) and not net[0].weight.grad.any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: nn.Conv2d(3, 4, 3, rng=0)(np.ones((1, 4, 5, 5))),
            r"Conv2d\(in_channels=3\) needs x of shape \(N, 3, H",
        ),
        (lambda: nn.Conv2d(3, 4, 3, rng=0)(np.ones((3, 5))), r"got shape \(3, 5\)"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "groups=2 must divide"),
        (lambda: nn.Conv2d(0, 4, 3), "in_channels must be an integer >= 1, got 0"),
        (lambda: nn.Conv2d(1, 4, (3, 3, 3)), "kernel_size must be an integer >= 1, or 2 of them"),
        (lambda: nn.Conv1d(1, 4, 3, stride=2, padding="same"), "padding='same' needs stride 1"),
        (lambda: nn.Conv1d(1, 4, 3, padding="full"), "'valid', 'same', an integer or 1 of them; got 'full'"),
        (lambda: nn.Conv1d(1, 4, 3, padding_mode="mirror"), "zeros, reflect, replicate, circular; got 'mirror'"),
        (lambda: nn.Conv1d(1, 4, 5, rng=0)(np.ones((1, 1, 3))), "kernel of 5 with dilation 1 covers 5 elements"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, output_padding=1, rng=0)(np.ones((1, 1, 3))), "less than stride"),
        (lambda: F.conv2d(np.ones((1, 2, 4, 4)), np.ones((1, 3, 2, 2))), "needs x with 3 channels on axis 1; got 2"),
        (lambda: F.conv1d(np.ones((1, 2, 4)), np.ones((1, 2, 2)), np.ones(2)), r"bias must have shape \(1,\); got"),
        (lambda: nn.MaxPool2d(2, padding=2), "at most half of kernel_size"),
        (lambda: nn.MaxPool2d(2)(np.ones((4, 4))), r"needs x of shape \(N, C, H, W\)"),
        (lambda: nn.Fold((4, 4), 2)(np.ones((1, 4, 4))), r"needs x of shape \(N, C \* 4, 9\)"),
        (lambda: F.pad(np.ones((1, 3)), (3, 0), "reflect"), r"cannot put a border of \(3, 0\) at axis 1 of 3"),
        (lambda: ad.im2col(np.ones((1, 3)), 2), r"needs x of shape \(N, C, \*spatial\)"),
        (lambda: ad.col2im(np.ones((1, 1, 2, 4)), (4,), 2), "has .* windows of size"),
    ],
)
def test_mistakes_are_named(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
