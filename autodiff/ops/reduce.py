"""Rows that make fewer values of many: sum, mean, prod, max, min, var, std, median, logsumexp; and running sums.

``axis`` may be None, an int or a tuple; the rule spreads the cotangent back over the axes that were reduced.
Ties of max, min and median share the gradient evenly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import missing_argument
from ..registry import composite, op
from ..variable import Variable
from .activations import softmax

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
    """g with the reduced axes there again, of length 1."""
    return g if axis is None or keepdims else np.expand_dims(g, axis)


def spread(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool) -> Any:
    """g repeated over the axes that were reduced."""
    return np.broadcast_to(back(g, axis, keepdims), shape)


def count(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements went into each result."""
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod(shape[a] for a in axes)


def _sum(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis, dtype, out, keepdims)


def _mean(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.mean(x, axis, dtype, out, keepdims)


def _max(x: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.max(x, axis, out, keepdims)


def _min(x: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.min(x, axis, out, keepdims)


def _prod(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    return np.prod(x, axis, dtype, out, keepdims)


def _var(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.var(x, axis, dtype, out, ddof, keepdims)


def _std(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.std(x, axis, dtype, out, ddof, keepdims)


def _median(x: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    return np.median(x, axis, keepdims=keepdims)


sum = op(
    _sum,
    name="sum",
    numpy=(np.sum, (np.add, "reduce")),
    symbol="Σ",
    method=True,
    linear=True,
    samples=SAMPLES,
    vjp=lambda g, x_shape, axis, keepdims: spread(g, x_shape, axis, keepdims),
    doc="Sum over axes.",
)
mean = op(
    _mean,
    name="mean",
    numpy=(np.mean,),
    method=True,
    linear=True,
    samples=SAMPLES,
    vjp=lambda g, x_shape, axis, keepdims: spread(g / max(count(x_shape, axis), 1), x_shape, axis, keepdims),
    doc="Arithmetic mean over axes.",
)


def _share(g: Any, x: Any, extreme: Any, axis: Axis, keepdims: bool) -> Any:
    """The cotangent where x equals the extreme, divided evenly among ties."""
    where = x == back(extreme, axis, keepdims)
    kind = x.dtype.type if hasattr(x, "dtype") else float  # a float is a Scalar's; .type: NumPy refuses a byte order
    ties = np.sum(where, axis=axis, keepdims=True, dtype=kind)
    return back(g, axis, keepdims) / ties * where


def _gap(x: Any, axis: Axis = None, **_: Any) -> Any:
    """Distances between neighbours in order: where one is 0, elements tie."""
    axes = tuple(range(np.ndim(x))) if axis is None else (axis,) if isinstance(axis, int | np.integer) else axis
    moved = np.moveaxis(x, axes, tuple(range(-len(axes), 0)))
    flat = np.sort(np.reshape(moved, (*moved.shape[: moved.ndim - len(axes)], -1)), axis=-1)
    return np.diff(flat, axis=-1) if flat.shape[-1] > 1 else np.inf


max_row = op(
    _max,
    name="max",
    numpy=(np.max, np.amax, (np.maximum, "reduce")),
    method=True,
    samples=SAMPLES,
    kink=_gap,
    vjp=lambda g, y, x, axis, keepdims: _share(g, x, y, axis, keepdims),
    doc="Largest over axes; ties share the gradient evenly.",
)
min_row = op(
    _min,
    name="min",
    numpy=(np.min, np.amin, (np.minimum, "reduce")),
    method=True,
    samples=SAMPLES,
    kink=_gap,
    vjp=lambda g, y, x, axis, keepdims: _share(g, x, y, axis, keepdims),
    doc="Smallest over axes; ties share the gradient evenly.",
)


def _product_of_others(x: Any) -> Any:
    """Along the last axis, for each element the product of the others; no division, so zeros are right."""
    one = np.ones_like(x[..., :1])
    before = np.concatenate([one, np.cumprod(x[..., :-1], axis=-1)], axis=-1)
    after = np.flip(np.concatenate([one, np.cumprod(np.flip(x, -1)[..., :-1], axis=-1)], axis=-1), -1)
    return before * after


def _prod_vjp(g: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    shape = np.shape(x)
    axes = (
        tuple(range(len(shape)))
        if axis is None
        else tuple(a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis))
    )
    if math.prod(shape) == 0 or not shape:
        return spread(g, shape, axis, keepdims)
    order = tuple(a for a in range(len(shape)) if a not in axes) + axes
    moved = np.transpose(x, order)
    others = np.reshape(
        _product_of_others(np.reshape(moved, (*moved.shape[: len(shape) - len(axes)], -1))), moved.shape
    )
    return back(g, axis, keepdims) * np.transpose(others, tuple(int(i) for i in np.argsort(order)))


prod = op(
    _prod,
    name="prod",
    numpy=(np.prod, (np.multiply, "reduce")),
    symbol="Π",
    method=True,
    samples=SAMPLES,
    vjp=_prod_vjp,
    doc="Product over axes; right also where elements are zero.",
)


def _var_vjp(g: Any, x: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    slope = back(2.0 * g / (count(np.shape(x), axis) - ddof), axis, keepdims)
    return slope * (x - np.mean(x, axis=axis, keepdims=True))


def _std_vjp(g: Any, y: Any, x: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    slope = back(g / (np.where(y == 0, 1.0, y) * (count(np.shape(x), axis) - ddof)), axis, keepdims)
    return slope * (x - np.mean(x, axis=axis, keepdims=True))


_DDOF = (*SAMPLES[:4], (((3, 4),), {"axis": 0, "ddof": 1}))
var = op(
    _var,
    name="var",
    numpy=(np.var,),
    method=True,
    samples=_DDOF,
    vjp=_var_vjp,
    doc="Variance over axes; divides by n - ddof.",
    reference=lambda x, axis=None, ddof=0, keepdims=False: (
        np.sum(np.square(x - np.mean(x, axis=axis, keepdims=True)), axis=axis, keepdims=keepdims)
        / (count(np.shape(x), axis) - ddof)
    ),
)
std = op(
    _std,
    name="std",
    numpy=(np.std,),
    method=True,
    samples=_DDOF,
    vjp=_std_vjp,
    kink=lambda x, **k: np.std(x, **k),
    doc="Standard deviation over axes; divides by n - ddof; derivative 0 where it is 0.",
    reference=lambda x, axis=None, ddof=0, keepdims=False: np.sqrt(np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)),
)


def _median_vjp(g: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    shape = np.shape(x)
    axes = (
        tuple(range(len(shape)))
        if axis is None
        else tuple(a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis))
    )
    if math.prod(shape) == 0:
        return spread(g, shape, axis, keepdims)
    order = tuple(a for a in range(len(shape)) if a not in axes) + axes
    rest = tuple(shape[a] for a in order[: len(shape) - len(axes)])
    ranked = np.sort(np.reshape(np.transpose(x, order), (*rest, -1)), axis=-1)
    kept = tuple(1 if a in axes else n for a, n in enumerate(shape))
    n = count(shape, axis)
    lower, upper = (np.reshape(ranked[..., k], kept) for k in ((n - 1) // 2, n // 2))
    half = 0.5 * np.reshape(g, kept)
    return _share(half, x, lower, axes, True) + _share(half, x, upper, axes, True)


median = op(
    _median,
    name="median",
    numpy=(np.median,),
    samples=SAMPLES[:4],
    vjp=_median_vjp,
    kink=_gap,
    doc="Median over axes, the mean of the middle two for an even count; ties share the gradient evenly.",
)


def _logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        y = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return y if keepdims else np.squeeze(y, axis=axis) if axis is not None else np.reshape(y, ())


def _logsumexp_vjp(g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """Of large x the output is rounded coarsely; dividing by the sum takes that common factor out again. Recorded it
    is softmax, whose own rule has no cancellation.
    """
    if isinstance(x, Variable):
        return back(g, axis, keepdims) * softmax(x, axis=tuple(range(np.ndim(x))) if axis is None else axis)
    e = np.exp(x - back(y, axis, keepdims))
    return back(g, axis, keepdims) * e / np.sum(e, axis=axis, keepdims=True)


logsumexp = op(
    _logsumexp,
    name="logsumexp",
    method=True,
    samples=SAMPLES,
    vjp=_logsumexp_vjp,
    reference=lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    doc="log(sum(exp(x))) over axes, without overflow (SciPy's ``special.logsumexp``).",
)


# ---- running sums and products
def _cumsum(x: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    return np.cumsum(x, axis, dtype, out)


def _cumsum_vjp(g: Any, x_shape: tuple[int, ...], axis: int | None) -> Any:
    along = 0 if axis is None else axis
    return np.reshape(np.flip(np.cumsum(np.flip(g, along), axis=along), along), x_shape)


cumsum = op(
    _cumsum,
    name="cumsum",
    numpy=(np.cumsum,),
    method=True,
    linear=True,
    vjp=_cumsum_vjp,
    samples=((((3, 4),), {}), (((3, 4),), {"axis": 0}), (((2, 3),), {"axis": -1})),
    doc="Running sum; axis None flattens.",
)


def cumprod(x: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
    """Running product (``np.cumprod``); axis None flattens. Made of products of neighbours, so zeros are right at any
    order.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, 0.0, 3.0])
    >>> np.cumprod(x).sum().backward(); x.grad
    array([1., 8., 0.])
    """
    if dtype is not None or out is not None:
        raise TypeError("cumprod: dtype= and out= cannot be recorded; use .astype() on x, and assign the result.")
    y = np.reshape(x, -1) if axis is None else np.moveaxis(x, axis, -1)
    step = 1
    while step < np.shape(y)[-1]:
        y = np.concatenate([y[..., :step], y[..., step:] * y[..., :-step]], axis=-1)
        step *= 2
    return y if axis is None else np.moveaxis(y, -1, axis)


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours along an axis (``np.diff``), n times.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 4.0, 9.0])
    >>> np.diff(x).data
    array([3., 5.])
    """
    if n < 0 or np.ndim(a) == 0:
        raise ValueError(f"diff needs n >= 0 and at least one axis; got n={n} and shape {np.shape(a)}.")
    for _ in range(n):
        rows = np.moveaxis(a, axis, 0)
        a = np.moveaxis(rows[1:] - rows[:-1], 0, axis)
    return a


def ptp(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    """Largest minus smallest over axes (``np.ptp``)."""
    if out is not None:
        raise missing_argument("ptp", "out")
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def average(a: Any, axis: Axis = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    """Weighted mean (``np.average``); weights of the shape of a, or of one axis."""
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    if np.shape(weights) != np.shape(a):
        if not isinstance(axis, int | np.integer) or np.shape(weights) != np.shape(a)[axis:][:1]:
            raise ValueError(
                f"average: weights of shape {np.shape(weights)} need axis= an int along which a of shape {np.shape(a)} "
                "is as long, or the shape of a."
            )
        weights = np.reshape(weights, tuple(-1 if i == axis % np.ndim(a) else 1 for i in range(np.ndim(a))))
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    if np.any(total == 0):
        raise ZeroDivisionError("average: the weights sum to zero.")
    return np.sum(a * weights, axis=axis, keepdims=keepdims) / total


for _fn, _numpy in ((cumprod, np.cumprod), (diff, np.diff), (ptp, np.ptp), (average, np.average)):
    composite(_fn, numpy=(_numpy,), method=_fn is cumprod)
