"""Standardization, the row inside batch, layer, group and instance normalization: mean 0 and variance 1 over axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backward.sums import memory_order, sum_dtype, sum_in_memory
from ..batching.ways import reduced
from ..modes import one_call
from ..registry import op
from .axes import Axis, axes_of, count, kept_mean

_ROW = 512  # numbers for which one call of NumPy's inner loop costs little


def _standardize(x: Any, axis: Axis = -1, eps: float = 1e-5) -> Any:
    return _standardize_kept(x, axis, eps)[0]


def _standardize_kept(x: Any, axis: Axis, eps: float) -> tuple[Any, Any]:
    if _in_planes(x, axis):
        return _standardize_planes(x, axis, eps)
    y, scale = _centered_and_scale(x, axis, eps, sum_dtype(x))  # float16 sums overflow
    y *= scale
    return (y, scale) if y.dtype == x.dtype else (y.astype(x.dtype), scale.astype(x.dtype))


def _centered_and_scale(x: Any, axis: Axis, eps: float, dtype: Any = None) -> tuple[Any, Any]:
    y = x - kept_mean(x, axis, dtype)
    return y, 1.0 / np.sqrt(kept_mean(np.square(y), axis, dtype) + eps)


# ---- plain images, in the order of memory: channels are last after a convolution, and an inner loop would have few
def _in_planes(x: Any, axis: Axis) -> bool:
    last = axis == -1 or axis == (-1,)  # rows as they lie in memory
    return x.__class__ is np.ndarray and x.ndim > 2 and x.dtype.char in "fd" and not last


def _spread_rows(order: tuple[int, ...], *arrays: Any) -> tuple[Any, ...]:
    """Return arrays of equal shape and statistics of them (the reduced axes of length 1), both as they lie in memory,
    with the last axes joined to rows of ``_ROW`` numbers or more. Statistics that vary inside a row are copied."""
    shape = [arrays[0].shape[a] for a in order]
    first, width = len(shape), 1
    while first and width < _ROW:
        first -= 1
        width *= shape[first]
    joined = []
    for a in (a.transpose(order) for a in arrays):
        rest = a.shape[first:]
        if math.prod(rest) != 1 and list(rest) != shape[first:]:
            a = np.broadcast_to(a, (*a.shape[:first], *shape[first:]))
        joined.append(a.reshape(*a.shape[:first], math.prod(a.shape[first:])))
    return tuple(joined)


def _as_before(rows: Any, order: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    return rows.reshape([shape[a] for a in order]).transpose(np.argsort(order))


@one_call
def _standardize_planes(x: Any, axis: Axis, eps: float) -> tuple[Any, Any]:
    axes, n, order = axes_of(axis, x.ndim), count(x.shape, axis), memory_order(x)
    y = np.subtract(*_spread_rows(order, x, sum_in_memory(x, axes) / n))
    whole = _as_before(y, order, x.shape)
    scale = 1.0 / np.sqrt(sum_in_memory(np.square(whole), axes) / n + eps)
    y *= _spread_rows(order, whole, scale)[1]
    return whole, scale


@one_call
def _standardize_planes_vjp(g: Any, y: Any, scale: Any, axis: Axis) -> Any:
    axes, n, order = axes_of(axis, y.ndim), count(y.shape, axis), memory_order(y)
    along, mean = sum_in_memory(g * y, axes) / n, sum_in_memory(g, axes) / n
    g, rows, along, mean, scale = _spread_rows(order, g, y, along, mean, scale)
    d = rows * along
    d += mean
    np.subtract(g, d, out=d)
    d *= scale
    return _as_before(d, order, y.shape)


def _standardize_vjp(g: Any, y: Any, x: Any, kept: Any, axis: Axis, eps: float) -> Any:
    alike = g.__class__ is np.ndarray and g.dtype is y.dtype and g.shape == y.shape
    if kept is not None and alike and _in_planes(y, axis):
        return _standardize_planes_vjp(g, y, kept, axis)
    scale = _centered_and_scale(x, axis, eps)[1] if kept is None else kept
    along = kept_mean(g * y, axis)
    return scale * (g - kept_mean(g, axis) - y * along)


standardize = op(
    _standardize,
    name="standardize",
    batch=reduced,
    samples=(
        (((3, 4),), {}),
        (((4, 2, 3),), {"axis": (0, 2)}),
        (((2, 3),), {"axis": 0, "eps": 0.5}),
    ),
    keep=_standardize_kept,
    vjp=_standardize_vjp,
    reference=lambda x, axis=-1, eps=1e-5: (
        (x - np.mean(x, axis=axis, keepdims=True)) / np.sqrt(np.var(x, axis=axis, keepdims=True) + eps)
    ),
    doc="Return (x - mean) / sqrt(variance + eps) over axes, the variance divided by n (Ioffe and Szegedy 2015, "
    "https://arxiv.org/abs/1502.03167).",
)
