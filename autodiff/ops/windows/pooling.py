"""Maxima of windows; equal ones share the gradient evenly, as those of ``max`` do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...batching.ways import of_images
from ...modes import one_call
from ...other_arrays import is_foreign, ones_like_value
from ...registry import PUBLIC, op
from ...registry.singular_points import Convention
from ...variable import plain
from ..shape import operand
from .columns import borders, col2im_row, columns, integers, spatial
from .geometry import Borders, Sizes, bordered, output_sizes, positions, without_borders


@one_call
def _max_pool(x: Any, kernel: Sizes = (), stride: Sizes = (), padding: Borders = (), dilation: Sizes = ()) -> Any:
    out = output_sizes("max_pool", x.shape[2:], kernel, stride, padding, dilation)
    if is_foreign(x):
        return np.max(columns(x, kernel, stride, padding, dilation, -math.inf), axis=tuple(range(2, 2 + len(kernel))))
    last = bordered(x.transpose(0, *range(2, x.ndim), 1), padding, 1, -math.inf)
    y: Any = None
    for _, index in positions(out, kernel, stride, dilation):
        part = last[(slice(None), *index)]
        y = np.copy(part, order="K") if y is None else np.maximum(y, part, out=y)
    return y.transpose(0, y.ndim - 1, *range(1, y.ndim - 1))


def _over_kernel(y: Any, kernel: Sizes) -> Any:
    """Return (N, C, *out) with axes of one element in place of the kernel."""
    return np.reshape(y, (*y.shape[:2], *[1] * len(kernel), *y.shape[2:]))


def _is_largest(x: Any, y: Any, kernel: Sizes, stride: Sizes, padding: Borders, dilation: Sizes) -> tuple[Any, Any]:
    """Return which element of each window (N, C, *kernel, *out) is its largest, and how many are, (N, C, 1.., *out)."""
    x, y = plain(x), plain(y)
    largest = columns(x, kernel, stride, padding, dilation, -math.inf) == _over_kernel(y, kernel)
    if is_foreign(x) or np.isneginf(y).any():  # the border is no element, also where it equals the largest
        largest = largest & columns(ones_like_value(x.shape, bool, like=x), kernel, stride, padding, dilation)
    return largest, np.sum(largest, axis=tuple(range(2, 2 + len(kernel))), keepdims=True)


@one_call
def _shared(g: Any, y: Any, x: Any, kernel: Sizes, stride: Sizes, padding: Borders, dilation: Sizes) -> Any:
    """Return the cotangent of plain arrays, one kernel position after the other: a third of the time of whole columns.
    """
    axes = (0, *range(2, x.ndim), 1)  # as they lie in memory after a convolution
    g, y, last = g.transpose(axes), y.transpose(axes), bordered(x.transpose(axes), padding, 1, -math.inf)
    out = y.shape[1:-1]
    each = list(positions(out, kernel, stride, dilation))
    largest = [last[(slice(None), *index)] == y for _, index in each]
    if any([before or after for before, after in padding]) and np.isneginf(y).any():  # the border is no element
        inside = bordered(np.ones((1, *x.shape[2:], 1), bool), padding, 1)
        largest = [mask & inside[(slice(None), *index)] for mask, (_, index) in zip(largest, each, strict=True)]
    ties: Any = np.zeros(y.shape, np.int32)
    for mask in largest:
        ties += mask
    if not np.all(ties == 1):
        with np.errstate(invalid="ignore", divide="ignore"):  # 0 in a window with a NaN: its gradient is NaN
            g = (g / ties).astype(g.dtype)
    d = np.zeros(last.shape, g.dtype)
    for mask, (_, index) in zip(largest, each, strict=True):
        with np.errstate(invalid="ignore"):
            d[(slice(None), *index)] += g * mask
    return without_borders(d, padding, 1).transpose(0, d.ndim - 1, *range(1, d.ndim - 1))


def _max_pool_vjp(
    g: Any, y: Any, x: Any, x_shape: Any, kernel: Sizes, stride: Sizes, padding: Borders, dilation: Sizes
) -> Any:
    if g.__class__ is np.ndarray and x.__class__ is np.ndarray and y.__class__ is np.ndarray:
        return _shared(g, y, x, kernel, stride, padding, dilation)
    largest, ties = _is_largest(x, y, kernel, stride, padding, dilation)
    with np.errstate(invalid="ignore"):  # 0 / 0 in a window with a NaN: its gradient is NaN
        share = (largest / ties).astype(plain(x).dtype)
    return col2im_row(
        _over_kernel(g, kernel) * share,
        size=x_shape[2:],
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )


def _gap(x: Any, kernel: Sizes = (), stride: Sizes = (), padding: Borders = (), dilation: Sizes = ()) -> Any:
    """Return the distance between the largest element of each window and the next."""
    parts = columns(x, kernel, stride, padding, dilation, -math.inf)
    n = len(kernel)
    flat = np.sort(parts.reshape(*parts.shape[:2], math.prod(kernel), *parts.shape[2 + n :]), axis=2)
    return flat[:, :, -1] - flat[:, :, -2] if flat.shape[2] > 1 else np.inf


max_pool_row: Any = op(
    _max_pool,
    name="max_pool",
    batch=of_images,
    symbol="max",
    selects=True,
    public=False,
    samples=(
        (((1, 2, 4),), {"kernel": (2,), "stride": (2,), "padding": ((0, 0),), "dilation": (1,)}),
        (((2, 1, 3, 4),), {"kernel": (2, 2), "stride": (1, 2), "padding": ((1, 1), (0, 1)), "dilation": (1, 1)}),
        (((1, 1, 5),), {"kernel": (2,), "stride": (1,), "padding": ((1, 0),), "dilation": (2,)}),
    ),
    kink=_gap,
    convention=Convention(
        lambda y, x, kernel, stride, padding, dilation: (
            _is_largest(x, y, kernel, stride, padding, dilation)[1].reshape(plain(y).shape) > 1
        ),
        "elements tie",
        "an even share to each",
        "Add noise, or write the choice with np.argmax.",
    ),
    vjp=_max_pool_vjp,
    doc="Return the largest element of each window.",
)


def max_pool(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    """Return the largest element of each window; equal ones share the gradient evenly.

    x: (N, C, *spatial), any number of spatial axes. kernel_size, dilation: an integer, or one an axis. stride: the
    same, or None for kernel_size. padding: an integer, one an axis, or a pair (before, after) an axis; an element of
    the border is never the largest. Returns (N, C, *out). `torch.nn.functional.max_pool2d`, which gives the first of
    equal elements the whole gradient. Raises ValueError where no window fits.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[[1.0, 3.0, 2.0, 2.0]]])
    >>> y = ad.max_pool(x, 2); y.data
    array([[[3., 2.]]])
    >>> y.sum().backward(); x.grad
    array([[[0. , 1. , 0.5, 0.5]]])
    """
    x = operand(x)
    n = spatial("max_pool", x)
    kernel, spread = (
        integers("max_pool", "kernel_size", kernel_size, n, 1),
        integers("max_pool", "dilation", dilation, n, 1),
    )
    steps = kernel if stride is None else integers("max_pool", "stride", stride, n, 1)
    pads = borders("max_pool", padding, n)
    return max_pool_row(x, kernel=kernel, stride=steps, padding=pads, dilation=spread)


PUBLIC.update(max_pool=max_pool)
