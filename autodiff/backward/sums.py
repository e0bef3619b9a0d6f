"""Sums over axes of plain arrays whose order in memory is not that of their axes: a convolution's (N, C, H, W) has its
channels last."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import full  # by name: kept from one trace to the next, it must give plain arrays

from ..modes import one_call

_RUN = 1024  # rows that are added one after the other at most, before their sums are
WIDTH = 1024  # numbers in a row: longer ones NumPy adds as fast, and in pairs, which rounds less


@lru_cache(maxsize=32)
def filled(shape: tuple[int, ...], value: float, dtype: Any) -> Any:
    """Return an array of one number, which all share, and which is therefore read-only."""
    made = full(shape, value, dtype)
    made.flags.writeable = False
    return made


def sum_short_rows(x: Any) -> Any:
    """Return the sum along the last axis, which stays with length 1, as a product with ones: BLAS makes it in a tenth
    of the time of NumPy's sum."""
    return np.matmul(x, filled(x.shape[-1:], 1.0, x.dtype))[..., None]


def sum_dtype(x: Any) -> Any:
    """Return the dtype in which numbers of x are added, None for their own: in float16, 4,096 ones make 2,048."""
    return np.float32 if getattr(x, "dtype", None) == np.float16 else None


def memory_order(x: Any) -> tuple[int, ...]:
    """Return the axes of a plain array, the one with the longest steps in memory first."""
    steps = x.strides
    return tuple(sorted(range(x.ndim), key=lambda a: -abs(steps[a]) if x.shape[a] > 1 else 0))


@one_call
def sum_in_memory(x: Any, axes: tuple[int, ...]) -> Any:
    """Return the sum of a plain array over axes (numbers from 0), which stay with length 1.

    NumPy's inner loop would have one number for each channel. Here the rows of channels are added by a product with
    ones, which BLAS makes in a tenth of the time or less, and NumPy adds what is left.
    """
    if x.ndim < 3 or x.dtype.char not in "fd" or not x.size or (x.flags.c_contiguous and x.ndim - 1 in axes):
        if axes == (x.ndim - 1,) and 1 < x.shape[-1] <= WIDTH and x.dtype.char in "fd":
            return sum_short_rows(x)
        return np.sum(x, axis=axes, keepdims=True, dtype=sum_dtype(x))
    order = memory_order(x)
    rows = x.transpose(order)
    run = _run(rows.shape, [a in axes for a in order])
    if run is None or not rows.flags.c_contiguous:
        return np.sum(x, axis=axes, keepdims=True)
    start, stop = run
    before, n, after = (math.prod(part) for part in (rows.shape[:start], rows.shape[start:stop], rows.shape[stop:]))
    sums = np.matmul(filled((n,), 1.0, x.dtype), rows.reshape(before, n, after))
    sums = sums.reshape(*rows.shape[:start], *[1] * (stop - start), *rows.shape[stop:]).transpose(np.argsort(order))
    left = tuple([a for a in axes if sums.shape[a] > 1])
    return np.sum(sums, axis=left, keepdims=True) if left else sums


def _run(shape: tuple[int, ...], summed: list[bool]) -> tuple[int, int] | None:
    """Return the neighbouring axes (start, stop), all summed, that have short rows after them; None without such."""
    stop, width = len(shape), 1
    while stop and (width == 1 or not summed[stop - 1]):  # the last axes, and at least one that stays
        stop -= 1
        width *= shape[stop]
    start, n = stop, 1
    while start and summed[start - 1] and n < _RUN:
        start -= 1
        n *= shape[start]
    return (start, stop) if n >= 8 and width <= WIDTH else None


def moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the mean and the variance (divisor n) of a plain array over axes (numbers from 0), in its order of memory.

    x: any shape, not empty. `np.mean` and `np.var`, in a fraction of their time where x has its channels last.

    >>> import autodiff as ad, numpy as np
    >>> ad.extend.moments(np.array([[1.0, 5.0], [3.0, 5.0]]), (0,))
    (array([2., 5.]), array([1., 0.]))
    """
    if x.__class__ is not np.ndarray or x.dtype.char not in "fd":
        return np.mean(x, axis=axes), np.var(x, axis=axes)
    return _moments(x, axes)


@one_call
def _moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    n = math.prod(x.shape[a] for a in axes)
    mean = sum_in_memory(x, axes) / n
    off = x - mean
    np.square(off, out=off)
    return mean.squeeze(axes), (sum_in_memory(off, axes) / n).squeeze(axes)
