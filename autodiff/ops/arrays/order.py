"""Rows of order: sort, partition, quantile and the like, whose derivative follows the elements to their places.

All share one rule. The cotangent is brought into ascending order, equal elements share theirs evenly, and each element
gets the cotangent of its rank. A NaN has the gradient NaN, unless the function ignores NaNs.

One file, because all rows share one rule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ...batching.ways import along as along_axis
from ...batching.ways import of_quantiles, reduced
from ...errors import missing_argument
from ...other_arrays import as_array, beside, is_foreign, numbers, refusal, zeros
from ...registry import composite, op
from ...registry.singular_points import Convention, Point
from ...variable import plain
from ..axes import SAMPLES, Axis, flat_last, from_flat, wide
from ..index import along, scatter
from ..reduce import gap
from ..shape import operand
from .runs import first_of_run, sums_from


def _shared(g: Any, ranked: Any) -> Any:
    """Return g with its mean over each run of equal elements; ranked: (..., n) in ascending order, as g is."""
    if is_foreign(ranked):
        same = ranked[..., 1:] == ranked[..., :-1]
        totals = first_of_run(sums_from(wide(g), same), same)
        return totals / first_of_run(sums_from(np.ones_like(ranked, wide(ranked).dtype), same), same)
    first = np.ones(ranked.shape, bool)
    first[..., 1:] = ranked[..., 1:] != ranked[..., :-1]
    if first.all():
        return g
    run = np.cumsum(first) - 1
    counts = np.bincount(run)
    flat = wide(np.reshape(g, -1))
    total = scatter(flat, index=run, shape=counts.shape, dtype=flat.dtype)
    return np.reshape((total / counts.astype(flat.dtype))[run], ranked.shape)


def _to_elements(g: Any, x: Any, ignore_nan: bool = False) -> Any:
    """Return the cotangent of x: (..., n), from g, that of its elements in ascending order."""
    values = plain(x)
    if not values.size:
        return g
    if is_foreign(values):
        order = np.argsort(values, axis=-1)
        g = _shared(g, np.take_along_axis(values, order, axis=-1))
        return _lost(np.take_along_axis(g, np.argsort(order, axis=-1), axis=-1), np.isnan(values) & (not ignore_nan))
    n = values.shape[-1]
    order = np.reshape(np.argsort(values, axis=-1), (-1, n))  # of equal elements in any order: they share
    places = np.reshape(order + np.arange(0, values.size, n)[:, None], -1)  # one flat index is the fastest
    g = _shared(g, np.reshape(np.reshape(values, -1)[places], values.shape))
    flat = scatter(np.reshape(g, -1), index=places, shape=(values.size,), dtype=g.dtype)
    g = np.reshape(flat, values.shape)
    return g if ignore_nan else _lost(g, np.isnan(values))


def _lost(g: Any, where: Any) -> Any:
    """Return g, and NaN at some places."""
    return g * np.where(where, np.nan, 1.0) if is_foreign(where) or where.any() else g


def _sorted_vjp(g: Any, x: Any, axis: int | None) -> Any:
    """Return the cotangent of x from that of its elements in ascending order along an axis."""
    if axis is None:
        return np.reshape(_to_elements(g, np.reshape(x, -1)), np.shape(x))
    return np.moveaxis(_to_elements(np.moveaxis(g, axis, -1), np.moveaxis(x, axis, -1)), -1, axis)


def _rearranged_vjp(g: Any, y: Any, x: Any, axis: int | None) -> Any:
    """Return the cotangent of x from that of y, the elements of x in another order along an axis."""
    last = -1 if axis is None else axis
    y = plain(y)
    order = np.argsort(y, axis=last) if is_foreign(y) else np.argsort(y, axis=last, kind="stable")
    return _sorted_vjp(np.take_along_axis(g, order, last), x, axis)


def _sort(x: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if order is not None:
        raise missing_argument("sort", "order", ("axis", "kind", "stable"))
    return np.sort(x, axis) if is_foreign(x) else np.sort(x, axis, kind, stable=stable)


def _sort_either_way(
    x: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: bool = False
) -> Any:
    y = sort(x, axis, kind, order, stable=stable)
    return np.flip(y, axis) if descending else y


def _partition(x: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Any:
    if order is not None:
        raise missing_argument("partition", "order", ("kth", "axis", "kind"))
    return np.partition(x, kth, axis)


def _gap_along(x: Any, axis: int | None = -1, **_: Any) -> Any:
    return gap(x, axis)


_EQUAL = Convention(
    lambda x, axis: np.any(_gap_along(x, axis) == 0),
    "elements are equal",
    "an even share to each",
    "Write np.take_along_axis(x, np.argsort(x, axis=axis, kind='stable'), axis) to keep them apart.",
)
sort = op(
    _sort,
    name="sort",
    batch=along_axis,
    numpy=(np.sort,),
    widened=_sort_either_way,
    vjp=lambda g, x, axis: _sorted_vjp(g, x, axis),
    kink=_gap_along,
    selects=True,
    convention=_EQUAL,
    points=(Point(([2.0, 1.0, 2.0],), ([1.0, 1.0, 1.0],), "shared"),),
    samples=((((2, 3),), {}), (((3, 2),), {"axis": 0}), (((2, 3),), {"axis": None})),
    doc=(
        "Sort along an axis (``np.sort``); the gradient of each place goes to the element that stands there. "
        "x: any shape; axis None sorts the flattened array; descending=True sorts the other way round. Equal "
        "elements share evenly; a NaN has the "
        "gradient NaN."
    ),
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([2.0, 1.0, 2.0])
>>> (np.sort(x) * [10.0, 20.0, 30.0]).sum().backward(); x.grad
array([25., 10., 25.])""",
)
partition = op(
    _partition,
    name="partition",
    batch=along_axis,
    numpy=(np.partition,),
    vjp=lambda g, y, x, axis: _rearranged_vjp(g, y, x, axis),
    kink=_gap_along,
    selects=True,
    convention=_EQUAL,
    samples=((((5,),), {"kth": 2}), (((3, 2),), {"kth": 1, "axis": 0}), (((2, 3),), {"kth": (1, 3), "axis": None})),
    doc=(
        "Put the elements of given ranks into their places along an axis (``np.partition``). x: any shape; "
        "kth: an int or ints. Equal elements share the gradient evenly; a NaN has the gradient NaN."
    ),
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([3.0, 1.0, 2.0])
>>> np.partition(x, 0)[0].backward(); x.grad
array([0., 1., 0.])""",
)


# ---- quantiles: each is a mean of two neighbours in order, lower and upper, with weights 1 - f and f
_PLOTTING = {  # (alpha, beta) of the methods that are continuous in q: Hyndman and Fan (1996), section 2
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}


# From NumPy 2.4 on q is exact if it is a Python number; before, it was rounded to the dtype of the elements.
_EXACT = tuple(map(int, np.__version__.split(".")[:2])) >= (2, 4)


def _ranks(x: Any, q: Any, method: Any, ignore_nan: bool) -> tuple[Any, Any]:
    """Return the place of each quantile between the ranks 0 .. n - 1, (*rest, m), recorded when q is; and the counts n.

    x: plain, (*rest, n). A quantile of the ranks themselves is its own place, by every method.
    """
    n = x.shape[-1]
    if is_foreign(x):
        return _ranks_by_library(x, q, method, ignore_nan)
    ranks = np.arange(n, dtype=np.float64)  # float32 would round the place between two of many ranks
    if isinstance(q, float | int) and not _EXACT:
        q = float(x.dtype.type(q))
    if not ignore_nan:
        places = np.reshape(np.quantile(ranks, q, method=method), -1)
        return np.broadcast_to(places, (*x.shape[:-1], *places.shape)), n
    counts = np.sum(~np.isnan(x), axis=-1)
    kept = np.where(np.arange(n) < np.maximum(counts, 1)[..., None], ranks, np.nan)
    places = np.nanquantile(kept, np.reshape(q, -1), axis=-1, method=method)
    return np.moveaxis(places, 0, -1), counts[..., None]


def _ranks_by_library(x: Any, q: Any, method: Any, ignore_nan: bool) -> tuple[Any, Any]:
    """Return the same for an array of another library."""
    n = x.shape[-1]
    ranks, q = np.arange(n, dtype=np.float64, like=x), _listed(q)
    if not ignore_nan:
        places = np.quantile(ranks if is_foreign(plain(q)) else np.arange(n, dtype=np.float64), q, method=method)
        places = np.reshape(beside(places, x), -1)
        return np.broadcast_to(places, (*x.shape[:-1], *places.shape)), n
    counts = np.sum(~np.isnan(x), axis=-1, keepdims=True)
    kept = np.where(ranks < np.maximum(counts, 1), ranks, np.nan)
    places = np.nanquantile(kept, _listed(np.ravel(q)), axis=-1, method=method)
    return np.moveaxis(places, 0, -1), counts


def _at_ranks(g: Any, ranks: Any, x: Any, dtype: Any) -> Any:
    """Return g: (*rest, m) added at the ranks: (*rest, m) of an array of the shape of x: (*rest, n)."""
    if not is_foreign(x):
        return scatter(g, index=along(ranks, -1), shape=x.shape, dtype=dtype)
    there = np.expand_dims(ranks, -1) == np.arange(x.shape[-1], like=x)
    return np.sum(np.where(there, np.expand_dims(g, -1), 0.0), axis=-2)


def _per_slice(g: Any, x: Any, q: Any) -> Any:
    """Return g: (*q, *rest), with the reduced axes or without, as (*rest, m)."""
    return np.moveaxis(np.reshape(g, (math.prod(np.shape(q)), *x.shape[:-1])), 0, -1)


def _quantile_vjp(
    g: Any, y: Any, a: Any, q: Any, axis: Axis, method: Any, weights: Any, ignore_nan: bool = False
) -> Any:
    shape = np.shape(a)
    x = flat_last(plain(a), axis)
    if x.size == 0:
        return zeros(shape, x.dtype, like=x)
    g = _per_slice(g, x, q)
    if weights is not None:  # an element: those equal to it share, unless they weigh nothing
        weighs = np.broadcast_to(_weights_like(weights, shape, axis, x), shape) > 0
        taken = x[..., None, :] == _per_slice(plain(y), x, q)[..., None]
        taken &= flat_last(weighs, axis)[..., None, :]
        counts = np.sum(taken, axis=-1, dtype=np.result_type(x.dtype, np.float32))
        return from_flat(np.sum((g / counts)[..., None] * taken, axis=-2), shape, axis)
    places, counts = _ranks(x, q, method, ignore_nan)
    lower = np.floor(plain(places)).astype(int)
    upper = np.minimum(lower + 1, np.maximum(counts - 1, 0))
    part = places - lower
    if ignore_nan:
        g = g * (counts > 0)  # where all are NaN, every element is ignored
    dtype = np.result_type(x.dtype, np.float32)
    ranked = _at_ranks(g * (1.0 - part), lower, x, dtype) + _at_ranks(g * part, upper, x, dtype)
    d = _to_elements(ranked, x, ignore_nan)
    return from_flat(d if ignore_nan else _lost_slices(d, x), shape, axis)


def _lost_slices(d: Any, x: Any) -> Any:
    """Return d: (..., n), and NaN in the slices in which an element of x is NaN."""
    return _lost(d, np.any(np.isnan(x), axis=-1, keepdims=True))


def _weights_like(weights: Any, shape: tuple[int, ...], axis: Axis, x: Any) -> Any:
    weights = beside(as_array(weights), x)
    if weights.shape == shape:
        return weights
    (one,) = normalize_axis_tuple(axis, len(shape))  # type: ignore[arg-type]
    return weights.reshape([-1 if i == one else 1 for i in range(len(shape))])


def _quantile_vjp_q(g: Any, a: Any, q: Any, axis: Axis, method: Any, ignore_nan: bool = False) -> Any:
    """Return the distance of the two neighbours times the speed of the place; at a knot, of those to the right."""
    x = flat_last(a, axis)
    if method not in _PLOTTING or x.size == 0:
        return zeros(np.shape(q), float, like=plain(q))  # a staircase
    alpha, beta = _PLOTTING[method]
    values = plain(x)
    places, counts = _ranks(values, plain(q), method, ignore_nan)
    lower = np.clip(np.floor(places).astype(int), 0, np.maximum(counts - 2, 0))
    upper = np.minimum(lower + 1, np.maximum(counts - 1, 0))
    free = np.ravel(plain(q)) * (counts + 1 - alpha - beta) + alpha - 1
    speed = (counts + 1 - alpha - beta) * ((free >= -1e-12) & (free <= counts - 1 + 1e-12))
    ranked = np.sort(x, axis=-1)
    step = np.take_along_axis(ranked, upper, -1) - np.take_along_axis(ranked, lower, -1)
    if not ignore_nan:
        step = step + 0.0 * ranked[..., -1:]  # NaN, where one of the elements is
    d = _per_slice(g, values, q) * step * speed
    return np.reshape(np.sum(d, axis=tuple(range(np.ndim(d) - 1))), np.shape(q))


def _quantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: Any = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    if is_foreign(a):
        return np.quantile(a, _listed(q), axis, method=method, keepdims=keepdims, **_given(weights))
    return np.quantile(a, q, axis, None, False, method, keepdims, weights=weights)


def _listed(q: Any) -> Any:
    """Return q as numbers and lists: another library may refuse NumPy's arrays among its own."""
    return q.tolist() if q.__class__ is np.ndarray else q


def _given(weights: Any) -> dict[str, Any]:
    """Return the argument where it is given: not every library has it."""
    return {} if weights is None else {"weights": weights}


def _nanquantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: Any = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    flat = np.ravel(q) if np.ndim(q) else q
    if is_foreign(a):
        y = np.nanquantile(a, _listed(flat), axis, method=method, keepdims=keepdims, **_given(weights))
    else:
        y = np.nanquantile(a, flat, axis, None, False, method, keepdims, weights=weights)
    return np.reshape(y, np.shape(q) + np.shape(y)[1:]) if np.ndim(q) else y  # NumPy mixes up the axes of a 2-D q


def _quantile_gap(a: Any, q: Any, axis: Axis = None, method: Any = "linear", **_: Any) -> Any:
    places, _n = _ranks(flat_last(a, axis), q, method, False)
    return np.append(np.ravel(gap(a, axis)), np.abs(places - np.rint(places)) / max(1, np.size(a)))


_QUANTILES: tuple[Any, ...] = (
    (((5,), ()), {}),
    (((3, 4), (2,)), {"axis": 1}),
    (((2, 3, 2), (2, 1)), {"axis": (0, 2), "keepdims": True}),
    (((4,), (2,)), {"method": "hazen"}),
    (((4, 2), ()), {"axis": 0, "method": "nearest"}),
)


def _quantile_ties(a: Any, q: Any, axis: Axis, method: str) -> bool:
    """Return whether an element beside those of a quantile is equal to one of them."""
    ranked = np.sort(flat_last(a, axis), axis=-1)
    if ranked.shape[-1] < 2:
        return False
    places, n = _ranks(ranked, q, method, False)
    gaps = np.concatenate([np.ones_like(ranked[..., :1]), np.diff(ranked, axis=-1), np.ones_like(ranked[..., :1])], -1)
    lower, upper = np.floor(places).astype(int), np.minimum(np.ceil(places).astype(int), n - 1)
    beside = np.take_along_axis(gaps, lower, -1) * np.take_along_axis(gaps, upper + 1, -1)
    return bool(np.any(beside == 0))


quantile = op(
    _quantile,
    name="quantile",
    batch=of_quantiles,
    weak=True,
    numpy=(np.quantile,),
    inputs="a q",
    vjp=(
        lambda g, y, a, q, axis, method, weights: _quantile_vjp(g, y, a, q, axis, method, weights),
        lambda g, a, q, axis, method: _quantile_vjp_q(g, a, q, axis, method),
    ),
    domain=((float("-inf"), float("inf")), (0.0, 1.0)),
    kink=_quantile_gap,
    selects=True,
    convention=Convention(
        _quantile_ties, "elements of a quantile tie with others", "an even share to each", "Write np.sort(x)[k]."
    ),
    points=(
        Point(([1.0, 1.0, 3.0], 0.25), ([0.5, 0.5, 0.0], 0.0), "limit"),
        Point(([1.0, 1.0, 3.0], 0.0), ([0.5, 0.5, 0.0], 0.0), "shared"),
    ),
    samples=_QUANTILES,
    draw=lambda rng, a, q: (rng.uniform(-3.0, 3.0, a), rng.uniform(0.06, 0.94, q)),  # q outside [0, 1] is refused
    doc=(
        "Return quantiles over axes (``np.quantile``), by every method of NumPy's; differentiable in q too. a: any "
        "shape; q: numbers from 0 to 1, whose axes come first in the result. Equal elements share evenly; a "
        "slice with a NaN has the gradient NaN. In q the derivative at a knot is that to the right."
    ),
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([4.0, 1.0, 3.0])
>>> np.quantile(x, 0.25).backward(); x.grad
array([0. , 0.5, 0.5])""",
)
nanquantile = op(
    _nanquantile,
    name="nanquantile",
    batch=of_quantiles,
    weak=True,
    numpy=(np.nanquantile,),
    inputs="a q",
    vjp=(
        lambda g, y, a, q, axis, method, weights: _quantile_vjp(g, y, a, q, axis, method, weights, True),
        lambda g, a, q, axis, method: _quantile_vjp_q(g, a, q, axis, method, True),
    ),
    domain=((float("-inf"), float("inf")), (0.0, 1.0)),
    kink=_quantile_gap,
    selects=True,
    samples=_QUANTILES,
    draw=lambda rng, a, q: (rng.uniform(-3.0, 3.0, a), rng.uniform(0.06, 0.94, q)),  # q outside [0, 1] is refused
    doc=("Return quantiles over axes without the NaNs, whose gradient is zero."),
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([4.0, np.nan, 3.0])
>>> np.nanquantile(x, 0.25).backward(); x.grad
array([0.25, 0.  , 0.75])""",
)


def _percent(q: Any, a: Any) -> Any:
    kind = operand(a).dtype
    if isinstance(q, float | int) and _EXACT:
        return q / 100
    return np.true_divide(q, kind.type(100) if kind.kind == "f" and not _EXACT else 100)


def percentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: Any = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """Return percentiles over axes (``np.percentile``): quantiles with q from 0 to 100.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([4.0, 1.0, 3.0])
    >>> np.percentile(x, 50).backward(); x.grad
    array([0., 0., 1.])
    """
    return quantile(a, _percent(q, a), axis, out, method=method, keepdims=keepdims, weights=weights)


def nanpercentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: Any = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Any:
    """Return percentiles over axes without the NaNs (``np.nanpercentile``), whose gradient is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([4.0, np.nan, 3.0])
    >>> np.nanpercentile(x, 50).backward(); x.grad
    array([0.5, 0. , 0.5])
    """
    return nanquantile(a, _percent(q, a), axis, out, method=method, keepdims=keepdims, weights=weights)


def _median(x: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    return np.median(x, axis, keepdims=keepdims)


def _median_vjp(g: Any, x: Any, axis: Axis) -> Any:
    """Return the cotangent of x: half of g for each of the middle two in order, which are one for an odd count."""
    shape, x = np.shape(x), flat_last(plain(x), axis)
    if x.size == 0:
        return zeros(shape, x.dtype, like=x)
    n = x.shape[-1]
    parted = np.partition(x, n // 2, axis=-1)
    middle = [parted[..., n // 2 : n // 2 + 1]]
    if n % 2 == 0:
        middle.append(np.max(parted[..., : n // 2], axis=-1, keepdims=True))
    g = np.reshape(g, (*x.shape[:-1], 1))
    d: Any = 0.0
    for value in middle:
        taken = x == value
        counts = np.sum(taken, axis=-1, keepdims=True, dtype=np.result_type(x.dtype, np.float32))
        share = g / (len(middle) * np.maximum(counts, 1.0))  # none is taken where the value is NaN
        d = d + np.where(taken, share, 0.0)
    return from_flat(_lost_slices(d, x), shape, axis)


def _middle_ties(x: Any, axis: Axis) -> bool:
    """Return whether an element beside the middle one, or beside the middle two, is equal to it."""
    ranked = np.sort(flat_last(x, axis), axis=-1)
    n = ranked.shape[-1]
    lower, upper = (n - 1) // 2, n // 2
    below = lower > 0 and np.any(ranked[..., lower] == ranked[..., lower - 1])
    return bool(below or (upper < n - 1 and np.any(ranked[..., upper] == ranked[..., upper + 1])))


median = op(
    _median,
    name="median",
    batch=reduced,
    numpy=(np.median,),
    samples=SAMPLES[:4],
    vjp=lambda g, x, axis: _median_vjp(g, x, axis),
    kink=lambda x, axis=None, **_: gap(x, axis),
    selects=True,
    convention=Convention(
        _middle_ties,
        "the middle element ties with others",
        "an even share to each",
        "Write np.sum(x * (np.argsort(np.argsort(x)) == n // 2)) to choose one.",
    ),
    points=(
        Point(([4.0, 1.0, 3.0, 2.0],), ([0.0, 0.0, 0.5, 0.5],), "limit"),
        Point(([1.0, 2.0, 2.0, 2.0, 9.0],), ([0.0, 1 / 3, 1 / 3, 1 / 3, 0.0],), "shared", [0.0] * 5),
    ),
    doc="Return the median over axes, the mean of the middle two for an even count; equal elements share evenly.",
)


def nanmedian(a: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """Return the median over axes without the NaNs (``np.nanmedian``), whose gradient is zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([4.0, np.nan, 3.0])
    >>> np.nanmedian(x).backward(); x.grad
    array([0.5, 0. , 0.5])
    """
    return nanquantile(a, 0.5, axis, out, keepdims=False if keepdims is np._NoValue else keepdims)


# ---- values found in the array, recorded by picking them
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """Return the different values in ascending order (``np.unique``); of equal ones the first has the gradient.

    Indices, inverse and counts are plain.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, 1.0, 2.0])
    >>> (np.unique(x) * [1.0, 10.0]).sum().backward(); x.grad
    array([10.,  1.,  0.])
    """
    bare = plain(ar)
    try:
        _, first, inverse, counts = np.unique(bare, True, True, True, axis, equal_nan=equal_nan)
    except TypeError as error:
        raise (refusal("unique", bare, error) if is_foreign(bare) else error) from error
    values = np.take(ar, first, axis=axis)
    facts = [f for on, f in ((return_index, first), (return_inverse, inverse), (return_counts, counts)) if on]
    return (values, *facts) if facts else values


def unique_values(x: Any) -> Any:
    """Return the different values (Array API), each NaN for itself; of equal ones the first has the gradient.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, 1.0, 2.0])
    >>> np.unique_values(x).sum().backward(); x.grad
    array([1., 1., 0.])
    """
    return unique(x, equal_nan=False)


def _unique_of(numpy_function: Any, *wanted: str) -> Any:
    def find(x: Any) -> Any:
        facts = unique(x, True, True, True, equal_nan=False)
        found = dict(zip(("values", "indices", "inverse_indices", "counts"), facts, strict=True))
        return type(numpy_function(np.zeros(1)))(*[found[name] for name in wanted])

    find.__name__ = numpy_function.__name__
    find.__doc__ = f"""Return {", ".join(wanted)} (Array API ``np.{find.__name__}``); all but the values are plain.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([2.0, 1.0, 2.0])
    >>> np.{find.__name__}(x).values.sum().backward(); x.grad
    array([1., 1., 0.])
    """
    return find


unique_all = _unique_of(np.unique_all, "values", "indices", "inverse_indices", "counts")
unique_counts = _unique_of(np.unique_counts, "values", "counts")
unique_inverse = _unique_of(np.unique_inverse, "values", "inverse_indices")


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """Remove zeros at the ends (``np.trim_zeros``): trim has "f" for the front and "b" for the back.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([0.0, 3.0, 0.0])
    >>> np.trim_zeros(x).sum().backward(); x.grad
    array([0., 1., 0.])
    """
    filt, trim = operand(filt), trim.lower()
    n = np.ndim(filt)
    places = np.argwhere(numbers(plain(filt), "trim_zeros", "filt"))
    start, stop = (places.min(0), places.max(0) + 1) if len(places) else (np.array(np.shape(filt)), np.zeros(n, int))
    axes = range(n) if axis is None else normalize_axis_tuple(axis, n)
    if not len(places):  # only zeros: all are removed, from either end
        start, stop = np.zeros(n, int), np.zeros(n, int)
        return filt[tuple([slice(0, 0) if i in axes else slice(None) for i in range(n)])]
    cut = [
        slice(int(a) if "f" in trim else None, int(b) if "b" in trim else None)
        for a, b in zip(start, stop, strict=True)
    ]
    return filt[tuple([c if i in axes else slice(None) for i, c in enumerate(cut)])]


for _fn in (
    percentile, nanpercentile, nanmedian, unique, unique_values, unique_all, unique_counts, unique_inverse, trim_zeros
):  # fmt: skip
    composite(_fn, numpy=(getattr(np, _fn.__name__),))
