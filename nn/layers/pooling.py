"""Pooling: the largest or the mean element of windows, or their norm, of given sizes or of a given number (adaptive).

One file: one short class for each dimension and kind.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autodiff as ad
from autodiff.extend import ModuleFacts

from ..module import Module
from .inputs import as_value, beside, each_image, per_axis
from .unpooling import max_places

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
]

Sizes = int | Sequence[int]


def _geometry(
    who: str, n: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return kernel, stride, padding and dilation of each axis, checked."""
    kernel = per_axis(who, "kernel_size", kernel_size, n)
    steps = kernel if stride is None else per_axis(who, "stride", stride, n)
    pads = per_axis(who, "padding", padding, n, 0)
    if any([2 * p > k for p, k in zip(pads, kernel, strict=True)]):
        raise ValueError(f"{who}: padding {pads} must be at most half of kernel_size {kernel}")
    return kernel, steps, pads, per_axis(who, "dilation", dilation, n)


def _borders(size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    """Return (before, after) of each axis. With ceil_mode a last window may reach beyond the border, but must not start
    there."""
    if not ceil_mode:
        return [(p, p) for p in padding]
    borders = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        out = -((d * (k - 1) + 1 - n - 2 * p) // s) + 1
        out -= (out - 1) * s >= n + p
        borders.append((p, (out - 1) * s + d * (k - 1) + 1 - n - p))
    return borders


def _max_pool(
    who: str,
    n: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool = False,
) -> Any:
    kernel, steps, pads, spread = _geometry(who, n, kernel_size, stride, padding, dilation)

    def pool(x: Any) -> Any:
        borders = _borders(x.shape[2:], kernel, steps, pads, spread, ceil_mode)
        return ad.max_pool(x, kernel, steps, borders, spread)

    y = each_image(who, x, n, pool)
    if not return_indices:
        return y

    def places(x: Any) -> Any:
        return max_places(x, kernel, steps, _borders(x.shape[2:], kernel, steps, pads, spread, ceil_mode), spread)

    return y, each_image(who, ad.plain(as_value(x)), n, places)


def max_pool1d(
    x: Any,
    kernel_size: Sizes,
    stride: Any = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window; equal ones share the gradient. `torch.nn.functional.max_pool1d`.

    x: (N, C, W) or (C, W). stride: None for kernel_size. padding: at most half the kernel, never the largest element.
    ceil_mode: whether a last window may reach beyond the end. return_indices: also return the index of each in its
    image, that of the first among equal ones, for `max_unpool1d`. Raises ValueError where no window fits.

    >>> max_pool1d(np.array([[1.0, 3.0, 2.0, 0.0]]), 2)
    array([[3., 2.]])
    """
    return _max_pool("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    x: Any,
    kernel_size: Sizes,
    stride: Any = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window; equal ones share the gradient. `torch.nn.functional.max_pool2d`.

    x: (N, C, H, W) or (C, H, W). The rest as in `max_pool1d`, an integer or one for each axis.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 5.,  7.],
            [13., 15.]]])
    """
    return _max_pool("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    x: Any,
    kernel_size: Sizes,
    stride: Any = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Return the largest element of each window; equal ones share the gradient. `torch.nn.functional.max_pool3d`.

    x: (N, C, D, H, W) or (C, D, H, W). The rest as in `max_pool1d`, an integer or one for each axis.

    >>> max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    array([[[[7.]]]])
    """
    return _max_pool("max_pool3d", 3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _divisors(n: int, out: int, k: int, s: int, p: int, count_include_pad: bool) -> Any:
    """Return the number of elements that each window counts along one axis, with the border or without it."""
    start = np.arange(out) * s - p
    end = np.minimum(start + k, n + p)
    return end - start if count_include_pad else np.minimum(end, n) - np.maximum(start, 0)


def _avg_pool(
    who: str,
    n: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Any:
    kernel, steps, pads, spread = _geometry(who, n, kernel_size, stride, padding, 1)
    if divisor_override is not None and divisor_override < 1:
        raise ValueError(f"{who}: divisor_override must be an integer >= 1 or None; got {divisor_override!r}")

    def pool(x: Any) -> Any:
        size, borders = x.shape[2:], _borders(x.shape[2:], kernel, steps, pads, spread, ceil_mode)
        parts = ad.im2col(x, kernel, steps, borders)
        total = np.sum(parts, axis=tuple(range(2, 2 + n)))
        if divisor_override is not None:
            return total / divisor_override
        counts: Any = 1
        for m, out, k, s, p in zip(size, total.shape[2:], kernel, steps, pads, strict=True):
            counts = np.multiply.outer(counts, _divisors(m, out, k, s, p, count_include_pad))
        return total / beside(counts.astype(total.dtype), total)

    return each_image(who, x, n, pool)


def avg_pool1d(
    x: Any,
    kernel_size: Sizes,
    stride: Any = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Return the mean of each window. `torch.nn.functional.avg_pool1d`.

    x: (N, C, W) or (C, W). stride: None for kernel_size. padding: zeros, at most half the kernel. ceil_mode: whether a
    last window may reach beyond the end. count_include_pad: whether the mean counts the zeros of the border. Raises
    ValueError where no window fits.

    >>> avg_pool1d(np.array([[1.0, 3.0, 2.0, 0.0]]), 2)
    array([[2., 1.]])
    """
    return _avg_pool("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    x: Any,
    kernel_size: Sizes,
    stride: Any = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the mean of each window. `torch.nn.functional.avg_pool2d`.

    x: (N, C, H, W) or (C, H, W). divisor_override: the divisor of sums, instead of the number of elements. The rest
    as in `avg_pool1d`, an integer or one for each axis.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    return _avg_pool("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    x: Any,
    kernel_size: Sizes,
    stride: Any = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the mean of each window. `torch.nn.functional.avg_pool3d`.

    x: (N, C, D, H, W) or (C, D, H, W). The rest as in `avg_pool2d`.

    >>> avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    array([[[[3.5]]]])
    """
    return _avg_pool("avg_pool3d", 3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(who: str, n: int, x: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    kernel = per_axis(who, "kernel_size", kernel_size, n)
    if not isinstance(norm_type, (int, float, np.number)) or not norm_type:
        raise ValueError(f"{who}: norm_type must be a number other than 0; got {norm_type!r}")
    if math.isinf(norm_type):
        sign = math.copysign(1.0, norm_type)
        return sign * _max_pool(who, n, np.abs(as_value(x)) * sign, kernel, stride, 0, 1, ceil_mode)
    power = float(norm_type)

    def pool(x: Any) -> Any:
        steps = kernel if stride is None else per_axis(who, "stride", stride, n)
        borders = _borders(x.shape[2:], kernel, steps, (0,) * n, (1,) * n, ceil_mode)
        parts = ad.im2col(x, kernel, steps, borders)
        parts = np.reshape(parts, (*parts.shape[:2], math.prod(kernel), *parts.shape[2 + n :]))
        if power % 2 == 0:
            y = ad.linalg.norm(parts, power, axis=2)  # of plain arrays too: the same digits
        else:  # PyTorch's sum has signs
            total = np.sum(parts if power == 1 else parts**power, axis=2)
            y = total if power == 1 else np.where(total == 0, 0.0, total ** (1 / power))
        counts: Any = 1  # elements of a window; PyTorch scales the norm of a window beyond the end to a whole one
        for m, out, k, s in zip(x.shape[2:], y.shape[2:], kernel, steps, strict=True):
            counts = np.multiply.outer(counts, _divisors(m, out, k, s, 0, True))
        if np.all(counts == math.prod(kernel)):
            return y
        return y * ((math.prod(kernel) / counts) ** (1 / power)).astype(y.dtype)

    return each_image(who, x, n, pool)


def lp_pool1d(x: Any, norm_type: float, kernel_size: Sizes, stride: Any = None, ceil_mode: bool = False) -> Any:
    """Return the norm of each window, (sum of x^p)^(1/p) without absolute values. `torch.nn.functional.lp_pool1d`.

    x: (N, C, W) or (C, W). norm_type: p, a number other than 0; infinity for the largest absolute value. Odd p sum with
    signs, as in PyTorch; other p give NaN for negative x. stride: None for kernel_size. ceil_mode: whether a last
    window may reach beyond the end; its norm is that of a whole window with the same mean. The gradient where the sum
    is 0 is 0.

    >>> lp_pool1d(np.array([[3.0, 4.0, 0.0, 0.0]]), 2, 2)
    array([[5., 0.]])
    """
    return _lp_pool("lp_pool1d", 1, x, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(x: Any, norm_type: float, kernel_size: Sizes, stride: Any = None, ceil_mode: bool = False) -> Any:
    """Return the norm of each window. `torch.nn.functional.lp_pool2d`.

    x: (N, C, H, W) or (C, H, W). The rest as in `lp_pool1d`, an integer or one for each axis.

    >>> lp_pool2d(np.ones((1, 2, 2)), 2, 2)
    array([[[2.]]])
    """
    return _lp_pool("lp_pool2d", 2, x, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(x: Any, norm_type: float, kernel_size: Sizes, stride: Any = None, ceil_mode: bool = False) -> Any:
    """Return the norm of each window. `torch.nn.functional.lp_pool3d`.

    x: (N, C, D, H, W) or (C, D, H, W). The rest as in `lp_pool2d`.

    >>> lp_pool3d(np.ones((1, 2, 2, 2)), 1, 2)
    array([[[[8.]]]])
    """
    return _lp_pool("lp_pool3d", 3, x, norm_type, kernel_size, stride, ceil_mode)


def _boxes(who: str, n: int, spatial: Any, output_size: Any) -> tuple[tuple[int, ...], list[list[slice]]]:
    """Return the number of boxes of each axis, and their slices: box i of m along an axis of size n is
    [floor(i n / m), ceil((i + 1) n / m))."""
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * n
    if len(given) != n:
        raise ValueError(f"{who}: output_size must be an integer, None, or {n} of them; got {output_size!r}")
    requested = [s if m is None else m for s, m in zip(spatial, given, strict=True)]
    sizes = per_axis(who, "output_size", requested, n)
    boxes = [[slice(i * s // m, -(-(i + 1) * s // m)) for i in range(m)] for s, m in zip(spatial, sizes, strict=True)]
    return sizes, boxes


def _adaptive(who: str, n: int, x: Any, output_size: Any, reduce: Callable[..., Any]) -> Any:
    """Reduce each of output_size boxes."""

    def pool(x: Any) -> Any:
        sizes, boxes = _boxes(who, n, x.shape[2:], output_size)
        axes = tuple(range(2, 2 + n))
        if all([s % m == 0 for s, m in zip(x.shape[2:], sizes, strict=True)]):  # boxes of one size: no loop
            split = [part for s, m in zip(x.shape[2:], sizes, strict=True) for part in (m, s // m)]
            return reduce(np.reshape(x, (*x.shape[:2], *split)), axis=tuple(range(3, 3 + 2 * n, 2)))
        parts = [reduce(x[(slice(None), slice(None), *box)], axis=axes) for box in itertools.product(*boxes)]
        return np.reshape(np.stack(parts, axis=-1), (*x.shape[:2], *sizes))

    return each_image(who, x, n, pool)


def _adaptive_max(who: str, n: int, x: Any, output_size: Any, return_indices: bool) -> Any:
    """Return the largest element of each box, and with return_indices the index in its image of the first of them."""
    y = _adaptive(who, n, x, output_size, np.max)
    if not return_indices:
        return y

    def places(x: Any) -> Any:
        sizes, boxes = _boxes(who, n, x.shape[2:], output_size)
        image = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:])
        found = []
        for box in itertools.product(*boxes):
            first = np.argmax(x[(slice(None), slice(None), *box)].reshape(*x.shape[:2], -1), axis=-1)
            found.append(image[box].ravel()[first])
        return np.stack(found, axis=-1).reshape(*x.shape[:2], *sizes)

    return y, each_image(who, ad.plain(as_value(x)), n, places)


def adaptive_avg_pool1d(x: Any, output_size: Any) -> Any:
    """Return the means of output_size boxes that cover the axis. `torch.nn.functional.adaptive_avg_pool1d`.

    x: (N, C, W) or (C, W). Returns (N, C, output_size). Box i of m is [floor(i W / m), ceil((i + 1) W / m)).

    >>> adaptive_avg_pool1d(np.array([[1.0, 2.0, 3.0]]), 2)
    array([[1.5, 2.5]])
    """
    return _adaptive("adaptive_avg_pool1d", 1, x, output_size, np.mean)


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Any:
    """Return the means of output_size boxes that cover the image. `torch.nn.functional.adaptive_avg_pool2d`.

    x: (N, C, H, W) or (C, H, W). output_size: an integer, or one for each axis; None keeps the axis.

    >>> adaptive_avg_pool2d(np.arange(4.0).reshape(1, 2, 2), 1)
    array([[[1.5]]])
    """
    return _adaptive("adaptive_avg_pool2d", 2, x, output_size, np.mean)


def adaptive_avg_pool3d(x: Any, output_size: Any) -> Any:
    """Return the means of output_size boxes that cover the volume. `torch.nn.functional.adaptive_avg_pool3d`.

    x: (N, C, D, H, W) or (C, D, H, W). output_size: an integer, or one for each axis; None keeps the axis.

    >>> adaptive_avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 1)
    array([[[[3.5]]]])
    """
    return _adaptive("adaptive_avg_pool3d", 3, x, output_size, np.mean)


def adaptive_max_pool1d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of output_size boxes that cover the axis. `torch.nn.functional.adaptive_max_pool1d`.

    x: (N, C, W) or (C, W). The boxes are those of `adaptive_avg_pool1d`; equal elements share the gradient.
    return_indices: also return the index of each in its image, that of the first among equal ones.

    >>> adaptive_max_pool1d(np.array([[1.0, 2.0, 3.0]]), 2)
    array([[2., 3.]])
    """
    return _adaptive_max("adaptive_max_pool1d", 1, x, output_size, return_indices)


def adaptive_max_pool2d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of output_size boxes that cover the image. `torch.nn.functional.adaptive_max_pool2d`.

    x: (N, C, H, W) or (C, H, W). output_size: an integer, or one for each axis; None keeps the axis. return_indices: as
    in `adaptive_max_pool1d`.

    >>> adaptive_max_pool2d(np.arange(4.0).reshape(1, 2, 2), (1, None))
    array([[[2., 3.]]])
    """
    return _adaptive_max("adaptive_max_pool2d", 2, x, output_size, return_indices)


def adaptive_max_pool3d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Return the largest elements of output_size boxes that cover the volume.

    `torch.nn.functional.adaptive_max_pool3d`. x: (N, C, D, H, W) or (C, D, H, W). The rest as in `adaptive_max_pool2d`.

    >>> adaptive_max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), (2, 1, 1)).ravel()
    array([3., 7.])
    """
    return _adaptive_max("adaptive_max_pool3d", 3, x, output_size, return_indices)


class _MaxPool(Module):
    """Largest elements of windows; a subclass sets their number of axes."""

    _axes: int

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Any = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        _geometry(type(self).__name__, self._axes, kernel_size, stride, padding, dilation)
        self.return_indices = return_indices
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, x: Any) -> Any:
        """x: (N, C, *spatial) -> (N, C, *windows)."""
        geometry = self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        return _max_pool(type(self).__name__, self._axes, x, *geometry, self.return_indices)

    def picture_facts(self) -> ModuleFacts:
        """Return what `ad.draw` shows: the kernel."""
        return ModuleFacts(kernel=per_axis(type(self).__name__, "kernel_size", self.kernel_size, self._axes))

    def extra_repr(self) -> str:
        """Return the sizes, as far as they are not the defaults."""
        return _shown(self, padding=0, dilation=1, ceil_mode=False, return_indices=False)


def _shown(layer: Any, **defaults: Any) -> str:
    options = [(name, getattr(layer, name)) for name in defaults]
    given = [f"{name}={value}" for name, value in options if value != defaults[name]]
    return ", ".join([f"kernel_size={layer.kernel_size}, stride={layer.stride}", *given])


class MaxPool1d(_MaxPool):
    """Return the largest element of each window of one axis. `torch.nn.MaxPool1d`.

    kernel_size, stride (None: kernel_size), padding, dilation: integers. ceil_mode: whether a last window may reach
    beyond the end. x: (N, C, W) or (C, W). Equal elements share the gradient evenly.

    >>> import nn, numpy as np
    >>> nn.MaxPool1d(2)(np.array([[1.0, 3.0, 2.0, 0.0]]))
    array([[3., 2.]])
    """

    _axes = 1


class MaxPool2d(_MaxPool):
    """Return the largest element of each window of images. `torch.nn.MaxPool2d`.

    kernel_size, stride (None: kernel_size), padding, dilation: an integer, or one for each axis. ceil_mode: whether a
    last window may reach beyond the end. return_indices: also return the indices, for `MaxUnpool2d`.
    x: (N, C, H, W) or (C, H, W). Equal elements share the gradient evenly.

    >>> import nn, numpy as np
    >>> nn.MaxPool2d(2)(np.ones((5, 3, 8, 8))).shape
    (5, 3, 4, 4)
    """

    _axes = 2


class MaxPool3d(_MaxPool):
    """Return the largest element of each window of volumes. `torch.nn.MaxPool3d`.

    Arguments as in `MaxPool2d`. x: (N, C, D, H, W) or (C, D, H, W).

    >>> import nn, numpy as np
    >>> nn.MaxPool3d(2)(np.ones((5, 3, 4, 4, 4))).shape
    (5, 3, 2, 2, 2)
    """

    _axes = 3


class AvgPool1d(Module):
    """Return the mean of each window of one axis. `torch.nn.AvgPool1d`.

    kernel_size, stride (None: kernel_size), padding: integers. ceil_mode: whether a last window may reach beyond the
    end. count_include_pad: whether the mean counts the zeros of the border. x: (N, C, W) or (C, W).

    >>> import nn, numpy as np
    >>> nn.AvgPool1d(2)(np.array([[1.0, 3.0, 2.0, 0.0]]))
    array([[2., 1.]])
    """

    _axes = 1

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Any = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        _geometry(type(self).__name__, self._axes, kernel_size, stride, padding, 1)
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad
        self.divisor_override: int | None = None

    def forward(self, x: Any) -> Any:
        """x: (N, C, *spatial) -> (N, C, *windows)."""
        how = self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        return _avg_pool(type(self).__name__, self._axes, x, self.kernel_size, self.stride, *how)

    def picture_facts(self) -> ModuleFacts:
        """Return what `ad.draw` shows: the kernel."""
        return ModuleFacts(kernel=per_axis(type(self).__name__, "kernel_size", self.kernel_size, self._axes))

    def extra_repr(self) -> str:
        """Return the sizes, as far as they are not the defaults."""
        return _shown(self, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None)


class AvgPool2d(AvgPool1d):
    """Return the mean of each window of images. `torch.nn.AvgPool2d`.

    kernel_size, stride (None: kernel_size), padding: an integer, or one for each axis. ceil_mode, count_include_pad: as
    in `AvgPool1d`. divisor_override: another divisor of the sums. x: (N, C, H, W) or (C, H, W).

    >>> import nn, numpy as np
    >>> nn.AvgPool2d(3, stride=2, padding=1)(np.ones((5, 3, 8, 8))).shape
    (5, 3, 4, 4)
    """

    _axes = 2

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Any = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override


class AvgPool3d(AvgPool2d):
    """Return the mean of each window of volumes. `torch.nn.AvgPool3d`.

    Arguments as in `AvgPool2d`. x: (N, C, D, H, W) or (C, D, H, W).

    >>> import nn, numpy as np
    >>> nn.AvgPool3d(2)(np.ones((5, 3, 4, 4, 4))).shape
    (5, 3, 2, 2, 2)
    """

    _axes = 3


class LPPool1d(Module):
    """Return the norm of each window of one axis, (sum of x^p)^(1/p). `torch.nn.LPPool1d`.

    norm_type: p, see `nn.functional.lp_pool1d`. kernel_size, stride (None: kernel_size): integers. ceil_mode: whether a
    last window may reach beyond the end. x: (N, C, W) or (C, W).

    >>> import nn, numpy as np
    >>> nn.LPPool1d(2, 2)(np.array([[3.0, 4.0, 0.0, 0.0]]))
    array([[5., 0.]])
    """

    _axes = 1

    def __init__(self, norm_type: float, kernel_size: Sizes, stride: Any = None, ceil_mode: bool = False) -> None:
        _geometry(type(self).__name__, self._axes, kernel_size, stride, 0, 1)
        self.norm_type, self.kernel_size, self.ceil_mode = norm_type, kernel_size, ceil_mode
        self.stride = kernel_size if stride is None else stride

    def forward(self, x: Any) -> Any:
        """x: (N, C, *spatial) -> (N, C, *windows)."""
        sizes = self.kernel_size, self.stride, self.ceil_mode
        return _lp_pool(type(self).__name__, self._axes, x, self.norm_type, *sizes)

    def picture_facts(self) -> ModuleFacts:
        """Return what `ad.draw` shows: the kernel."""
        return ModuleFacts(kernel=per_axis(type(self).__name__, "kernel_size", self.kernel_size, self._axes))

    def extra_repr(self) -> str:
        """Return the power and the sizes."""
        return f"norm_type={self.norm_type}, {_shown(self, ceil_mode=False)}"


class LPPool2d(LPPool1d):
    """Return the norm of each window of images. `torch.nn.LPPool2d`.

    Arguments as in `LPPool1d`, sizes an integer or one for each axis. x: (N, C, H, W) or (C, H, W).

    >>> import nn, numpy as np
    >>> nn.LPPool2d(2, 2)(np.ones((5, 3, 8, 8))).shape
    (5, 3, 4, 4)
    """

    _axes = 2


class LPPool3d(LPPool1d):
    """Return the norm of each window of volumes. `torch.nn.LPPool3d`.

    Arguments as in `LPPool2d`. x: (N, C, D, H, W) or (C, D, H, W).

    >>> import nn, numpy as np
    >>> nn.LPPool3d(2, 2)(np.ones((5, 3, 4, 4, 4))).shape
    (5, 3, 2, 2, 2)
    """

    _axes = 3


class _AdaptiveAvgPool(Module):
    """The mean of each of a given number of boxes."""

    _axes: int

    def __init__(self, output_size: Any) -> None:
        self.output_size = output_size

    def forward(self, x: Any) -> Any:
        """x: (N, C, *spatial) -> (N, C, *output_size)."""
        return _adaptive(type(self).__name__, self._axes, x, self.output_size, np.mean)

    def extra_repr(self) -> str:
        """Return the number of boxes."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(Module):
    """The largest element of each of a given number of boxes."""

    _axes: int

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, x: Any) -> Any:
        """x: (N, C, *spatial) -> (N, C, *output_size)."""
        return _adaptive_max(type(self).__name__, self._axes, x, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        """Return the number of boxes."""
        return f"output_size={self.output_size}" + ", return_indices=True" * bool(self.return_indices)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Return the means of output_size boxes that cover the axis. `torch.nn.AdaptiveAvgPool1d`.

    x: (N, C, W) or (C, W), any W.

    >>> import nn, numpy as np
    >>> nn.AdaptiveAvgPool1d(2)(np.array([[1.0, 2.0, 3.0]]))
    array([[1.5, 2.5]])
    """

    _axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Return the means of output_size boxes that cover the image. `torch.nn.AdaptiveAvgPool2d`.

    output_size: an integer, or one for each axis; None keeps the axis. x: (N, C, H, W) or (C, H, W), any size.

    >>> import nn, numpy as np
    >>> nn.AdaptiveAvgPool2d((2, 1))(np.ones((5, 3, 7, 4))).shape
    (5, 3, 2, 1)
    """

    _axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Return the means of output_size boxes that cover the volume. `torch.nn.AdaptiveAvgPool3d`.

    output_size: as in `AdaptiveAvgPool2d`. x: (N, C, D, H, W) or (C, D, H, W), any size.

    >>> import nn, numpy as np
    >>> nn.AdaptiveAvgPool3d((2, 1, None))(np.ones((5, 3, 7, 4, 2))).shape
    (5, 3, 2, 1, 2)
    """

    _axes = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Return the largest elements of output_size boxes that cover the axis. `torch.nn.AdaptiveMaxPool1d`.

    x: (N, C, W) or (C, W), any W. return_indices: also return the index of each. Equal elements share the gradient
    evenly.

    >>> import nn, numpy as np
    >>> nn.AdaptiveMaxPool1d(2)(np.array([[1.0, 2.0, 3.0]]))
    array([[2., 3.]])
    """

    _axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Return the largest elements of output_size boxes that cover the image. `torch.nn.AdaptiveMaxPool2d`.

    output_size: an integer, or one for each axis; None keeps the axis. return_indices: also return the index of each,
    for `MaxUnpool2d`. x: (N, C, H, W) or (C, H, W), any size.

    >>> import nn, numpy as np
    >>> nn.AdaptiveMaxPool2d(2)(np.ones((5, 3, 7, 4))).shape
    (5, 3, 2, 2)
    """

    _axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Return the largest elements of output_size boxes that cover the volume. `torch.nn.AdaptiveMaxPool3d`.

    Arguments as in `AdaptiveMaxPool2d`. x: (N, C, D, H, W) or (C, D, H, W), any size.

    >>> import nn, numpy as np
    >>> nn.AdaptiveMaxPool3d(2)(np.ones((5, 3, 7, 4, 2))).shape
    (5, 3, 2, 2, 2)
    """

    _axes = 3
