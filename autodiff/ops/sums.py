"""Sums inside rules: along a short last axis as a product with ones, which BLAS does in a tenth of the time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy import full  # by name: kept from one trace to the next, it must be a plain array

Axis = int | tuple[int, ...]
_SHORT = 1024  # NumPy adds longer rows in pairs, which rounds less


def sum_dtype(x: Any) -> Any:
    """Return the dtype to sum x in, None for its own: a float16 has no numbers beyond 65504."""
    return np.float32 if getattr(x, "dtype", None) == np.float16 else None


@lru_cache(maxsize=16)
def constants(size: int, value: float, dtype: Any) -> Any:
    """Return the number size times."""
    return full(size, value, dtype)


def kept_sum(x: Any, axis: Axis, dtype: Any = None) -> Any:
    """Return the sum over axes, which stay with length 1. dtype: to add in."""
    if _in_short_rows(x, axis):
        return np.matmul(x, constants(x.shape[-1], 1.0, x.dtype))[..., None]
    return np.sum(x, axis=axis, keepdims=True, dtype=dtype)


def kept_mean(x: Any, axis: Axis, dtype: Any = None) -> Any:
    """Return the mean over axes, which stay with length 1. dtype: to add in."""
    if _in_short_rows(x, axis):
        return kept_sum(x, axis) / x.shape[-1]
    return np.mean(x, axis=axis, keepdims=True, dtype=dtype)


def _in_short_rows(x: Any, axis: Axis) -> bool:
    return (
        x.__class__ is np.ndarray
        and (axis == -1 or axis == (-1,))
        and x.ndim > 1
        and 1 < x.shape[-1] <= _SHORT
        and x.dtype.char in "fd"
    )
