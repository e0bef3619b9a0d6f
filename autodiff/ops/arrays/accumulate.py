"""Running sums, products and extremes; and the methods of NumPy's ufuncs: reduce, accumulate, outer, reduceat.

``np.add.accumulate`` and its like are rows where a rule is shorter than the loop, and otherwise a loop of the ufunc
along the axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...batching.ways import along
from ...errors import MissingRuleError, kind_of, missing_argument
from ...other_arrays import is_foreign
from ...registry import DISPATCH, composite, op
from ...registry.singular_points import Point
from ...variable import PLAIN, plain
from ..axes import wide
from ..norms import norm2
from ..reduce import logsumexp
from .runs import first_of_run, running, sums_from


def _cumsum(x: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    return np.cumsum(x, axis, dtype, out)


def _cumsum_vjp(g: Any, x_shape: tuple[int, ...], axis: int | None) -> Any:
    along = 0 if axis is None else axis
    return np.reshape(np.flip(np.cumsum(np.flip(g, along), axis=along), along), x_shape)


cumsum = op(
    _cumsum,
    name="cumsum",
    batch=along,
    numpy=(np.cumsum,),
    method=True,
    linear=True,
    vjp=_cumsum_vjp,
    samples=((((3, 4),), {}), (((3, 4),), {"axis": 0}), (((2, 3),), {"axis": -1})),
    doc="Return the running sum along an axis; axis None flattens.",
    complex=True,
)


def cumprod(x: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Return running products (``np.cumprod``); axis None flattens. They are made of products of neighbours, so zeros
    are right at any order.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, 0.0, 3.0])
    >>> np.cumprod(x).sum().backward(); x.grad
    array([1., 8., 0.])
    """
    if out is not None:
        raise missing_argument("cumprod", "out")
    x = x if hasattr(x, "dtype") else np.asarray(x)
    if dtype is None and x.dtype.kind in "biu":
        dtype = np.cumprod(np.zeros(0, x.dtype)).dtype  # small integers become NumPy's default ones
    x = x if dtype is None else np.astype(x, dtype)
    if np.ndim(x) == 0 and axis in (0, -1):  # NumPy's result has shape (1,)
        axis = None
    y = np.reshape(x, -1) if axis is None else np.moveaxis(x, axis, -1)
    step = 1
    while step < np.shape(y)[-1]:
        y = np.concatenate([y[..., :step], y[..., step:] * y[..., :-step]], axis=-1)
        step *= 2
    return y if axis is None else np.moveaxis(y, -1, axis)


# ---- running extremes: between two rises the largest so far is one number, which its equals share
def _running_vjp(g: Any, y: Any, x: Any, axis: int) -> Any:
    g, y, x = (np.moveaxis(v, axis, -1) for v in (g, plain(y), plain(x)))
    same = y[..., 1:] == y[..., :-1]
    holds = x == y
    total = np.cumsum(holds, axis=-1)
    before = first_of_run(total - holds, same)  # of earlier runs
    ties = (total - before).astype(np.result_type(y.dtype, np.float32))
    return np.moveaxis(sums_from(wide(g) / ties, same) * holds, -1, axis)


def _running_max(x: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    return running(np.maximum, x, axis) if is_foreign(x) else np.maximum.accumulate(x, axis, dtype)


def _running_min(x: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    return running(np.minimum, x, axis) if is_foreign(x) else np.minimum.accumulate(x, axis, dtype)


def _running_gap(x: Any, axis: int = 0, **_: Any) -> Any:
    ranked = np.sort(x, axis=axis)
    return np.diff(ranked, axis=axis) if ranked.shape[axis] > 1 else np.inf


for _fn, _ufunc, _word in ((_running_max, np.maximum, "largest"), (_running_min, np.minimum, "smallest")):
    op(
        _fn,
        name=f"{_ufunc.__name__}.accumulate",
        batch=along,
        numpy=((_ufunc, "accumulate"),),
        public=False,
        vjp=lambda g, y, x, axis: _running_vjp(g, y, x, axis),
        kink=_running_gap,
        selects=True,
        samples=((((4,),), {}), (((3, 2),), {}), (((2, 3),), {"axis": -1})),
        doc=f"Return the {_word} so far along an axis (``np.{_ufunc.__name__}.accumulate``); equal ones share evenly.",
    )


# ---- the Array API's names
def _cumulative(name: str, running: Callable[..., Any], first: float) -> Callable[..., Any]:
    def cumulative(
        x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Any:
        if axis is None and np.ndim(x) > 1:
            raise ValueError(f"{name}: an array of {np.ndim(x)} axes needs axis=.")
        axis = 0 if axis is None else axis
        y = running(x, axis=axis, dtype=dtype, out=out)
        if not include_initial:
            return y
        shape = list(np.shape(y))
        shape[axis] = 1
        return np.concatenate([np.full(shape, first, y.dtype), y], axis=axis)

    cumulative.__name__ = name
    what, last = ("sum", 6.0) if first == 0 else ("product", 8.0)
    cumulative.__doc__ = f"""Return the running {what} along an axis (``np.{name}``).

    include_initial puts a {first:g} before it.

    >>> import autodiff as ad, numpy as np
    >>> np.{name}(ad.tensor([2.0, 4.0]), include_initial=True).tolist()
    [{first}, 2.0, {last}]
    """
    return cumulative


cumulative_sum = _cumulative("cumulative_sum", cumsum, 0.0)
cumulative_prod = _cumulative("cumulative_prod", cumprod, 1.0)
for _fn in (cumulative_sum, cumulative_prod):  # from NumPy 2.1 on
    composite(_fn, numpy=tuple(f for f in (getattr(np, _fn.__name__, None),) if f))
composite(
    cumprod,
    numpy=(np.cumprod,),
    method=True,
    points=(Point(([2.0, 0.0, 3.0],), ([1.0, 8.0, 0.0],), "limit"),),
)


# ---- methods of ufuncs
def _reduced(ufunc: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the ufunc between all elements along an axis, from the first on."""
    if not isinstance(axis, int | np.integer):
        axes = tuple(range(np.ndim(x))) if axis is None else tuple(axis)
        if len(axes) != 1:
            raise ValueError(f"np.{ufunc.__name__}.reduce goes along one axis; got axis={axis}.")
        (axis,) = axes
    rows = np.moveaxis(x, axis, 0)
    if not len(rows):
        if ufunc.identity is None and ufunc is not np.logaddexp2:
            raise ValueError(f"np.{ufunc.__name__}.reduce of no elements has no value.")
        return np.sum(x, axis=axis, keepdims=keepdims) + (-np.inf if ufunc is np.logaddexp2 else ufunc.identity)
    y = rows[0]
    for row in rows[1:]:
        y = ufunc(y, row)
    return np.expand_dims(y, axis) if keepdims else y


_NEUTRAL = {np.fmax: np.nan, np.fmin: np.nan, np.logaddexp: -np.inf, np.logaddexp2: -np.inf, np.hypot: 0.0}


def _of_reduce(ufunc: Any) -> Callable[..., Any]:
    whole = {np.logaddexp: logsumexp, np.hypot: norm2}.get(ufunc)  # one row in place of the loop

    def reduce(
        x: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        if ufunc is np.hypot and np.iscomplexobj(plain(x)):
            raise TypeError(f"hypot takes real numbers; got {kind_of(x)}. Write np.hypot.reduce(np.abs(x)).")
        masked = not (where is True or where is np._NoValue)
        if masked and ufunc not in _NEUTRAL:
            _refuse(f"{ufunc.__name__}.reduce", where=where)
        _refuse(f"{ufunc.__name__}.reduce", out=out)
        x = x if dtype is None else np.astype(x, dtype)
        x = np.where(plain(where), x, _NEUTRAL[ufunc]) if masked else x
        row = whole if np.size(x) or ufunc is np.hypot else None
        y = row(x, axis=axis, keepdims=keepdims) if row else _reduced(ufunc, x, axis, keepdims)
        return y if initial is None or initial is np._NoValue else ufunc(initial, y)

    return reduce


def _of_accumulate(ufunc: Any) -> Callable[..., Any]:
    def accumulate(x: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        _refuse(f"{ufunc.__name__}.accumulate", out=out)
        x = x if dtype is None else np.astype(x, dtype)
        if ufunc is np.add:
            return cumsum(x, axis=axis)
        if ufunc is np.multiply:
            return cumprod(x, axis=axis)
        rows = np.moveaxis(x, axis, 0)
        found = [rows[0]] if len(rows) else []
        for row in rows[1:]:
            found.append(ufunc(found[-1], row))
        return np.moveaxis(np.stack(found), 0, axis) if found else x

    return accumulate


def _of_outer(ufunc: Any) -> Callable[..., Any]:
    def outer(a: Any, b: Any, **kwargs: Any) -> Any:
        _refuse(f"{ufunc.__name__}.outer", **kwargs)
        return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)

    return outer


def _of_reduceat(ufunc: Any) -> Callable[..., Any]:
    def reduceat(x: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        _refuse(f"{ufunc.__name__}.reduceat", out=out)
        x = x if dtype is None else np.astype(x, dtype)
        rows = np.moveaxis(x, normalize_axis_index(axis, np.ndim(x)), 0)
        starts = [int(i) for i in plain(indices)]
        outside = [i for i in starts if not 0 <= i < len(rows)]
        if outside:
            raise IndexError(
                f"np.{ufunc.__name__}.reduceat: index {outside[0]} is out of bounds for axis {axis} of {kind_of(x)}."
            )
        if not starts:
            return np.moveaxis(rows[:0], 0, axis)
        stops = [*starts[1:], len(rows)]
        pieces = [ufunc.reduce(rows[i : max(j, i + 1)], axis=0) for i, j in zip(starts, stops, strict=True)]
        return np.moveaxis(np.stack(pieces), 0, axis)

    return reduceat


def _of_at(ufunc: Any) -> Callable[..., Any]:
    def at(*_: Any, **__: Any) -> Any:
        raise MissingRuleError(
            f"np.{ufunc.__name__}.at writes into its first argument, which cannot be recorded. Write x[i] = v for a "
            "Tensor, or np.bincount(i, weights=v) for sums."
        )

    return at


def _refuse(name: str, **given: Any) -> None:
    for key, value in given.items():
        if value is not None and value is not np._NoValue:
            raise missing_argument(name, key)


def ufunc_methods() -> None:
    """Register every method of every ufunc of two operands that has a row or a plain result."""
    makers = {
        "reduce": _of_reduce,
        "accumulate": _of_accumulate,
        "outer": _of_outer,
        "reduceat": _of_reduceat,
        "at": _of_at,
    }
    binary = [
        f for f in list(DISPATCH) if isinstance(f, np.ufunc) and f.nin == 2 and f.nout == 1 and f.signature is None
    ]
    for ufunc in binary:
        for method, maker in makers.items():
            if (ufunc, method) not in DISPATCH:
                made = DISPATCH[(ufunc, method)] = maker(ufunc)
                made.__qualname__ = f"{ufunc.__name__}.{method}"
                made.__doc__ = f"Record ``np.{ufunc.__name__}.{method}``."
    for ufunc in [f for f in PLAIN if isinstance(f, np.ufunc) and f.nin == 2]:
        for method in ("reduce", "accumulate", "outer", "reduceat"):
            PLAIN.add((ufunc, method))
