"""Random changes of images that do not change their labels: rotate, scale, shift, crop, flip, noise, cutout.

Every change takes a batch of images, (N, H, W) or (N, C, H, W), and a generator; each image gets its own draw, the same
for all its channels. Shape and dtype stay (except the size after `RandomCrop`). The same generator gives the same
result. In a `DataLoader(augment=Augment(...))` each batch has its own generator, made from the epoch's seed and the
number of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.random import Rng, as_generator

__all__ = [
    "Augment",
    "Cutout",
    "GaussianNoise",
    "MixUp",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomScale",
    "RandomShift",
    "RandomVerticalFlip",
]

Array = NDArray[Any]


class Augment:
    """Apply changes one after the other to a batch (images, ...) of a DataLoader; the other parts stay.

    changes: objects of this module, or functions (images, generator) -> images; a `MixUp` also changes the labels, the
    last part of the batch. torchvision's `Compose`.

    >>> from nn.data import DataLoader, TensorDataset
    >>> images, labels = np.zeros((6, 8, 8), np.float32), np.arange(6)
    >>> augment = Augment(RandomRotation(15), RandomShift(1), GaussianNoise(0.1))
    >>> loader = DataLoader(TensorDataset(images, labels), 4, generator=0, augment=augment)
    >>> [x.shape for x, y in loader]
    [(4, 8, 8), (2, 8, 8)]
    """

    def __init__(self, *changes: Callable[..., Any]) -> None:
        for change in changes:
            if isinstance(change, type) or not callable(change):
                raise TypeError(f"Augment takes changes such as nn.data.RandomShift(2), got {change!r}")
        self.changes = changes

    def __call__(self, batch: Any, rng: Rng = None) -> Any:
        """Return the batch with its first part changed. A batch may be a single array."""
        generator = as_generator(rng)
        parts = list(batch) if isinstance(batch, (tuple, list)) else [batch]
        for change in self.changes:
            if isinstance(change, MixUp):
                if len(parts) < 2:
                    raise TypeError("MixUp mixes labels too: it needs batches (images, labels)")
                parts[0], parts[-1] = change(parts[0], parts[-1], generator)
            else:
                parts[0] = change(parts[0], generator)
        return tuple(parts) if isinstance(batch, (tuple, list)) else parts[0]


class RandomRotation:
    """Rotate each image about its centre by an angle in ±degrees (counter-clockwise when positive), bilinearly. Pixels
    from outside are `fill`.

    torchvision's `RandomRotation`.

    >>> image = np.zeros((1, 3, 3)); image[0, 0, 1] = 1.0
    >>> RandomRotation(0)(image, rng=0)[0].tolist() == image[0].tolist()
    True
    """

    def __init__(self, degrees: float, fill: float = 0.0) -> None:
        self.degrees, self.fill = _number("RandomRotation", "degrees", degrees), fill

    def __call__(self, images: Any, rng: Rng = None) -> Array:
        """Return the images rotated. images: (N, [C,] H, W)."""
        images = _images("RandomRotation", images)
        angle = np.deg2rad(as_generator(rng).uniform(-self.degrees, self.degrees, len(images)))
        return _transformed(images, np.cos(angle), np.sin(angle), self.fill)


class RandomScale:
    """Enlarge each image about its centre by a factor in low..high, bilinearly; a factor below 1 leaves a border of
    `fill`. Keras' `RandomZoom`; part of torchvision's `RandomAffine`.

    >>> RandomScale(2.0, 2.0)(np.eye(3)[None], rng=0)[0]
    array([[0.5 , 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 0.5 ]])
    """

    def __init__(self, low: float, high: float, fill: float = 0.0) -> None:
        self.low, self.high = (_number("RandomScale", n, v, above=True) for n, v in (("low", low), ("high", high)))
        if low > high:
            raise ValueError(f"RandomScale: low must be <= high, got {low!r} and {high!r}")
        self.fill = fill

    def __call__(self, images: Any, rng: Rng = None) -> Array:
        """Return the images scaled. images: (N, [C,] H, W)."""
        images = _images("RandomScale", images)
        factor = as_generator(rng).uniform(self.low, self.high, len(images))
        return _transformed(images, 1 / factor, np.zeros(len(images)), self.fill)


class RandomShift:
    """Move each image by whole pixels, up to `pixels` in each direction. Pixels from outside are `fill`.

    Keras' `RandomTranslation`.

    >>> RandomShift(1)(np.arange(1, 10).reshape(1, 3, 3), rng=0)[0]
    array([[0, 0, 0],
           [1, 2, 3],
           [4, 5, 6]])
    """

    def __init__(self, pixels: int, fill: float = 0.0) -> None:
        self.pixels, self.fill = _size("RandomShift", "pixels", pixels, least=0), fill

    def __call__(self, images: Any, rng: Rng = None) -> Array:
        """Return the images shifted. images: (N, [C,] H, W)."""
        images = _images("RandomShift", images)
        offset = as_generator(rng).integers(-self.pixels, self.pixels + 1, (len(images), 2))
        p = self.pixels
        return _windows(_padded(images, p, self.fill), p - offset[:, 0], p - offset[:, 1], images.shape[-2:])


class RandomCrop:
    """Cut a window of `size` out of each image at a random place, after `padding` pixels of `fill` on each side.

    size: height and width, or one number for both. torchvision's `RandomCrop`.

    >>> RandomCrop(2)(np.arange(9).reshape(1, 3, 3), rng=0)[0]
    array([[4, 5],
           [7, 8]])
    """

    def __init__(self, size: int | tuple[int, int], padding: int = 0, fill: float = 0.0) -> None:
        given = size if isinstance(size, tuple) else (size, size)
        if len(given) != 2:
            raise ValueError(f"RandomCrop: size must be one number or (height, width), got {size!r}")
        self.size = (_size("RandomCrop", "size", given[0]), _size("RandomCrop", "size", given[1]))
        self.padding, self.fill = _size("RandomCrop", "padding", padding, least=0), fill

    def __call__(self, images: Any, rng: Rng = None) -> Array:
        """Return the windows. images: (N, [C,] H, W) -> (N, [C,] *size)."""
        images = _padded(_images("RandomCrop", images), self.padding, self.fill)
        free = [have - want for have, want in zip(images.shape[-2:], self.size, strict=True)]
        if min(free) < 0:
            raise ValueError(
                f"RandomCrop: windows of {self.size} do not fit into images of {images.shape[-2:]}, padding included"
            )
        generator = as_generator(rng)
        rows, columns = (generator.integers(0, n + 1, len(images)) for n in free)
        return _windows(images, rows, columns, self.size)


class RandomHorizontalFlip:
    """Mirror each image left to right with probability p. torchvision's `RandomHorizontalFlip`.

    >>> RandomHorizontalFlip(1.0)(np.array([[[1, 2]]]), rng=0)
    array([[[2, 1]]])
    """

    _axis = -1

    def __init__(self, p: float = 0.5) -> None:
        self.p = _number(type(self).__name__, "p", p)
        if p > 1:
            raise ValueError(f"{type(self).__name__}: p must be in [0, 1], got {p!r}")

    def __call__(self, images: Any, rng: Rng = None) -> Array:
        """Return the images, some of them mirrored. images: (N, [C,] H, W)."""
        images = _images(type(self).__name__, images)
        chosen = as_generator(rng).random(len(images)) < self.p
        return np.where(chosen.reshape(-1, *[1] * (images.ndim - 1)), np.flip(images, self._axis), images)


class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirror each image top to bottom with probability p. torchvision's `RandomVerticalFlip`.

    >>> RandomVerticalFlip(1.0)(np.array([[[1], [2]]]), rng=0)
    array([[[2],
            [1]]])
    """

    _axis = -2


class GaussianNoise:
    """Add normal noise of standard deviation `sigma` to every pixel. torchvision's and Keras' `GaussianNoise`.

    >>> GaussianNoise(0.1)(np.zeros((1, 1, 2)), rng=0).round(3)
    array([[[ 0.013, -0.013]]])
    """

    def __init__(self, sigma: float) -> None:
        self.sigma = _number("GaussianNoise", "sigma", sigma)

    def __call__(self, images: Any, rng: Rng = None) -> Array:
        """Return the images with noise. images: (N, [C,] H, W); integers are rounded and kept in their range."""
        images = _images("GaussianNoise", images)
        return _as_before(images + self.sigma * as_generator(rng).standard_normal(images.shape), images)


class Cutout:
    """Set a square of `size` pixels, at a random place of each image, to `fill` (DeVries and Taylor 2017).

    The centre may be any pixel, so that a part of the square may lie outside. torchvision's `RandomErasing` is similar.

    >>> Cutout(1)(np.ones((1, 2, 2)), rng=0)[0]
    array([[1., 1.],
           [1., 0.]])
    """

    def __init__(self, size: int, fill: float = 0.0) -> None:
        self.size, self.fill = _size("Cutout", "size", size), fill

    def __call__(self, images: Any, rng: Rng = None) -> Array:
        """Return the images, each with a square missing. images: (N, [C,] H, W)."""
        images, generator = _images("Cutout", images), as_generator(rng)
        inside = []
        for extent in images.shape[-2:]:
            start = generator.integers(0, extent, len(images))[:, None] - self.size // 2
            place = np.arange(extent)
            inside.append((place >= start) & (place < start + self.size))
        mask = inside[0][:, :, None] & inside[1][:, None, :]
        mask = mask if images.ndim == 3 else mask[:, None]
        return np.where(mask, np.asarray(self.fill, dtype=images.dtype), images)


class MixUp:
    """Replace each sample by l times itself plus 1 - l times another of the batch, the labels likewise; l is drawn from
    Beta(alpha, alpha), one for each sample (Zhang et al. 2018, https://arxiv.org/abs/1710.09412).

    alpha: > 0; small ones leave most samples nearly as they are. num_classes: of integer labels, which become rows of
    shares for `nn.CrossEntropyLoss`; None when the targets are rows or numbers already. torchvision's `MixUp`.

    >>> x, y = MixUp(1.0, num_classes=2)(np.eye(2, dtype=np.float32), np.array([0, 1]), rng=1)
    >>> bool((x == y).all()), y.sum(axis=1)
    (True, array([1., 1.], dtype=float32))
    """

    def __init__(self, alpha: float = 0.2, num_classes: int | None = None) -> None:
        self.alpha = _number("MixUp", "alpha", alpha, above=True)
        self.num_classes = None if num_classes is None else _size("MixUp", "num_classes", num_classes)

    def __call__(self, x: Any, y: Any, rng: Rng = None) -> tuple[Array, Array]:
        """Return (mixed x, mixed y). x: floats (N, ...). y: (N,) integers with num_classes, or floats (N, ...)."""
        x, y, generator = np.asarray(x), np.asarray(y), as_generator(rng)
        if x.dtype.kind != "f" or x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
            raise ValueError(f"MixUp needs floating x (N, ...) and as many y, got {x.shape} {x.dtype} and {y.shape}")
        if y.dtype.kind in "iu":
            if self.num_classes is None or y.ndim != 1:
                raise TypeError(f"MixUp: integer labels need num_classes and shape (N,), got shape {y.shape}")
            if y.size and not 0 <= y.min() <= y.max() < self.num_classes:
                raise ValueError(f"MixUp: labels must be in 0..{self.num_classes - 1}, got {y.min()} to {y.max()}")
            y = np.eye(self.num_classes, dtype=x.dtype)[y]
        share, other = generator.beta(self.alpha, self.alpha, len(x)), generator.permutation(len(x))

        def mixed(a: Array) -> Array:
            weight = share.reshape(-1, *[1] * (a.ndim - 1)).astype(a.dtype)
            return weight * a + (1 - weight) * a[other]

        return mixed(x), mixed(y)


# Pixels.


def _images(who: str, images: Any) -> Array:
    images = np.asarray(images)
    if images.ndim not in (3, 4) or images.dtype.kind not in "fiu":
        raise ValueError(
            f"{who} needs images (N, H, W) or (N, C, H, W) of real numbers, got shape {images.shape}, {images.dtype}"
        )
    return images


def _padded(images: Array, pixels: int, fill: float) -> Array:
    width = [(0, 0)] * (images.ndim - 2) + [(pixels, pixels)] * 2
    return np.pad(images, width, constant_values=fill) if pixels else images


def _windows(images: Array, rows: Array, columns: Array, size: tuple[int, ...]) -> Array:
    """Return the window of each image that begins at its row and column."""
    views = np.lib.stride_tricks.sliding_window_view(images, size, axis=(-2, -1))
    number = np.arange(len(images))
    return views[number, rows, columns] if images.ndim == 3 else views[number, :, rows, columns]


def _transformed(images: Array, cosine: Array, sine: Array, fill: float) -> Array:
    """Return images whose pixel (y, x), from the centre, has the value at (c y + s x, c x - s y), bilinearly."""
    height, width = images.shape[-2:]
    dtype = images.dtype if images.dtype in (np.float32, np.float64) else np.float32
    y, x = np.mgrid[:height, :width]
    y, x = y - (height - 1) / 2, x - (width - 1) / 2
    c, s = cosine[:, None, None], sine[:, None, None]
    from_y, from_x = c * y + s * x + (height - 1) / 2, c * x - s * y + (width - 1) / 2
    top, left = np.floor(from_y).astype(np.intp), np.floor(from_x).astype(np.intp)
    down, right = (from_y - top).astype(dtype), (from_x - left).astype(dtype)
    flat = images.reshape(len(images), -1, height, width)
    number = np.arange(len(images))[:, None, None]
    result = np.zeros((*from_y.shape, flat.shape[1]), dtype=dtype)
    for step_y, part_y in ((0, 1 - down), (1, down)):
        for step_x, part_x in ((0, 1 - right), (1, right)):
            rows, columns = top + step_y, left + step_x
            inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
            values = flat[number, :, rows.clip(0, height - 1), columns.clip(0, width - 1)]
            values = np.where(inside[..., None], values, np.asarray(fill, dtype=dtype))
            result += (part_y * part_x)[..., None] * values
    return _as_before(np.moveaxis(result, -1, 1).reshape(images.shape), images)


def _as_before(changed: Array, images: Array) -> Array:
    """Return `changed` in the dtype of the images; integers are rounded and kept in their range."""
    if images.dtype.kind == "f":
        return changed.astype(images.dtype)
    limits = np.iinfo(images.dtype)
    return np.rint(changed).clip(limits.min, limits.max).astype(images.dtype)


def _number(who: str, name: str, value: Any, above: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{who}: {name} must be a number, got {value!r}")
    if not (value > 0 if above else value >= 0) or not math.isfinite(value):
        raise ValueError(f"{who}: {name} must be finite and {'>' if above else '>='} 0, got {value!r}")
    return float(value)


def _size(who: str, name: str, value: Any, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{who}: {name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{who}: {name} must be >= {least}, got {value!r}")
    return int(value)
