"""Functions that leave NaNs out: each is its own plain kin of the array with the NaNs replaced.

A NaN contributes nothing and its gradient is zero: ``np.where`` does not take that branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import missing_argument
from ...registry import composite, op
from ...variable import plain
from ..linalg import norm2
from ..reduce import SAMPLES, Axis, back, gap, share
from ..shape import operand

_NONE: Any = np._NoValue


def _given(keepdims: Any) -> bool:
    return False if keepdims is _NONE else bool(keepdims)


def _more(where: Any, initial: Any) -> dict[str, Any]:
    """Those of the two arguments that were given."""
    return {k: v for k, v in (("where", where), ("initial", initial)) if v is not _NONE}


def _filled(a: Any, value: float) -> Any:
    return np.where(np.isnan(a), value, a)


def nansum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _NONE,
    initial: Any = _NONE,
    where: Any = _NONE,
) -> Any:
    """Return the sum over axes without the NaNs (``np.nansum``), whose gradient is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, np.nan])
    >>> np.nansum(x).backward(); x.grad
    array([1., 0.])
    """
    return np.sum(_filled(a, 0.0), axis, dtype, out, keepdims=_given(keepdims), **_more(where, initial))


def nanprod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = _NONE,
    initial: Any = _NONE,
    where: Any = _NONE,
) -> Any:
    """Return the product over axes without the NaNs (``np.nanprod``), whose gradient is zero."""
    return np.prod(_filled(a, 1.0), axis, dtype, out, keepdims=_given(keepdims), **_more(where, initial))


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running sums without the NaNs (``np.nancumsum``)."""
    return np.cumsum(_filled(a, 0.0), axis, dtype, out)


def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running products without the NaNs (``np.nancumprod``)."""
    return np.cumprod(_filled(a, 1.0), axis, dtype, out)


def _counted(a: Any, axis: Axis, where: Any) -> tuple[Any, Any]:
    """Which elements count, and how many they are along the axes, which stay."""
    counts = ~np.isnan(plain(a))
    if where is not _NONE:
        counts = counts & plain(where)
    kind = np.result_type(a.dtype, np.float32)
    return counts, np.sum(counts, axis=axis, keepdims=True, dtype=kind)


def _dropped(y: Any, axis: Axis, keepdims: Any) -> Any:
    return y if _given(keepdims) else np.reshape(y, ()) if axis is None else np.squeeze(y, axis)


def _mean_kept(a: Any, axis: Axis, where: Any) -> tuple[Any, Any, Any]:
    counts, n = _counted(a, axis, where)
    return np.sum(np.where(counts, a, 0.0), axis=axis, keepdims=True) / n, counts, n


def nanmean(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, *, where: Any = _NONE
) -> Any:
    """Return the mean over axes without the NaNs (``np.nanmean``), whose gradient is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, np.nan, 3.0])
    >>> np.nanmean(x).backward(); x.grad
    array([0.5, 0. , 0.5])
    """
    _refuse_out("nanmean", out)
    a = operand(a)
    mean, _, _ = _mean_kept(_cast(a, dtype), axis, where)
    return _cast(_dropped(mean, axis, keepdims), a.dtype if dtype is None else dtype)


def _cast(a: Any, dtype: Any) -> Any:
    return a if dtype is None or np.result_type(a) == dtype else np.astype(a, dtype)


def _refuse_out(name: str, out: Any) -> None:
    if out is not None:
        raise missing_argument(name, "out")


def _deviations(a: Any, axis: Axis, where: Any, ddof: float, mean: Any) -> tuple[Any, Any]:
    """a minus its mean, 0 where an element does not count; and the divisor, NaN where nothing is left."""
    kept, counts, n = _mean_kept(a, axis, where)
    n = n - n.dtype.type(ddof)
    return np.where(counts, a - (kept if mean is _NONE else mean), 0.0), np.where(n > 0, n, n.dtype.type(np.nan))


def nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = _NONE,
    *,
    where: Any = _NONE,
    mean: Any = _NONE,
    correction: Any = _NONE,
) -> Any:
    """Return the variance over axes without the NaNs (``np.nanvar``), whose gradient is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, np.nan, 3.0])
    >>> np.nanvar(x).backward(); x.grad
    array([-1.,  0.,  1.])
    """
    _refuse_out("nanvar", out)
    ddof = ddof if correction is _NONE else correction
    a = operand(a)
    kind = a.dtype if dtype is None else dtype
    off, n = _deviations(_cast(a, dtype), axis, where, ddof, mean)
    return _cast(_dropped(np.sum(np.square(off), axis=axis, keepdims=True) / n, axis, keepdims), kind)


def nanstd(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = _NONE,
    *,
    where: Any = _NONE,
    mean: Any = _NONE,
    correction: Any = _NONE,
) -> Any:
    """Return the standard deviation over axes without the NaNs (``np.nanstd``), whose gradient is zero; where it is 0,
    so is its derivative.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, np.nan, 3.0])
    >>> np.nanstd(x).backward(); x.grad
    array([-0.5,  0. ,  0.5])
    """
    _refuse_out("nanstd", out)
    ddof = ddof if correction is _NONE else correction
    a = operand(a)
    kind = a.dtype if dtype is None else dtype
    off, n = _deviations(_cast(a, dtype), axis, where, ddof, mean)
    return _cast(_dropped(norm2(off, axis=axis, keepdims=True) / np.sqrt(n), axis, keepdims), kind)


def _nanmax(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.nanmax(a, axis, out, keepdims)


def _nanmin(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.nanmin(a, axis, out, keepdims)


def _share_of_numbers(g: Any, a: Any, y: Any, axis: Axis, keepdims: bool) -> Any:
    nothing = np.isnan(back(plain(y), axis, keepdims))  # nothing but NaNs, all left out
    return np.where(nothing, 0.0, share(g, a, np.where(np.isnan(plain(y)), 0.0, plain(y)), axis, keepdims))


for _fn, _name, _word in ((_nanmax, "nanmax", "largest"), (_nanmin, "nanmin", "smallest")):
    op(
        _fn,
        name=_name,
        numpy=(getattr(np, _name),),
        inputs="a",
        vjp=lambda g, y, a, axis, keepdims: _share_of_numbers(g, a, y, axis, keepdims),
        kink=lambda a, axis=None, **_: gap(a, axis),
        samples=SAMPLES,
        doc=f"The {_word} over axes without the NaNs (``np.{_name}``), whose gradient is zero; ties share evenly.",
    )


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replace NaN and the infinities by numbers (``np.nan_to_num``); the gradient of what was replaced is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, np.nan, np.inf])
    >>> np.nan_to_num(x, posinf=9.0).sum().backward(); x.grad
    array([1., 0., 0.])
    """
    if not copy:
        raise missing_argument("nan_to_num", "copy")
    x = operand(x)
    limits = np.finfo(x.dtype)
    x_plain = plain(x)
    y = np.where(np.isnan(x_plain), nan, x)
    y = np.where(np.isposinf(x_plain), limits.max if posinf is None else posinf, y)
    y = np.where(np.isneginf(x_plain), limits.min if neginf is None else neginf, y)
    return _cast(y, x.dtype)


for _function in (nansum, nanprod, nancumsum, nancumprod, nanmean, nanvar, nanstd, nan_to_num):
    composite(_function, numpy=(getattr(np, _function.__name__),))
