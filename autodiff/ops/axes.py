"""Parts shared by rows that reduce over axes: shapes before and after, counts, and a convention along an axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..other_arrays import is_foreign
from ..variable import Variable, plain
from .elementwise import convention

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


def settled_along(x: Any, at: Any, axis: Axis) -> Any:
    """Return x as ``settled`` does, for a reduction: where ``at``, a second derivative is NaN in every element that was
    reduced."""
    if not isinstance(x, Variable) or not (is_foreign(plain(at)) or np.any(at)):
        return x
    none = np.where(at, convention(x, at), 0.0)  # 0 everywhere, with the derivative NaN where at
    return x + np.sum(none, axis=axis, keepdims=True)
