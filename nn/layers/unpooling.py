"""The indices of max pooling, and its partial inverse, which puts the elements back at these indices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff import extend

from ..module import Module
from .inputs import as_value, per_axis

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d", "max_places", "max_unpool1d", "max_unpool2d", "max_unpool3d"]


def max_places(x: Any, kernel: Any, steps: Any, borders: Any, spread: Any) -> np.ndarray:
    """Return the index of the largest element of each window in its flat image, as PyTorch counts.

    x: (N, C, *spatial), plain. Among equal elements the first counts; NaN is the largest.
    """
    n = len(kernel)
    x = extend.numbers(x, "return_indices=True", "x")
    sizes = x.shape[2:]
    low = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = np.pad(x, [(0, 0), (0, 0), *borders], constant_values=low)
    reach = tuple([d * (k - 1) + 1 for k, d in zip(kernel, spread, strict=True)])
    windows: Any = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(2, 2 + n)))
    windows = windows[(slice(None), slice(None), *[slice(None, None, s) for s in steps])]
    windows = windows[(..., *[slice(None, None, d) for d in spread])]
    first = np.argmax(windows.reshape(*windows.shape[: 2 + n], -1), axis=-1)
    flat: Any = 0
    for axis, inner in enumerate(np.unravel_index(first, kernel)):
        start = np.arange(windows.shape[2 + axis]).reshape(-1, *[1] * (n - 1 - axis)) * steps[axis] - borders[axis][0]
        flat = flat * sizes[axis] + start + inner * spread[axis]
    return np.asarray(flat)


def _unpool(
    who: str, n: int, x: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Any:
    x, indices = as_value(x), np.asarray(extend.numbers(indices, who, "indices"))
    if x.ndim not in (n + 1, n + 2) or indices.shape != x.shape or indices.dtype.kind not in "iu":
        raise ValueError(
            f"{who} needs x of shape (N, C, {', '.join('DHW'[-n:])}), or without N, and integer indices of that shape; "
            f"got shapes {x.shape} and {indices.shape}, dtype {indices.dtype}"
        )
    kernel = per_axis(who, "kernel_size", kernel_size, n)
    steps = kernel if stride is None else per_axis(who, "stride", stride, n)
    pads = per_axis(who, "padding", padding, n, 0)
    if output_size is None:
        sizes = tuple([(m - 1) * s - 2 * p + k for m, s, p, k in zip(x.shape[-n:], steps, pads, kernel, strict=True)])
    else:
        sizes = per_axis(who, "output_size", tuple(output_size)[-n:], n)
    lead, size = x.shape[:-n], math.prod(sizes)
    if indices.size and not (indices.min() >= 0 and indices.max() < size):
        raise ValueError(
            f"{who}: indices must be in 0..{size - 1}, those of an image of shape {sizes}; write output_size="
        )
    flat, places = np.reshape(x, (*lead, math.prod(x.shape[-n:]))), indices.reshape(*lead, -1)
    empty = np.zeros((*lead, size), x.dtype)
    return np.reshape(ad.put_along_axis(empty, places, flat, axis=-1, inplace=False), (*lead, *sizes))


def max_unpool1d(
    x: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Sequence[int] | None = None,
) -> Any:
    """Put each element where max pooling took it from, among zeros. `torch.nn.functional.max_unpool1d`.

    x: (N, C, W) or (C, W); indices: as `max_pool1d(..., return_indices=True)` gives them. kernel_size, stride, padding:
    those of the pooling. output_size: the spatial shape, where the pooling left some elements out. Where windows
    overlap and two elements meet, the last one stays. Raises ValueError for shapes and indices that do not fit.

    >>> max_unpool1d(np.array([[3.0, 2.0]]), np.array([[1, 2]]), 2)
    array([[0., 3., 2., 0.]])
    """
    return _unpool("max_unpool1d", 1, x, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    x: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Sequence[int] | None = None,
) -> Any:
    """Put each element where max pooling took it from, among zeros. `torch.nn.functional.max_unpool2d`.

    x: (N, C, H, W) or (C, H, W). The rest as in `max_unpool1d`, an integer or one for each axis.

    >>> max_unpool2d(np.array([[[5.0]]]), np.array([[[3]]]), 2)
    array([[[0., 0.],
            [0., 5.]]])
    """
    return _unpool("max_unpool2d", 2, x, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    x: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Sequence[int] | None = None,
) -> Any:
    """Put each element where max pooling took it from, among zeros. `torch.nn.functional.max_unpool3d`.

    x: (N, C, D, H, W) or (C, D, H, W). The rest as in `max_unpool1d`, an integer or one for each axis.

    >>> max_unpool3d(np.array([[[[5.0]]]]), np.array([[[[7]]]]), 2).ravel()
    array([0., 0., 0., 0., 0., 0., 0., 5.])
    """
    return _unpool("max_unpool3d", 3, x, indices, kernel_size, stride, padding, output_size)


class MaxUnpool1d(Module):
    """Put each element where max pooling took it from, among zeros. `torch.nn.MaxUnpool1d`.

    Arguments as in `nn.functional.max_unpool1d`.

    >>> import nn, numpy as np
    >>> nn.MaxUnpool1d(2)(np.array([[3.0, 2.0]]), np.array([[1, 2]]))
    array([[0., 3., 2., 0.]])
    """

    _axes = 1

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Any, indices: Any, output_size: Sequence[int] | None = None) -> Any:
        """x and indices: (N, C, *spatial) -> (N, C, *output_size)."""
        who = type(self).__name__
        return _unpool(who, self._axes, x, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """Return the geometry."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool2d(MaxUnpool1d):
    """Put each element where max pooling took it from, among zeros. `torch.nn.MaxUnpool2d`.

    Arguments as in `nn.functional.max_unpool2d`.

    >>> import nn, numpy as np
    >>> nn.MaxUnpool2d(2)(np.array([[[5.0]]]), np.array([[[3]]])).shape
    (1, 2, 2)
    """

    _axes = 2


class MaxUnpool3d(MaxUnpool1d):
    """Put each element where max pooling took it from, among zeros. `torch.nn.MaxUnpool3d`.

    Arguments as in `nn.functional.max_unpool3d`.

    >>> import nn, numpy as np
    >>> nn.MaxUnpool3d(2)(np.array([[[[5.0]]]]), np.array([[[[7]]]])).shape
    (1, 2, 2, 2)
    """

    _axes = 3
