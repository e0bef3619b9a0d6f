"""Standardization, the row inside batch, layer, group and instance normalization: mean 0 and variance 1 over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..batching.ways import reduced
from ..registry import op
from .axes import Axis, kept_mean, sum_dtype


def _standardize(x: Any, axis: Axis = -1, eps: float = 1e-5) -> Any:
    return _standardize_kept(x, axis, eps)[0]


def _standardize_kept(x: Any, axis: Axis, eps: float) -> tuple[Any, Any]:
    y, scale = _centered_and_scale(x, axis, eps, sum_dtype(x))  # float16 sums overflow
    y *= scale
    return (y, scale) if y.dtype == x.dtype else (y.astype(x.dtype), scale.astype(x.dtype))


def _centered_and_scale(x: Any, axis: Axis, eps: float, dtype: Any = None) -> tuple[Any, Any]:
    y = x - kept_mean(x, axis, dtype)
    return y, 1.0 / np.sqrt(kept_mean(np.square(y), axis, dtype) + eps)


def _standardize_vjp(g: Any, y: Any, x: Any, kept: Any, axis: Axis, eps: float) -> Any:
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
