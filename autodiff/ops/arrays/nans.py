"""Functions that leave NaNs out: each is the plain function of the array with the NaNs replaced.

A NaN contributes nothing and its gradient is zero: ``np.where`` does not take that branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...batching.ways import reduced
from ...errors import missing_argument
from ...other_arrays import as_array, beside
from ...registry import composite, op
from ...variable import plain
from ..axes import SAMPLES, Axis, back
from ..reduce import gap, share
from ..shape import operand

_NONE: Any = np._NoValue


def _given(keepdims: Any) -> bool:
    return False if keepdims is _NONE else bool(keepdims)


def _more(where: Any, initial: Any) -> dict[str, Any]:
    """Return those of the two arguments that were given."""
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
    """Return the product over axes without the NaNs (``np.nanprod``), whose gradient is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, np.nan, 3.0])
    >>> np.nanprod(x).backward(); x.grad
    array([3., 0., 2.])
    """
    return np.prod(_filled(a, 1.0), axis, dtype, out, keepdims=_given(keepdims), **_more(where, initial))


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running sums without the NaNs (``np.nancumsum``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, np.nan, 3.0])
    >>> np.nancumsum(x).data
    array([2., 2., 5.])
    """
    return np.cumsum(_filled(a, 0.0), axis, dtype, out)


def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running products without the NaNs (``np.nancumprod``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, np.nan, 3.0])
    >>> np.nancumprod(x).data
    array([2., 2., 6.])
    """
    return np.cumprod(_filled(a, 1.0), axis, dtype, out)


def _numbers(a: Any, where: Any) -> Any:
    """Return which elements count."""
    mask = ~np.isnan(plain(a))
    return mask if where is _NONE else mask & beside(plain(where), mask)


def nanmean(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = _NONE, *, where: Any = _NONE
) -> Any:
    """Return the mean over axes without the NaNs (``np.nanmean``), whose gradient is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, np.nan, 3.0])
    >>> np.nanmean(x).backward(); x.grad
    array([0.5, 0. , 0.5])
    """
    a = operand(a)
    return np.mean(_filled(a, 0.0), axis, dtype, out, _given(keepdims), where=_numbers(a, where))


def _of_dtype(y: Any, a: Any, dtype: Any) -> Any:
    kind = as_array(plain(a)).real.dtype
    return y if dtype is not None or y.dtype == kind else np.astype(y, kind)


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
    a, more = operand(a), {k: v for k, v in (("mean", mean), ("correction", correction)) if v is not _NONE}
    y = np.var(_filled(a, 0.0), axis, dtype, out, ddof, _given(keepdims), where=_numbers(a, where), **more)
    return _of_dtype(y, a, dtype)


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
    a, more = operand(a), {k: v for k, v in (("mean", mean), ("correction", correction)) if v is not _NONE}
    y = np.std(_filled(a, 0.0), axis, dtype, out, ddof, _given(keepdims), where=_numbers(a, where), **more)
    return _of_dtype(y, a, dtype)


def _nanmax(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.nanmax(a, axis=axis, out=out, keepdims=keepdims)  # another library has its own order of arguments


def _nanmin(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.nanmin(a, axis=axis, out=out, keepdims=keepdims)


def _share_of_numbers(g: Any, a: Any, y: Any, axis: Axis, keepdims: bool) -> Any:
    nothing = np.isnan(back(plain(y), axis, keepdims))  # all are NaN and left out
    return np.where(nothing, 0.0, share(g, a, np.where(np.isnan(plain(y)), 0.0, plain(y)), axis, keepdims))


def _more_of(name: str, larger: Any) -> Any:
    """Return the composite of nanmax, or nanmin, with a mask and a number to begin with."""

    def widened(
        a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False, initial: Any = _NONE, where: Any = _NONE
    ) -> Any:
        if initial is _NONE and where is not _NONE and where is not True:
            raise ValueError(f"np.{name}(where=...) needs initial=, the result for an empty mask.")
        a = a if where is _NONE else np.where(plain(where), a, np.nan)
        y = getattr(np, name)(a, axis, out, keepdims)
        return y if initial is _NONE else larger(y, initial)

    return widened


for _fn, _name, _word in ((_nanmax, "nanmax", "largest"), (_nanmin, "nanmin", "smallest")):
    op(
        _fn,
        name=_name,
        widened=_more_of(_name, np.fmax if _name == "nanmax" else np.fmin),
        batch=reduced,
        numpy=(getattr(np, _name),),
        inputs="a",
        vjp=lambda g, y, a, axis, keepdims: _share_of_numbers(g, a, y, axis, keepdims),
        kink=lambda a, axis=None, **_: gap(a, axis),
        selects=True,
        samples=SAMPLES,
        doc=f"Return the {_word} element over axes without the NaNs, whose gradient is zero; equal ones share evenly.",
    )


def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replace NaN and the infinities by numbers (``np.nan_to_num``); the gradient of replaced elements is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, np.nan, np.inf])
    >>> np.nan_to_num(x, posinf=9.0).sum().backward(); x.grad
    array([1., 0., 0.])
    """
    if not copy:
        raise missing_argument("nan_to_num", "copy")
    x = operand(x)
    if x.dtype.kind == "c":  # each part by itself, as in NumPy
        real, imag = (nan_to_num(part, True, nan, posinf, neginf) for part in (np.real(x), np.imag(x)))
        return real + 1j * imag
    limits = np.finfo(x.dtype)
    x_plain = plain(x)
    y = np.where(np.isnan(x_plain), nan, x)
    y = np.where(np.isposinf(x_plain), limits.max if posinf is None else posinf, y)
    y = np.where(np.isneginf(x_plain), limits.min if neginf is None else neginf, y)
    return y if y.dtype == x.dtype else np.astype(y, x.dtype)


for _function in (nansum, nanprod, nancumsum, nancumprod, nanmean, nanvar, nanstd, nan_to_num):
    composite(_function, numpy=(getattr(np, _function.__name__),))
