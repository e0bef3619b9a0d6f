"""Windows of plain arrays as matrices, for products with kernels, in either order of memory. Never here: a rule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .geometry import Borders, Sizes, bordered, windows

BLOCK = 2 << 20  # bytes of windows copied at a time: half to six million make a difference of a tenth


def channels_last(x: Any) -> Any:
    """Return (N, C, *spatial) as (N, *spatial, C), contiguous."""
    return np.ascontiguousarray(x.transpose(0, *range(2, x.ndim), 1))


def channels_first(y: Any) -> Any:
    """Return (N, *spatial, C) as a view (N, C, *spatial)."""
    return y.transpose(0, y.ndim - 1, *range(1, y.ndim - 1))


def kernel_matrices(weight: Any, groups: int) -> Any:
    """Return the weight (O, C/G, *kernel) as (G, kernel * C/G, O/G)."""
    o, c, *kernel = weight.shape
    grouped = weight.reshape(groups, o // groups, c, math.prod(kernel))
    return np.ascontiguousarray(grouped.transpose(0, 3, 2, 1)).reshape(groups, math.prod(kernel) * c, o // groups)


def rows_of_windows(
    x: Any, out: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes, groups: int
) -> Iterator[tuple[slice, Any]]:
    """Yield windows of x (N, *spatial, C) with its border, as matrices (G, rows, kernel * C/G) for a few images at a
    time, each with the slice of its rows among all."""
    n, c = x.shape[0], x.shape[-1]
    view = windows(x, out, kernel, stride, dilation, 1)
    each, width = math.prod(out), math.prod(kernel) * c
    images = max(1, BLOCK // max(1, each * width * x.dtype.itemsize))
    for i in range(0, n, images):
        part = view[i : i + images]
        rows = slice(i * each, (i + len(part)) * each)
        if groups == 1:
            yield rows, part.reshape(1, len(part) * each, width)
        else:
            split = part.reshape(len(part) * each, math.prod(kernel), groups, c // groups)
            yield rows, split.transpose(2, 0, 1, 3).reshape(groups, len(split), width // groups)


def lies_in_planes(x: Any, kernel: Sizes, out: Sizes, groups: int) -> bool:
    """Return whether windows of x are copied faster as it lies in memory, (N, C, *spatial): the first layer's image has
    few channels, and so few neighbours in memory with the channels last. Windows of an image beyond ``BLOCK`` are
    rows too far apart for the product."""
    few = groups == 1 and kernel[-1] * x.shape[1] <= min(32, out[-1])
    return few and x.flags.c_contiguous and math.prod((x.shape[1], *kernel, *out, x.dtype.itemsize)) <= BLOCK


def planes_of_windows(
    x: Any, out: Sizes, kernel: Sizes, stride: Sizes, padding: Borders, dilation: Sizes
) -> Iterator[tuple[slice, Any]]:
    """Yield windows of x (N, C, *spatial) as matrices (images, C * kernel, out), each with the slice of its images."""
    view, n, width = windows(bordered(x, padding, 2), out, kernel, stride, dilation, 2), len(out), math.prod(kernel)
    view = view.transpose(0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n))
    images = max(1, BLOCK // max(1, math.prod(view.shape[1:]) * x.dtype.itemsize))
    for i in range(0, len(x), images):
        part = view[i : i + images]
        yield slice(i, i + images), part.reshape(len(part), x.shape[1] * width, math.prod(out))


def is_depthwise(weight: Any, groups: int) -> bool:
    """Return whether each channel is convolved alone (depthwise), in a dtype that einsum adds in without loss."""
    return weight.shape[0] == groups and weight.shape[1] == 1 and weight.dtype.char in "fdFD"


def depthwise(x: Any, weight: Any, out: Sizes, stride: Sizes, dilation: Sizes) -> Any:
    """Return the convolution of each channel of x (N, *spatial, C) with its kernel, as (N, *out, C).

    With stride 1 along the last axis all its windows move together: NumPy's inner loop then has W * C numbers.
    """
    n, kernel = len(out), weight.shape[2:]
    view, w = windows(x, out, kernel, stride, dilation, 1), np.moveaxis(weight[:, 0], 0, -1)
    if stride[-1] == 1:
        width = out[-1] * x.shape[-1]
        w = np.repeat(w[..., None, :], out[-1], axis=-2).reshape(*kernel, width)
        shape, steps = (*view.shape[:n], *kernel, width), (*view.strides[:n], *view.strides[n + 1 : -1], x.itemsize)
        view = np.lib.stride_tricks.as_strided(view, shape, steps, writeable=False)
        n -= 1
    places, taps, last = [*range(n + 1)], [*range(n + 1, n + 1 + len(kernel))], n + 1 + len(kernel)
    y = np.einsum(view, [*places, *taps, last], w, [*taps, last], [*places, last])
    return y.reshape(x.shape[0], *out, x.shape[-1])


def by_groups(y: Any, groups: int) -> Any:
    """Return a matrix (rows, G * n) as a view (G, rows, n)."""
    return y.reshape(len(y), groups, y.shape[1] // groups).transpose(1, 0, 2)
