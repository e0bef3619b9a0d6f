"""Rows that reduce over axes: sum, mean, prod, max, min, var, std, logsumexp.

``axis`` may be None, an int or a tuple; the rule spreads the cotangent back over the axes that were reduced.
Ties of max and min share the gradient evenly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backward.sums import sum_dtype
from ..batching.ways import reduced
from ..errors import missing_argument
from ..other_arrays import is_foreign
from ..registry import composite, op
from ..registry.singular_points import Convention, Point
from ..variable import Variable, plain
from .activations import softmax
from .arrays.masked import keep_imaginary, max_where, mean_where, min_where, prod_where, std_where, sum_where, var_where
from .axes import SAMPLES, Axis, axes_of, back, count, flat_last, from_flat, spread, wide
from .complex_numbers import conj
from .elementwise import INF, NAN, settled_along


def _sum(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    if x.__class__ is not np.ndarray:  # another library has its own order of arguments
        return np.sum(x, axis=axis, dtype=dtype, out=out, keepdims=keepdims)
    return np.sum(x, axis, dtype, out, keepdims)


def _mean(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    if x.__class__ is not np.ndarray:  # another library has its own order of arguments
        return np.mean(x, axis=axis, dtype=dtype, out=out, keepdims=keepdims)
    return np.mean(x, axis, dtype, out, keepdims)


def _max(x: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    if x.__class__ is not np.ndarray:  # another library has its own order of arguments
        return np.max(x, axis=axis, out=out, keepdims=keepdims)
    return np.max(x, axis, out, keepdims)


def _min(x: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    if x.__class__ is not np.ndarray:  # another library has its own order of arguments
        return np.min(x, axis=axis, out=out, keepdims=keepdims)
    return np.min(x, axis, out, keepdims)


def _prod(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
    if dtype is not None:
        keep_imaginary("prod", x, dtype)
    if x.__class__ is not np.ndarray:  # another library has its own order of arguments
        return np.prod(x, axis=axis, dtype=dtype, out=out, keepdims=keepdims)
    return np.prod(x, axis, dtype, out, keepdims)


def _var(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    kind = sum_dtype(x) if dtype is None else dtype
    keep_imaginary("var", x, dtype)
    y = np.var(x, axis=axis, dtype=kind, out=out, ddof=ddof, keepdims=keepdims)
    return y if dtype is not None or x.dtype != np.float16 else y.astype(x.dtype)


def _std(x: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    kind = sum_dtype(x) if dtype is None else dtype
    keep_imaginary("std", x, dtype)
    y = np.std(x, axis=axis, dtype=kind, out=out, ddof=ddof, keepdims=keepdims)
    return y if dtype is not None or x.dtype != np.float16 else y.astype(x.dtype)


sum = op(
    _sum,
    name="sum",
    batch=reduced,
    widened=sum_where,
    numpy=(np.sum, (np.add, "reduce")),
    symbol="Σ",
    method=True,
    linear=True,
    samples=SAMPLES,
    vjp=lambda g, x_shape, axis, keepdims: spread(g, x_shape, axis, keepdims),
    doc="Sum over axes.",
    complex=True,
    formula=("1",),
)
mean = op(
    _mean,
    name="mean",
    batch=reduced,
    widened=mean_where,
    numpy=(np.mean,),
    method=True,
    linear=True,
    samples=SAMPLES,
    vjp=lambda g, x_shape, axis, keepdims: spread(wide(g) / max(count(x_shape, axis), 1), x_shape, axis, keepdims),
    doc="Return the mean over axes.",
    complex=True,
)


def share(g: Any, x: Any, extreme: Any, axis: Axis, keepdims: bool) -> Any:
    """Return the cotangent where x equals the extreme, divided evenly among ties."""
    where = x == back(extreme, axis, keepdims)
    kind = x.dtype.type if hasattr(x, "dtype") else float  # a float is a Scalar's; .type: NumPy refuses a byte order
    ties = np.sum(where, axis=axis, keepdims=True, dtype=np.float32 if kind is np.float16 else kind)
    return back(g, axis, keepdims) / ties * where


def gap(x: Any, axis: Axis = None, **_: Any) -> Any:
    """Return distances between neighbours in order: where one is 0, elements tie."""
    axes = tuple(range(np.ndim(x))) if axis is None else (axis,) if isinstance(axis, int | np.integer) else axis
    moved = np.moveaxis(x, axes, tuple(range(-len(axes), 0)))
    flat = np.sort(np.reshape(moved, (*moved.shape[: moved.ndim - len(axes)], -1)), axis=-1)
    return np.diff(flat, axis=-1) if flat.shape[-1] > 1 else np.inf


_TIES = Convention(
    lambda y, x, axis, keepdims: np.sum(x == back(y, axis, keepdims), axis=axis, keepdims=keepdims) > 1,
    "elements tie",
    "an even share to each",
    "Write np.ravel(x)[np.argmax(x)], or with np.argmin, to choose the first.",
)
max_row = op(
    _max,
    name="max",
    batch=reduced,
    widened=max_where,
    numpy=(np.max, np.amax, (np.maximum, "reduce")),
    method=True,
    samples=SAMPLES,
    kink=gap,
    selects=True,
    convention=_TIES,
    points=(Point(([1.0, 3.0, 3.0],), ([0.0, 0.5, 0.5],), "shared", [0.0, 0.0, 0.0]),),
    vjp=lambda g, y, x, axis, keepdims: share(g, x, y, axis, keepdims),
    doc="Return the largest element over axes; equal ones share the gradient evenly.",
)
min_row = op(
    _min,
    name="min",
    batch=reduced,
    widened=min_where,
    numpy=(np.min, np.amin, (np.minimum, "reduce")),
    method=True,
    samples=SAMPLES,
    kink=gap,
    selects=True,
    convention=_TIES,
    points=(Point(([3.0, 1.0, 1.0],), ([0.0, 0.5, 0.5],), "shared", [0.0, 0.0, 0.0]),),
    vjp=lambda g, y, x, axis, keepdims: share(g, x, y, axis, keepdims),
    doc="Return the smallest element over axes; equal ones share the gradient evenly.",
)


def _product_of_others(x: Any) -> Any:
    """Return, along the last axis, for each element the product of the others; without division, so zeros are right."""
    one = np.ones_like(x[..., :1])
    before = np.concatenate([one, np.cumprod(x[..., :-1], axis=-1)], axis=-1)
    after = np.flip(np.concatenate([one, np.cumprod(np.flip(x, -1)[..., :-1], axis=-1)], axis=-1), -1)
    return before * after


def _prod_vjp(g: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    shape = np.shape(x)
    if math.prod(shape) == 0 or not shape:
        return spread(g, shape, axis, keepdims)
    return back(g, axis, keepdims) * from_flat(_product_of_others(flat_last(x, axis)), shape, axis)


prod = op(
    _prod,
    name="prod",
    batch=reduced,
    widened=prod_where,
    numpy=(np.prod, (np.multiply, "reduce")),
    symbol="Π",
    method=True,
    samples=SAMPLES,
    vjp=_prod_vjp,
    points=(
        Point(([2.0, 3.0, 0.0],), ([0.0, 0.0, 6.0],), "limit"),
        Point(([0.0, 3.0, 0.0],), ([0.0, 0.0, 0.0],), "limit"),
    ),
    doc="Return the product over axes; derivatives are right where elements are zero, too.",
    complex=True,
)


def _var_vjp(g: Any, x: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    slope = back(2.0 * wide(g) / (count(np.shape(x), axis) - ddof), axis, keepdims)
    return slope * conj(x - np.mean(x, axis=axis, keepdims=True))


def _std_vjp(g: Any, y: Any, x: Any, axis: Axis, ddof: float, keepdims: bool) -> Any:
    at = y == 0
    slope = back(wide(g) / (wide(np.where(at, 1.0, y)) * (count(np.shape(x), axis) - ddof)), axis, keepdims)
    off = conj(x - np.mean(x, axis=axis, keepdims=True))
    return slope * (settled_along(off, back(at, axis, keepdims), axis) if count(np.shape(x), axis) > 1 else off)


_DDOF = (*SAMPLES[:4], (((3, 4),), {"axis": 0, "ddof": 1}))
var = op(
    _var,
    name="var",
    batch=reduced,
    widened=var_where,
    numpy=(np.var,),
    method=True,
    samples=_DDOF,
    vjp=_var_vjp,
    doc="Return the variance over axes, with divisor n - ddof.",
    reference=lambda x, axis=None, ddof=0, keepdims=False: (
        np.sum(np.square(x - np.mean(x, axis=axis, keepdims=True)), axis=axis, keepdims=keepdims)
        / (count(np.shape(x), axis) - ddof)
    ),
    complex=True,
    causes=(("inf", "∞ − ∞ = NaN"),),
)
std = op(
    _std,
    name="std",
    batch=reduced,
    widened=std_where,
    numpy=(np.std,),
    method=True,
    samples=_DDOF,
    vjp=_std_vjp,
    kink=lambda x, **k: np.std(x, **k),
    convention=Convention(
        lambda y, x, axis: (y == 0) & (count(np.shape(x), axis) > 1),
        "all elements are equal",
        "0",
        "Use np.var(x), which has a derivative.",
    ),
    points=(Point(([2.0, 2.0],), ([0.0, 0.0],), "convention", [NAN, NAN]),),
    draw=lambda rng, x: (rng.normal(size=x),),  # at equal elements the second derivative is NaN
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([1.0, 3.0])
>>> np.std(x).backward(); x.grad
array([-0.5,  0.5])""",
    doc="Return the standard deviation over axes, with divisor n - ddof; the derivative is 0 where it is 0.",
    reference=lambda x, axis=None, ddof=0, keepdims=False: np.sqrt(np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)),
    complex=True,
    causes=(("inf", "∞ − ∞ = NaN"),),
)


def _logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        y = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True, dtype=sum_dtype(x))) + top
    y = y.astype(np.result_type(x), copy=False)
    return y if keepdims else np.squeeze(y, axis=axis) if axis is not None else np.reshape(y, ())


def _logsumexp_vjp(g: Any, y: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """Return g times softmax(x). For large x the output is rounded coarsely; dividing by the sum takes this common
    factor out. A recorded pass uses the row softmax, whose own rule has no cancellation. Where y is -inf the gradient
    is 0.
    """
    y, g = back(y, axis, keepdims), back(g, axis, keepdims)
    empty = np.equal(y, -INF)
    some = is_foreign(plain(empty)) or np.any(empty)
    if isinstance(x, Variable):
        p = softmax(x, axis=tuple(range(np.ndim(x))) if axis is None else axis)
        return g * (np.where(empty, 0.0, p) if some else p)
    e = np.exp(x - (np.where(empty, 0.0, y) if some else y))
    total = np.sum(e, axis=axis, keepdims=True, dtype=sum_dtype(e))
    return g * e / (np.where(empty, 1.0, total) if some else total)


logsumexp = op(
    _logsumexp,
    name="logsumexp",
    batch=reduced,
    method=True,
    samples=SAMPLES,
    vjp=_logsumexp_vjp,
    points=(
        Point(([-INF, 0.0, 0.0],), ([0.0, 0.5, 0.5],), "limit"),
        Point(([-INF, -INF],), ([0.0, 0.0],), "limit"),
        Point(([1e4, 1e4],), ([0.5, 0.5],), "limit"),
        Point(([INF, 0.0],), ([NAN, NAN],), "undefined"),
    ),
    reference=lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    doc="Return log(sum(exp(x))) over axes without overflow (``scipy.special.logsumexp``).",
    masks=True,
)


def ptp(a: Any, axis: Axis = None, out: Any = None, keepdims: bool = False) -> Any:
    """Return the largest minus the smallest element over axes (``np.ptp``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> np.ptp(x).backward(); x.grad
    array([-1.,  0.,  1.])
    """
    if out is not None:
        raise missing_argument("ptp", "out")
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    """Return the weighted mean over axes (``np.average``); weights of the shape of a, or of the axes.

    returned: return the sums of the weights, too.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.average(x, weights=[3.0, 1.0]).backward(); x.grad
    array([0.75, 0.25])
    """
    keepdims = False if keepdims is np._NoValue else keepdims
    if weights is None:
        y = np.mean(a, axis=axis, keepdims=keepdims)
        return (y, np.full(np.shape(y), np.size(a) / max(np.size(y), 1), y.dtype)) if returned else y
    if np.shape(weights) != np.shape(a):
        axes = axes_of(axis, np.ndim(a))
        if axis is None or np.shape(weights) != tuple([np.shape(a)[i] for i in axes]):
            raise ValueError(
                f"average: weights of shape {np.shape(weights)} need the shape of a, {np.shape(a)}, or axis= the axes "
                "of a along which they lie."
            )
        weights = np.transpose(weights, tuple(int(i) for i in np.argsort(axes)))
        weights = np.reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(np.shape(a))))
    a, weights = [np.asarray(v) if isinstance(v, (list, tuple, float, int)) else v for v in (a, weights)]
    kind = np.result_type(a, weights)  # in the narrower of the two the sum would lose digits
    total = np.sum(weights, axis=axis, keepdims=keepdims, dtype=kind if kind != weights.dtype else None)
    zero = plain(total) == 0
    if not is_foreign(zero) and np.any(zero):
        raise ZeroDivisionError("average: the weights sum to zero.")
    y = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    return (y, np.broadcast_to(total, np.shape(y))) if returned else y


composite(ptp, numpy=(np.ptp,))
composite(average, numpy=(np.average,))
