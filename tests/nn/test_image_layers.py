"""Layers of images, normalization, dropout of channels: derivatives by nn.testing.check_module, conventions, errors."""

import math
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
    (nn.LPPool1d(3, 2), np.abs(LINE)),
    (nn.LPPool2d(2, 3, stride=2, ceil_mode=True), PLANE),
    (nn.LPPool3d(math.inf, 2), RNG.standard_normal((1, 1, 2, 2, 2))),
    (nn.AdaptiveAvgPool1d(3), LINE),
    (nn.AdaptiveAvgPool2d((3, 2)), PLANE),
    (nn.AdaptiveMaxPool1d(2), LINE),
    (nn.AdaptiveMaxPool2d((2, 3)), PLANE),
    (nn.AdaptiveMaxPool3d((2, 1, 2)), RNG.standard_normal((1, 1, 3, 2, 3))),
    (nn.ReflectionPad2d(1), PLANE),
    (nn.ReplicationPad1d((2, 1)), LINE),
    (nn.ConstantPad1d((2, 1), 3.0), LINE),
    (nn.CircularPad2d((1, 0, 2, 1)), PLANE),
    (nn.ReplicationPad3d((1, 0, 1, 0, 0, 1)), RNG.standard_normal((1, 1, 2, 2, 2))),
    (nn.BatchNorm1d(2), RNG.standard_normal((4, 2))),
    (nn.BatchNorm2d(2).eval(), PLANE),
    (nn.BatchNorm3d(1, momentum=None), RNG.standard_normal((2, 1, 2, 1, 2))),
    (nn.InstanceNorm1d(2, affine=True), LINE),
    (nn.InstanceNorm2d(2, track_running_stats=True), PLANE),
    (nn.LayerNorm((4, 4)), PLANE),
    (nn.GroupNorm(1, 2), LINE),
    (nn.RMSNorm(5), LINE),
    (nn.LocalResponseNorm(2, alpha=0.5), PLANE),
    (nn.Upsample(size=(3, 5), mode="bilinear"), PLANE),
    (nn.Upsample(scale_factor=2), LINE),
    (nn.InstanceNorm3d(2, affine=True, bias=False), RNG.standard_normal((1, 2, 2, 2, 2))),
    (nn.ChannelShuffle(2), PLANE),
    (nn.PixelShuffle(1), PLANE),
    (nn.PixelUnshuffle(2), PLANE),
    (nn.Dropout1d(0.5, rng=1), LINE),
    (nn.Dropout2d(0.5, rng=1), PLANE),
    (nn.AlphaDropout(0.5, rng=1), LINE),
    (nn.FeatureAlphaDropout(0.5, rng=1), LINE),
    (nn.RReLU(rng=1), LINE),
    (nn.parametrize.weight_norm(nn.Linear(5, 2, rng=0)), LINE[:1]),
    (nn.parametrize.spectral_norm(nn.Linear(5, 2, rng=0), rng=0).eval(), LINE[:1]),
    (nn.PReLU(2), LINE),
    (nn.GLU(1), LINE),
]


@pytest.mark.sampled(10)
@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "")
def test_derivatives_of_every_layer_are_right(layer: nn.Module, x: Any) -> None:
    writes = any(layer.named_buffers()) and layer.training
    # ad.checkpoint (P26) refuses a layer that moves its running statistics: it would move them twice
    assert check_module(layer, x, examples=1, properties="-P26" if writes else "default").ok


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "")
def test_float32_stays_float32_and_a_layer_survives_pickling(layer: nn.Module, x: Any) -> None:
    layer = pickle.loads(pickle.dumps(layer)) if list(layer.generators())[1:] else layer  # each copy draws once
    again = pickle.loads(pickle.dumps(layer))(x.astype(np.float32))
    y = layer(ad.tensor(x.astype(np.float32)))
    assert y.dtype == np.float32
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


def test_normalization_is_the_same_in_every_order_of_memory() -> None:
    x, g = RNG.standard_normal((2, 2, 8, 9, 10))
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for layer in (nn.GroupNorm(2, 8, dtype=float), nn.BatchNorm2d(8, dtype=float), nn.InstanceNorm2d(8)):
        found = []
        for a in (x, last, np.asfortranarray(x)):
            t = ad.tensor(np.zeros_like(a))
            t.data[...] = a
            assert t.data.strides == a.strides
            y = layer(t)
            y.backward(g)
            found.append((y.data, t.grad, *[p.grad.copy() for p in layer.parameters()]))
            layer.zero_grad()
        for other in found[1:]:
            for a, b in zip(found[0], other, strict=True):
                np.testing.assert_allclose(a, b, rtol=0, atol=1e-13)  # the order of additions differs


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


def test_batch_normalization_standardizes_by_the_batch_and_later_by_what_it_saw() -> None:
    layer, x = nn.BatchNorm2d(2, momentum=None, dtype=float), RNG.normal(3, 2, (8, 2, 4, 4))
    y = layer(x)
    np.testing.assert_allclose(y.data.mean(axis=(0, 2, 3)), 0, atol=1e-12)  # sums of 128 elements near 1
    np.testing.assert_allclose(y.data.var(axis=(0, 2, 3)), 1, rtol=1e-5)  # eps
    np.testing.assert_allclose(layer.running_mean.data, x.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(layer.running_var.data, x.var(axis=(0, 2, 3), ddof=1))
    assert sorted(layer.state_dict()) == ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"]
    z = layer.eval()(x)
    np.testing.assert_allclose(z.data, y.data, rtol=0.01, atol=0.01)  # n - 1 instead of n
    layer.reset_running_stats()
    np.testing.assert_allclose(layer(x).data, x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_checkpoint_refuses_a_layer_that_writes_running_statistics_whatever_they_are(value: float) -> None:
    layer, x = nn.BatchNorm1d(1, dtype=float), ad.tensor([[value], [value]])
    with pytest.raises(ad.GraphError, match="BatchNorm1d writes into a value"):
        ad.checkpoint(layer)(x)
    ad.checkpoint(layer.eval())(x).sum().backward()
    assert x.grad is not None


def test_running_statistics_are_no_part_of_the_graph() -> None:
    layer, x = nn.BatchNorm1d(2, dtype=float), ad.tensor(RNG.standard_normal((4, 2)))
    layer(x)
    assert not layer.running_mean.requires_grad and layer.running_mean.is_leaf
    layer.eval()(x).sum().backward()
    np.testing.assert_allclose(x.grad, np.broadcast_to(1 / np.sqrt(layer.running_var.data + 1e-5), (4, 2)))


def test_half_precision_statistics_do_not_overflow() -> None:
    x = ad.tensor(np.full((1, 4096), 100.0, np.float16) + np.arange(4096).astype(np.float16) % 2)
    y = F.layer_norm(x, 4096)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == np.float16 and np.isfinite(y.data).all() and np.isfinite(x.grad).all()


@pytest.mark.parametrize(("layer", "axes"), [(nn.Dropout1d, 1), (nn.Dropout2d, 2), (nn.Dropout3d, 3)])
def test_dropout_of_channels_drops_whole_channels(layer: Any, axes: int) -> None:
    y = layer(0.5, rng=0)(np.ones((40, 50, *[3] * axes)))
    flat = y.reshape(2000, -1)
    assert (flat == flat[:, :1]).all() and set(flat[:, 0]) == {0.0, 2.0}
    assert abs((flat[:, 0] == 0).mean() - 0.5) < 6 * np.sqrt(0.25 / 2000)  # six standard deviations
    x = np.ones((2, 3, *[3] * axes))
    assert layer(0.5).eval()(x) is x


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    y = nn.AlphaDropout(0.2, rng=0)(np.random.default_rng(1).standard_normal(100_000))
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.03  # six standard deviations of 1e5 draws
    np.testing.assert_array_equal(nn.AlphaDropout(1.0)(np.ones(3)), 0)


def test_nearest_upsampling_copies_and_its_gradient_sums() -> None:
    x = ad.tensor([[[1.0, 2.0]]])
    y = F.interpolate(x, scale_factor=3)
    (y * np.arange(6.0)).sum().backward()
    np.testing.assert_array_equal(y.data, [[[1, 1, 1, 2, 2, 2]]])
    np.testing.assert_array_equal(x.grad, [[[3, 12]]])


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
        (lambda: nn.Conv1d(1, 4, 5, rng=0)(np.ones((1, 1, 3))), "convolution: a kernel of 5 with dilation 1 covers 5"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, output_padding=1, rng=0)(np.ones((1, 1, 3))), "less than stride"),
        (lambda: F.conv2d(np.ones((1, 2, 4, 4)), np.ones((1, 3, 2, 2))), "needs x with 3 channels on axis 1; got 2"),
        (lambda: F.conv1d(np.ones((1, 2, 4)), np.ones((1, 2, 2)), np.ones(2)), r"bias must have shape \(1,\); got"),
        (lambda: nn.MaxPool2d(2, padding=2), "at most half of kernel_size"),
        (lambda: nn.MaxPool2d(3)(np.ones((1, 1, 2, 2))), "max_pool: a kernel of 3 with dilation 1 covers 3 elements"),
        (lambda: nn.MaxPool2d(2)(np.ones((4, 4))), r"needs x of shape \(N, C, H, W\)"),
        (lambda: nn.Fold((4, 4), 2)(np.ones((1, 4, 4))), r"needs x of shape \(N, C \* 4, 9\)"),
        (lambda: F.pad(np.ones((1, 3)), (3, 0), "reflect"), r"cannot put a border of \(3, 0\) at axis 1 of 3"),
        (lambda: nn.BatchNorm2d(3)(np.ones((2, 3))), r"BatchNorm2d\(num_features=3\) needs x with 3 channels"),
        (lambda: nn.BatchNorm1d(3)(np.ones((1, 3))), "more than 1 element in each channel"),
        (lambda: nn.InstanceNorm1d(3)(np.ones((2, 3, 1))), "more than 1 position in each channel"),
        (lambda: nn.LayerNorm(3)(np.ones((2, 4))), r"the last axes of x must be \(3,\); got shape \(2, 4\)"),
        (lambda: nn.GroupNorm(2, 3), "num_groups=2 must divide num_channels=3"),
        (lambda: F.batch_norm(np.ones((2, 3)), None, None), "needed unless training=True"),
        (lambda: F.interpolate(np.ones((1, 1, 2))), "either size or scale_factor"),
        (lambda: F.interpolate(np.ones((1, 1, 2)), 3, mode="bilinear"), "does not fit 1 spatial axes"),
        (lambda: F.pixel_shuffle(np.ones((3, 2, 2)), 2), r"needs x of shape \(\.\.\., C \* 4, H, W\)"),
        (lambda: F.dropout2d(np.ones((2, 3, 4))), "dropout2d needs x of 4 axes"),
        (lambda: nn.Unflatten(1, (2, 3))(np.ones((2, 7))), r"Unflatten\(axis=1"),
        (lambda: nn.Bilinear(2, 3, 1, rng=0)(np.ones((4, 2)), np.ones((4, 2))), "bilinear: weight of shape"),
        (lambda: ad.im2col(np.ones((1, 3)), 2), r"needs x of shape \(N, C, \*spatial\)"),
        (lambda: ad.col2im(np.ones((1, 1, 2, 4)), (4,), 2), "has .* windows of size"),
    ],
)
def test_mistakes_are_named(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_a_window_of_zeros_has_norm_0_and_gradient_0_and_no_second_derivative() -> None:
    x = ad.tensor([[[0.0, 0.0, 3.0, 4.0]]])
    F.lp_pool1d(x, 2, 2).sum().backward()
    np.testing.assert_allclose(x.grad[0, 0], [0.0, 0.0, 0.6, 0.8])
    h = ad.hessian(lambda x: F.lp_pool1d(x, 2, 2).sum())(np.zeros((1, 1, 2)))
    assert np.isnan(h).any()


def test_random_slopes_are_of_their_range_for_each_element_and_nan_stays() -> None:
    x = ad.tensor(-np.ones(1000))
    y = F.rrelu(x, 0.25, 0.75, training=True, rng=0)
    assert -0.75 < y.data.min() < -0.74 and -0.26 < y.data.max() < -0.25
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, -y.data)
    assert np.isnan(ad.grad(lambda x: F.rrelu(x, training=True, rng=0).sum())(np.array([np.nan])))


def test_whole_channels_go_to_selus_limit() -> None:
    y = nn.FeatureAlphaDropout(0.5, rng=0)(np.ones((20, 3, 4)))
    assert (y == y[:, :, :1]).all() and len(np.unique(y.round(6))) == 2
