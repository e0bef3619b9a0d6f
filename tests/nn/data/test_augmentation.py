"""Random changes of images: what each does, with draws of its own for each image, repeatable, whatever the threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nn.data import (
    Augment,
    Cutout,
    DataLoader,
    GaussianNoise,
    MixUp,
    RandomCrop,
    RandomHorizontalFlip,
    RandomRotation,
    RandomScale,
    RandomShift,
    RandomVerticalFlip,
    TensorDataset,
)

IMAGES = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.uint8]),
    st.one_of(
        hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6),
        hnp.array_shapes(min_dims=4, max_dims=4, min_side=1, max_side=5),
    ),
    elements=st.integers(0, 200),
)
ALL = [
    RandomRotation(40),
    RandomScale(0.7, 1.4),
    RandomShift(2, fill=3),
    RandomCrop(1, padding=1),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    GaussianNoise(5.0),
    Cutout(2),
]
names = [type(change).__name__ for change in ALL]


@pytest.mark.parametrize("change", ALL, ids=names)
@settings(max_examples=15)
@given(images=IMAGES, seed=st.integers(0, 5))
def test_a_change_keeps_shape_and_dtype_and_repeats_itself(change, images, seed):
    before = images.copy()
    out = change(images, seed)
    assert out.dtype == images.dtype
    assert out.shape == (images.shape if not isinstance(change, RandomCrop) else (*images.shape[:-2], 1, 1))
    np.testing.assert_array_equal(change(images, seed), out)
    np.testing.assert_array_equal(images, before)
    if images.ndim == 4 and images.shape[1] > 1 and not isinstance(change, GaussianNoise):  # one draw for all channels
        same = np.repeat(images[:, :1], images.shape[1], axis=1)
        result = change(same, seed)
        np.testing.assert_array_equal(result, np.repeat(result[:, :1], images.shape[1], axis=1))
    wide = change(images.astype(np.float64), seed)
    np.testing.assert_allclose(out, wide.clip(0, 255) if out.dtype.kind == "u" else wide, atol=0.501, rtol=1e-4)


def test_each_image_gets_its_own_draw():
    images = np.repeat(np.arange(36.0).reshape(1, 6, 6), 40, axis=0)
    for change in ALL:
        assert len(np.unique(change(images, 0).reshape(40, -1), axis=0)) > 1, change


def test_a_rotation_by_right_angles_is_exact_up_to_the_rounding_of_the_angle():
    images = np.random.default_rng(0).random((4, 2, 5, 5))
    turned = RandomRotation(90)(images, rng=Always(90.0))
    # cos 90 degrees is 6e-17: the corners of the square lie outside by that much, and fade by it
    np.testing.assert_allclose(turned, np.rot90(images, axes=(-2, -1)), atol=1e-14)
    np.testing.assert_allclose(RandomRotation(180)(images, rng=Always(180.0)), images[..., ::-1, ::-1], atol=1e-14)


class Always(np.random.Generator):
    """A generator whose uniform numbers are all the same."""

    def __init__(self, value):
        super().__init__(np.random.PCG64(0))
        self.value = value

    def uniform(self, low, high, size):
        return np.full(size, self.value)


def test_scaling_up_and_down_keeps_a_smooth_picture():
    y, x = np.mgrid[:17, :17] - 8.0
    blob = np.exp(-(y**2 + x**2) / 40)[None]
    half, double = RandomScale(0.5, 0.5)(blob, 0)[0], RandomScale(2.0, 2.0)(blob, 0)[0]
    inner = slice(5, 12)
    np.testing.assert_allclose(half[inner, inner], np.exp(-4 * (y**2 + x**2) / 40)[inner, inner], atol=1e-15)
    np.testing.assert_allclose(double, np.exp(-(y**2 + x**2) / 160), atol=0.0125)  # f''/8 of each axis, f'' <= 1/20


@given(st.integers(0, 3), st.integers(0, 9))
def test_a_shift_moves_whole_pixels_and_fills_the_rest(pixels, seed):
    images = np.arange(1.0, 26).reshape(1, 5, 5)
    out = RandomShift(pixels, fill=-1)(images, seed)[0]
    dy, dx = np.random.default_rng(seed).integers(-pixels, pixels + 1, (1, 2))[0]
    for (i, j), value in np.ndenumerate(out):
        from_y, from_x = i - dy, j - dx
        inside = 0 <= from_y < 5 and 0 <= from_x < 5
        assert value == (images[0, from_y, from_x] if inside else -1)


def test_crops_are_windows_and_cutouts_are_squares():
    images = np.random.default_rng(0).random((30, 3, 6, 7))
    for window, image in zip(RandomCrop((2, 3))(images, 0), images, strict=True):
        views = np.lib.stride_tricks.sliding_window_view(image, (2, 3), axis=(1, 2))
        assert (views == window[:, None, None]).all(axis=(0, 3, 4)).any()
    for hole in (Cutout(3)(images, 0) == 0).any(axis=1):
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert hole.sum() == len(rows) * len(columns) and 1 <= len(rows) <= 3 and 1 <= len(columns) <= 3
        assert (np.diff(rows) == 1).all() and (np.diff(columns) == 1).all()


def test_mixed_samples_lie_between_two_and_their_labels_with_them():
    x, labels = np.random.default_rng(0).random((50, 4)), np.random.default_rng(1).integers(0, 3, 50)
    one_hot = np.eye(3)[labels]
    mixed, shares = MixUp(0.4, num_classes=3)(x, labels, 0)
    again, rows = MixUp(0.4)(x, one_hot, 0)
    np.testing.assert_array_equal(mixed, again)
    np.testing.assert_array_equal(shares, rows)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-15)
    both, _ = MixUp(0.4)(np.concatenate([x, one_hot], axis=1), one_hot, 0)
    np.testing.assert_allclose(both[:, 4:], shares, rtol=1e-15)  # samples and labels have the same shares
    rng = np.random.default_rng(0)
    share, other = rng.beta(0.4, 0.4, 50)[:, None], rng.permutation(50)
    np.testing.assert_allclose(mixed, share * x + (1 - share) * x[other], rtol=1e-14)


def test_an_augmented_loader_depends_on_seed_and_epoch_and_not_on_threads():
    images, labels = np.random.default_rng(0).random((11, 2, 6, 6)), np.arange(11) % 3
    augment = Augment(*ALL[:3], *ALL[4:], lambda x, rng: x * rng.random(), MixUp(1.0, num_classes=3))

    def epochs(seed, workers):
        loader = DataLoader(
            TensorDataset(images, labels), 4, shuffle=True, generator=seed, augment=augment, num_workers=workers
        )
        return [np.concatenate([np.concatenate([x.ravel(), y.ravel()]) for x, y in loader]) for _ in range(2)]

    first, second = epochs(0, 0)
    for workers in (1, 3):
        for alone, together in zip((first, second), epochs(0, workers), strict=True):
            np.testing.assert_array_equal(alone, together)
    assert not np.array_equal(first, second) and not np.array_equal(first, epochs(1, 0)[0])
    np.testing.assert_array_equal(Augment(ALL[4])(images, 0), ALL[4](images, 0))


def test_every_batch_of_an_epoch_has_noise_of_its_own():
    loader = DataLoader(TensorDataset(np.zeros((6, 4, 4))), 2, generator=0, augment=Augment(GaussianNoise(1.0)))
    assert len({x.tobytes() for _ in range(2) for (x,) in loader}) == 6


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda: RandomRotation("a"), TypeError, "degrees must be a number"),
        (lambda: RandomRotation(-1), ValueError, "degrees must be finite and >= 0"),
        (lambda: RandomScale(0, 1), ValueError, "low must be finite and > 0"),
        (lambda: RandomScale(2, 1), ValueError, "low must be <= high"),
        (lambda: RandomShift(1.5), TypeError, "pixels must be an integer"),
        (lambda: RandomCrop((1, 2, 3)), ValueError, r"one number or \(height, width\)"),
        (
            lambda: RandomCrop(9)(np.ones((2, 4, 4)), 0),
            ValueError,
            r"windows of \(9, 9\) do not fit into images of \(4, 4\)",
        ),
        (lambda: RandomHorizontalFlip(1.5), ValueError, r"p must be in \[0, 1\]"),
        (lambda: Cutout(0), ValueError, "size must be >= 1"),
        (lambda: GaussianNoise(0.1)(np.ones((4, 4)), 0), ValueError, r"GaussianNoise needs images .* shape \(4, 4\)"),
        (lambda: Cutout(1)(np.ones((1, 2, 2), bool), 0), ValueError, "bool"),
        (lambda: MixUp(0.2)(np.ones((2, 3)), np.array([0, 1]), 0), TypeError, "integer labels need num_classes"),
        (
            lambda: MixUp(0.2, 2)(np.ones((2, 3)), np.array([0, 2]), 0),
            ValueError,
            r"labels must be in 0\.\.1, got 0 to 2",
        ),
        (lambda: MixUp(0.2)(np.ones((2, 3), int), np.ones(2), 0), ValueError, "needs floating x"),
        (lambda: Augment(Cutout), TypeError, "Augment takes changes such as"),
        (lambda: Augment(MixUp())(np.ones((2, 3, 3)), 0), TypeError, "MixUp mixes labels too"),
    ],
)
def test_mistakes_are_named(act, error, said):
    with pytest.raises(error, match=said):
        act()
