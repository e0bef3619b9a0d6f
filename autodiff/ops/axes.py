"""Parts shared by rows that reduce over axes: shapes before and after, counts, sums and products."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy import arange, matmul  # by name: ``arange`` and ``full``, kept between traces, must be plain arrays
from numpy.lib.array_utils import normalize_axis_tuple

from ..backward.sums import WIDTH, sum_short_rows
from ..variable import plain

Axis = int | tuple[int, ...] | None

SAMPLES: tuple[Any, ...] = (
    (((3, 4),), {}),
    (((3, 4),), {"axis": 0}),
    (((2, 3, 2),), {"axis": (0, -1)}),
    (((2, 3),), {"axis": -1, "keepdims": True}),
    (((),), {}),
    (((4,),), {"axis": 0}),
)


def back(g: Any, axis: Axis, keepdims: bool) -> Any:
    """Return g with the reduced axes there again, of length 1."""
    return g if axis is None or keepdims else np.expand_dims(g, axis)


def spread(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """Return g repeated over the axes that were reduced."""
    return np.broadcast_to(back(g, axis, keepdims) if shape else g, shape)  # NumPy reduces () along axis 0, too


def flat_last(x: Any, axis: Axis) -> Any:
    """Return x with the reduced axes as one, the last: (*rest, n)."""
    axes = axes_of(axis, np.ndim(x))
    order = tuple(a for a in range(np.ndim(x)) if a not in axes) + axes
    moved = np.transpose(x, order)
    rest = moved.shape[: len(order) - len(axes)]
    return np.reshape(moved, (*rest, math.prod(moved.shape[len(rest) :])))


def from_flat(y: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """Undo ``flat_last``: return y: (*rest, n) in the given shape."""
    axes = axes_of(axis, len(shape))
    order = tuple(a for a in range(len(shape)) if a not in axes) + axes
    return np.transpose(np.reshape(y, tuple(shape[a] for a in order)), tuple(int(i) for i in np.argsort(order)))


def axes_of(axis: Axis, n: int) -> tuple[int, ...]:
    """Return the reduced axes as numbers from 0."""
    return tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n)


def wide(g: Any) -> Any:
    """Return g, of float16 as float32: counts from 65,520 on are infinite in float16. The walk casts back."""
    return np.astype(g, np.float32) if getattr(g, "dtype", None) == np.float16 else g


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """Return how many elements went into each result."""
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod(shape[a] for a in axes)


# ---- sums and products inside rules
def kept_sum(x: Any, axis: Axis, dtype: Any = None) -> Any:
    """Return the sum over axes, which stay with length 1. dtype: to add in, where the rows are not short ones of
    float32 or float64."""
    if _in_short_rows(x, axis):
        return sum_short_rows(x)
    return np.sum(x, axis=axis, keepdims=True, dtype=dtype)


@lru_cache(maxsize=4)
def row_starts(size: int, columns: int) -> Any:
    """Return where the rows of a matrix of that size begin."""
    return arange(0, size, columns)


def kept_max(x: Any, axis: Axis) -> Any:
    """Return the maximum over axes, which stay with length 1. Along a short last axis it is looked up at argmax, which
    takes half the time of NumPy's maximum, a fifth for ten columns."""
    if not _in_short_rows(x, axis) or not x.size:
        return np.max(x, axis=axis, keepdims=True)
    rows = x.reshape(-1, x.shape[-1])
    at = rows.argmax(axis=-1) + row_starts(x.size, x.shape[-1])
    return rows.reshape(-1)[at].reshape(*x.shape[:-1], 1)


def kept_mean(x: Any, axis: Axis, dtype: Any = None) -> Any:
    """Return the mean over axes, which stay with length 1. dtype: to add in."""
    if _in_short_rows(x, axis):
        return kept_sum(x, axis) / x.shape[-1]
    return np.mean(x, axis=axis, keepdims=True, dtype=dtype)


def _in_short_rows(x: Any, axis: Axis) -> bool:
    return (
        plain(x).__class__ is np.ndarray
        and (axis == -1 or axis == (-1,))
        and x.ndim > 1
        and 1 < x.shape[-1] <= WIDTH
        and x.dtype.char in "fd"
    )


def rows_times(x: Any, matrix: Any) -> Any:
    """Return x @ matrix, (..., n) times (n, m), as one product. NumPy's own makes one for each matrix of a stack, which
    takes 1.5 times as long (16 of 64 x 128)."""
    if x.ndim < 3:
        return matmul(x, matrix)
    flat = np.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
    return np.reshape(np.matmul(flat, matrix), (*x.shape[:-1], matrix.shape[-1]))
