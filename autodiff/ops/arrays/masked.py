"""Reductions with the arguments that few calls have: where=, initial=, mean= and correction=.

The rows in ``reduce`` name these functions as ``widened``: a call with one of those arguments comes here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import missing_argument
from ...variable import plain
from ..complex_numbers import squared_size
from ..norms import norm2
from ..shape import operand

NOT_GIVEN: Any = np._NoValue
Axis = int | tuple[int, ...] | None


def _kept(x: Any, where: Any, neutral: float) -> Any:
    return x if where is NOT_GIVEN or where is True else np.where(plain(where), x, neutral)


def keep_imaginary(name: str, x: Any, dtype: Any) -> None:
    """Refuse a real dtype for complex numbers: NumPy drops some imaginary parts before, and others after."""
    if dtype is not None and np.dtype(dtype).kind != "c" and np.result_type(plain(x)).kind == "c":
        kind = np.dtype(dtype)
        raise TypeError(f"{name}: dtype={kind} would drop imaginary parts. Leave dtype out, or write np.real(x).")


def sum_where(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = NOT_GIVEN,
    where: Any = NOT_GIVEN,
) -> Any:
    """Return ``np.sum`` of the elements where the mask holds, plus initial."""
    y = np.sum(_kept(x, where, 0.0), axis, dtype, out, keepdims)
    return y if initial is NOT_GIVEN else y + initial


def prod_where(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = NOT_GIVEN,
    where: Any = NOT_GIVEN,
) -> Any:
    """Return ``np.prod`` of the elements where the mask holds, times initial."""
    keep_imaginary("prod", x, dtype)
    y = np.prod(_kept(x, where, 1.0), axis, dtype, out, keepdims)
    return y if initial is NOT_GIVEN else y * initial


def max_where(
    x: Any,
    axis: Axis = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = NOT_GIVEN,
    where: Any = NOT_GIVEN,
    dtype: Any = None,
) -> Any:
    """Return ``np.max`` of the elements where the mask holds, and of initial."""
    x = x if dtype is None else np.astype(x, dtype)  # np.max of an array whose mask is a value is np.maximum.reduce
    return _extreme(np.max, np.maximum, -np.inf, x, axis, out, keepdims, initial, where)


def min_where(
    x: Any,
    axis: Axis = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = NOT_GIVEN,
    where: Any = NOT_GIVEN,
    dtype: Any = None,
) -> Any:
    """Return ``np.min`` of the elements where the mask holds, and of initial."""
    x = x if dtype is None else np.astype(x, dtype)  # np.min of an array whose mask is a value is np.minimum.reduce
    return _extreme(np.min, np.minimum, np.inf, x, axis, out, keepdims, initial, where)


def _extreme(
    reduce: Any, larger: Any, none: float, x: Any, axis: Axis, out: Any, keepdims: bool, initial: Any, where: Any
) -> Any:
    if initial is NOT_GIVEN or initial is None:
        if where is not NOT_GIVEN and where is not True:
            raise ValueError(f"np.{reduce.__name__}(where=...) needs initial=, the result for an empty mask.")
        return reduce(x, axis, out, keepdims)
    if np.size(x) == 0:
        return initial + np.sum(x, axis, keepdims=keepdims)
    return larger(reduce(_kept(x, where, none), axis, out, keepdims), initial)


def _count(x: Any, axis: Axis, keepdims: bool, where: Any) -> Any:
    mask = np.broadcast_to(plain(where) if where is not NOT_GIVEN else True, np.shape(x))
    return operand(np.sum(mask, axis=axis, keepdims=keepdims, dtype=_real(_wide(np.result_type(x)))))


def _real(dtype: Any) -> Any:
    return np.empty(0, dtype).real.dtype


def _wide(dtype: Any) -> Any:
    return np.result_type(dtype, np.float32)  # counts and squares of float16 are made in float32, as NumPy's are


def _cast(y: Any, dtype: Any) -> Any:
    return y if y.dtype == dtype else np.astype(y, dtype)


def mean_where(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    *,
    where: Any = NOT_GIVEN,
) -> Any:
    """Return ``np.mean`` of the elements where the mask holds; NaN of none."""
    if out is not None:
        raise missing_argument("mean", "out")
    kind = np.result_type(x) if dtype is None else np.dtype(dtype)
    total = np.sum(_kept(_cast(x, _wide(kind)), where, 0.0), axis=axis, keepdims=keepdims)
    return _cast(total / _count(x, axis, keepdims, where), kind)


def _deviations(
    name: str,
    x: Any,
    axis: Axis,
    dtype: Any,
    out: Any,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean: Any,
    correction: Any,
) -> tuple[Any, Any, Any]:
    """Return x minus its mean, 0 where the mask does not hold; the divisor; and the dtype of the result."""
    if out is not None:
        raise missing_argument(name, "out")
    if correction is not NOT_GIVEN:
        if ddof != 0:
            raise ValueError(f"{name}: ddof and correction are two names of one argument; give one.")
        ddof = correction
    keep_imaginary(name, x, dtype)
    given = [x] if mean is NOT_GIVEN else [x, mean]
    kind = np.result_type(*given) if dtype is None else np.dtype(dtype)
    x = _cast(x, _wide(kind))
    if mean is NOT_GIVEN:
        mean = mean_where(x, axis, keepdims=True, where=where)
        off = x - mean
        # one element alone is its own mean: the deviation is a constant 0, and no singular point of the root
        off = np.where(_count(x, axis, True, where) == 1, plain(off), off)
    else:
        off = x - mean
    n = _count(x, axis, keepdims, where)
    return _kept(off, where, 0.0), np.maximum(n - n.dtype.type(ddof), 0), _real(kind)


def var_where(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = NOT_GIVEN,
    mean: Any = NOT_GIVEN,
    correction: Any = NOT_GIVEN,
) -> Any:
    """Return ``np.var`` of the elements where the mask holds, about a mean that may be given and recorded."""
    off, n, kind = _deviations("var", x, axis, dtype, out, ddof, keepdims, where, mean, correction)
    return _cast(np.sum(squared_size(off), axis=axis, keepdims=keepdims) / n, kind)


def std_where(
    x: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = NOT_GIVEN,
    mean: Any = NOT_GIVEN,
    correction: Any = NOT_GIVEN,
) -> Any:
    """Return ``np.std`` of the elements where the mask holds; its derivative is 0 where it is 0."""
    off, n, kind = _deviations("std", x, axis, dtype, out, ddof, keepdims, where, mean, correction)
    return _cast(norm2(off, axis=axis, keepdims=keepdims) / np.sqrt(n), kind)
