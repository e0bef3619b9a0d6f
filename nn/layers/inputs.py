"""Checks of a layer's arguments: its input, its axis, and sizes that are one number or one for each axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import extend

__all__ = ["as_input", "as_value", "axis_or_dim", "each_image", "per_axis"]


def as_input(x: Any, dtype: DTypeLike) -> Any:
    """Return a Tensor as it is, and anything else as an array; real numbers are cast to the parameters' dtype."""
    if isinstance(x, ad.Tensor):
        return x
    x = extend.as_array(x)
    return x if x.dtype is dtype or x.dtype == dtype or x.dtype.kind not in "fiub" else x.astype(dtype)


def beside(constant: Any, x: Any) -> Any:
    """Return NumPy's array for a calculation with x: as one of the library that the value of x is of."""
    return extend.beside(constant, ad.plain(x))


def as_value(x: Any) -> Any:
    """Return a graph value as it is, anything else as an array."""
    return x if isinstance(x, ad.Variable) else extend.as_array(x)


def axis_or_dim(who: str, axis: int | None, dim: int | None, default: int | None = None) -> int:
    """Return the axis, given as `axis` or as PyTorch's `dim`. Raise TypeError for both, or for none and no default."""
    if axis is not None and dim is not None:
        raise TypeError(f"{who}: axis={axis} and dim={dim} are two names of one argument; give one")
    found = axis if dim is None else dim
    found = default if found is None else found
    if found is None:
        raise TypeError(f"{who}: which axis? write axis=1, or dim=1 as in PyTorch")
    return found


def per_axis(who: str, name: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """Return n integers from one integer or from n of them. Raise ValueError for anything else."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * n
    right = [isinstance(v, int | np.integer) and not isinstance(v, bool) and v >= least for v in values]
    if len(values) != n or not all(right):
        raise ValueError(f"{who}: {name} must be an integer >= {least}, or {n} of them; got {value!r}")
    return tuple([int(v) for v in values])


def each_image(who: str, x: Any, n: int, function: Callable[[Any], Any]) -> Any:
    """Return function(x) for a batch x (N, C, *spatial) with n spatial axes, or for one image (C, *spatial)."""
    x = as_value(x)
    if x.ndim == n + 1:
        return function(x[None])[0]
    if x.ndim != n + 2:
        raise ValueError(f"{who} needs x of shape (N, C, {', '.join('DHW'[-n:])}), or without N; got shape {x.shape}")
    return function(x)
