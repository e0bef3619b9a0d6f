"""Selections by conditions and labels: select, piecewise, choose, compress, extract, bincount; functions along axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...errors import kind_of, missing_argument
from ...other_arrays import as_array, numbers
from ...registry import composite
from ...variable import Scalar, Variable, plain
from ..index import scatter, setitem
from ..shape import operand
from .assemble import array


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Return at each place the choice of the first condition that holds, else the default (``np.select``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, -2.0])
    >>> np.select([x > 0], [x * x], default=-x).sum().backward(); x.grad
    array([ 2., -1.])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select needs as many conditions as choices; got {len(condlist)} and {len(choicelist)}.")
    conditions = [as_array(plain(c)) for c in condlist]
    for c in conditions:
        if c.dtype != np.bool_:
            raise TypeError(f"select needs boolean conditions; got {kind_of(c)}.")
    kind = np.result_type(*[plain(c) for c in choicelist], plain(default))
    shape = np.broadcast_shapes(*[np.shape(v) for v in (*conditions, *choicelist, default)])
    y = np.broadcast_to(default, shape)
    for condition, choice in zip(conditions[::-1], choicelist[::-1], strict=True):
        y = np.where(condition, choice, y)
    return y if y.dtype == kind else np.astype(y, kind)


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Return f(x) with another f for each condition (``np.piecewise``); of conditions that overlap the last counts.

    x: any shape. funclist: functions of the elements, or numbers; one more than conditions: the last is the default.
    Each function is given only the elements of its condition, so its values elsewhere do not matter.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([4.0, -2.0])
    >>> np.piecewise(x, [x > 0], [np.sqrt, lambda v: 0.0 * v]).sum().backward(); x.grad
    array([0.25, 0.  ])
    """
    for c in condlist if isinstance(condlist, list | tuple) else (condlist,):
        numbers(plain(c), "piecewise", "condlist")
    x, conditions = operand(x), plain(condlist)
    if np.isscalar(conditions) or (not isinstance(conditions[0], list | np.ndarray) and np.ndim(x) > 0):
        conditions = [conditions]
    conditions = [np.broadcast_to(np.asarray(plain(c), bool), np.shape(x)) for c in conditions]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(funclist) != len(conditions):
        raise ValueError(
            f"piecewise with {len(conditions)} conditions needs as many functions, or one more; got {len(funclist)}."
        )
    if isinstance(x, Scalar):
        taken = [f for condition, f in zip(conditions, funclist, strict=True) if condition]
        last = taken[-1] if taken else 0.0
        return last(x, *args, **kw) if callable(last) else np.where(False, x, last)
    y: Any = np.zeros(np.shape(x), x.dtype)
    for condition, f in zip(conditions, funclist, strict=True):
        if condition.any():
            y = setitem(y, f(x[condition], *args, **kw) if callable(f) else f, index=condition)
    if not isinstance(y, Variable):  # recorded for all values of x
        nowhere = np.zeros(np.shape(x), bool)
        y = setitem(y, x[nowhere], index=nowhere)
    return y


def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """Return at each place the element of the choice that the integer there names (``np.choose``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.choose([1, 0], [x, 10 * x]).sum().backward(); x.grad
    array([10.,  1.])
    """
    if out is not None:
        raise missing_argument("choose", "out")
    which = np.asarray(numbers(plain(a), "choose", "a"))
    if which.dtype.kind not in "biu":
        raise TypeError(f"choose needs integers that name the choices; got {kind_of(which)}.")
    which, *parts = np.broadcast_arrays(which, *choices)
    n = len(parts)
    if mode == "raise":
        if ((which < 0) | (which >= n)).any():
            raise ValueError(f"choose: there are {n} choices, and one of the integers is not from 0 to {n - 1}.")
    elif mode in ("wrap", "clip"):
        which = which % n if mode == "wrap" else np.clip(which, 0, n - 1)
    else:
        raise ValueError(f"choose: mode must be 'raise', 'wrap' or 'clip'; got {mode!r}.")
    return np.take_along_axis(np.stack(parts), which[None].astype(np.intp), axis=0)[0]


def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    """Return the slices along an axis where the condition holds (``np.compress``); axis None flattens.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> np.compress([True, False, True], x).sum().backward(); x.grad
    array([1., 0., 1.])
    """
    if out is not None:
        raise missing_argument("compress", "out")
    condition = np.asarray(numbers(plain(condition), "compress", "condition"))
    if condition.ndim != 1:
        raise ValueError(f"compress needs a condition of one axis; got {kind_of(condition)}.")
    return np.take(a, np.flatnonzero(condition), axis=axis)


def _compress_method(a: Any, condition: Any, axis: int | None = None, out: Any = None) -> Any:
    """Return the slices along an axis where the condition holds (``np.compress``)."""
    return compress(condition, a, axis, out)


def extract(condition: Any, arr: Any) -> Any:
    """Return the elements where the condition holds, in one axis (``np.extract``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> np.extract(x.data > 1, x).sum().backward(); x.grad
    array([0., 1., 1.])
    """
    return np.ravel(arr)[np.flatnonzero(numbers(plain(condition), "extract", "condition"))]


def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """Return the sums of the weights of each integer of x (``np.bincount``); recorded in the weights.

    >>> import autodiff as ad, numpy as np
    >>> w = ad.tensor([1.0, 2.0, 3.0])
    >>> np.bincount([0, 2, 0], weights=w).data
    array([4., 0., 2.])
    """
    x = np.asarray(numbers(plain(x), "bincount", "x"))
    counts = np.bincount(x, minlength=minlength)
    if weights is None:
        return counts
    if np.result_type(plain(weights)).kind == "c":
        raise TypeError("bincount: weights must be real. Write it for np.real(w) and for np.imag(w).")
    if np.shape(weights) != x.shape:
        raise ValueError(f"bincount: weights of shape {np.shape(weights)} do not fit {kind_of(x)}.")
    return scatter(weights, index=x, shape=counts.shape, dtype=np.float64)


def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the results of a function of each one-dimensional slice (``np.apply_along_axis``), recorded one by one.

    A function that takes an axis argument does the same much faster.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.apply_along_axis(lambda row: row @ row, 1, x).data
    array([ 5., 25.])
    """
    axis = normalize_axis_index(axis, np.ndim(arr))
    moved = np.moveaxis(arr, axis, -1)
    rest = np.shape(moved)[:-1]
    if 0 in rest:
        raise ValueError("apply_along_axis: there is no slice to apply the function to.")
    found = [func1d(moved[i], *args, **kwargs) for i in np.ndindex(*rest)]
    y = array([array(v) if isinstance(v, list | tuple) else v for v in found])
    inner = np.shape(y)[1:]
    y = np.reshape(y, rest + inner)  # the axes of the result stand where the slice was
    n = len(rest)
    return np.moveaxis(y, tuple(range(n, n + len(inner))), tuple(range(axis, axis + len(inner))))


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """Apply ``func(a, axis)`` to one axis after the other, each of which stays (``np.apply_over_axes``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.apply_over_axes(np.sum, x, [0, 1]).data
    array([[10.]])
    """
    n = np.ndim(a)
    for which in (axes,) if isinstance(axes, int | np.integer) else axes:
        axis = normalize_axis_index(int(which), n)
        y = func(a, axis)
        a = y if np.ndim(y) == np.ndim(a) else np.expand_dims(y, axis)
        if np.ndim(a) != n:
            raise ValueError("apply_over_axes: the function must return an array of as many axes, or of one less.")
    return a


composite(_compress_method, method="compress", public=False)
composite(choose, numpy=(np.choose,), method=True)
for _fn in (select, piecewise, compress, extract, bincount, apply_along_axis, apply_over_axes):
    composite(_fn, numpy=(getattr(np, _fn.__name__),))
