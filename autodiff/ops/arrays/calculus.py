"""Differences, sums and slopes along an axis: diff, gradient, trapezoid, interp, convolve, correlate, unwrap, cross."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ...errors import kind_of
from ...modes import one_call
from ...other_arrays import beside, is_foreign, numbers
from ...registry import composite, op
from ...variable import Tensor, plain
from ..complex_numbers import conj
from ..shape import operand


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    """Return differences of neighbours along an axis (``np.diff``), n times; prepend and append are joined before.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 4.0, 9.0])
    >>> np.diff(x, prepend=0.0).data
    array([1., 3., 5.])
    """
    if n < 0 or np.ndim(a) == 0:
        raise ValueError(f"diff needs n >= 0 and at least one axis; got n={n} and shape {np.shape(a)}.")
    if n == 0:
        return a
    axis = normalize_axis_index(axis, np.ndim(a))
    parts = [v for v in (prepend, a, append) if v is not np._NoValue]
    if len(parts) > 1:
        one = tuple([1 if i == axis else m for i, m in enumerate(np.shape(a))])
        a = np.concatenate([np.broadcast_to(v, one) if np.ndim(v) == 0 else v for v in parts], axis=axis)
    for _ in range(n):
        rows = np.moveaxis(a, axis, 0)
        a = np.moveaxis(rows[1:] - rows[:-1], 0, axis)
    return a


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return differences of neighbours of the flattened array, with numbers before and after (``np.ediff1d``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 4.0, 9.0])
    >>> np.ediff1d(x, to_end=0.0).data
    array([3., 5., 0.])
    """
    flat = np.ravel(ary)
    parts = [np.ravel(v) for v in (to_begin, flat[1:] - flat[:-1], to_end) if v is not None]
    parts = [p if np.result_type(p) == flat.dtype else np.astype(p, flat.dtype) for p in parts]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return slopes by central differences (``np.gradient``), one-sided at the ends; one array for each axis.

    f: any shape. varargs: the distance for all axes, or for each axis a distance or the coordinates; these may be
    recorded too. edge_order: 1 or 2.

    >>> import autodiff as ad, numpy as np
    >>> f = ad.tensor([0.0, 1.0, 4.0])
    >>> np.gradient(f).data
    array([1., 2., 3.])
    """
    n = np.ndim(f)
    axes = tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n)
    if len(varargs) not in (0, 1, len(axes)) or (len(varargs) == 1 and np.ndim(varargs[0]) and len(axes) > 1):
        raise TypeError(f"gradient along {len(axes)} axes takes one distance, or one for each; got {len(varargs)}.")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order must be 1 or 2; got {edge_order}.")
    distances = (1.0,) * len(axes) if not varargs else varargs * len(axes) if len(varargs) == 1 else varargs
    slopes = [_slope(f, h, along, edge_order) for h, along in zip(distances, axes, strict=True)]
    kind = np.result_type(f)
    if kind.kind in "fc":  # also where the distances have another dtype
        slopes = [y if y.dtype == kind else np.astype(y, kind) for y in slopes]
    return slopes[0] if len(axes) == 1 else tuple(slopes)


def _slope(f: Any, h: Any, axis: int, edge_order: int) -> Any:
    y = np.moveaxis(f, axis, 0)
    n = len(y)
    if n < edge_order + 1:
        raise ValueError(f"gradient with edge_order={edge_order} needs {edge_order + 1} elements; axis {axis} has {n}.")
    if np.ndim(h):
        if np.shape(h) != (n,):
            raise ValueError(f"gradient: coordinates of shape {np.shape(h)} do not fit axis {axis}, of length {n}.")
        steps = np.reshape(np.diff(beside(h, plain(y))), (n - 1, *(1,) * (np.ndim(y) - 1)))
        even = plain(steps) == plain(steps)[0]
        if not is_foreign(even) and even.all():
            h = np.reshape(steps[0], ())
    if np.ndim(h) == 0:
        middle = (y[2:] - y[:-2]) / (2.0 * h)
        if edge_order == 1:
            first, last = (y[1] - y[0]) / h, (y[-1] - y[-2]) / h
        else:
            first = (-1.5 / h) * y[0] + (2.0 / h) * y[1] + (-0.5 / h) * y[2]
            last = (0.5 / h) * y[-3] + (-2.0 / h) * y[-2] + (1.5 / h) * y[-1]
    else:
        a, b = steps[:-1], steps[1:]
        middle = -b / (a * (a + b)) * y[:-2] + (b - a) / (a * b) * y[1:-1] + a / (b * (a + b)) * y[2:]
        if edge_order == 1:
            first, last = (y[1] - y[0]) / steps[0], (y[-1] - y[-2]) / steps[-1]
        else:
            p, q = steps[0], steps[1]
            first = -(2.0 * p + q) / (p * (p + q)) * y[0] + (p + q) / (p * q) * y[1] - p / (q * (p + q)) * y[2]
            p, q = steps[-2], steps[-1]
            last = q / (p * (p + q)) * y[-3] - (q + p) / (p * q) * y[-2] + (2.0 * q + p) / (q * (p + q)) * y[-1]
    out = np.concatenate([np.expand_dims(first, 0), middle, np.expand_dims(last, 0)])
    return np.moveaxis(out, 0, axis)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Return the integral along an axis by the trapezoidal rule (``np.trapezoid``); y, x and dx may be recorded.

    >>> import autodiff as ad, numpy as np
    >>> y = ad.tensor([1.0, 2.0, 3.0])
    >>> np.trapezoid(y).backward(); y.grad
    array([0.5, 1. , 0.5])
    """
    rows = np.moveaxis(y, axis, -1)
    d = dx if x is None else np.diff(x) if np.ndim(x) == 1 else np.diff(np.moveaxis(x, axis, -1))
    return np.sum(d * (rows[..., 1:] + rows[..., :-1]) / 2.0, axis=-1)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Interpolate linearly between the points (xp, fp) (``np.interp``); differentiable in x, xp and fp, left and right.

    x: any shape; xp, fp: (n,), xp in ascending order. float64, as NumPy's. At a point the derivative in x is the
    slope to the right, at the last point that to the left; outside it is 0.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([0.5, 1.5])
    >>> np.interp(x, [0.0, 1.0, 2.0], [0.0, 10.0, 40.0]).sum().backward(); x.grad
    array([10., 30.])
    """
    if np.shape(xp) != np.shape(fp) or np.ndim(xp) != 1 or not np.size(xp):
        raise ValueError(f"interp needs xp and fp of one equal axis; got shapes {np.shape(xp)} and {np.shape(fp)}.")
    fp, x, xp = (operand(v) for v in (fp, x, xp))
    if x.dtype.kind == "c" or xp.dtype.kind == "c":
        raise TypeError(f"interp: x and xp must be real; got dtypes {x.dtype} and {xp.dtype}. Only fp may be complex.")
    kinds: tuple[Any, ...] = (np.float64, np.float64, np.result_type(np.float64, fp))  # values may be complex
    x, xp, fp = [v if v.dtype == kind else np.astype(v, kind) for v, kind in zip((x, xp, fp), kinds)]
    if period is not None:
        if period == 0:
            raise ValueError("interp: period must not be 0.")
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp, fp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period]), np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    n, at, knots = np.shape(xp)[0], numbers(plain(x), "interp", "x"), numbers(plain(xp), "interp", "xp")
    low, high = fp[0] if left is None else left, fp[-1] if right is None else right
    if n == 1:
        y = fp[0] + 0.0 * x
    else:
        j = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, n - 2)
        (a, b), (fa, fb) = [(_entries(v, j), _entries(v, j + 1)) for v in (xp, fp)]
        slope = (fb - fa) / (b - a)
        y = np.where(at == knots[-1], fp[-1] + slope * (x - xp[-1]), fa + slope * (x - a))
    y = np.where(at < knots[0], low, np.where(at > knots[-1], high, y))
    return y


def _entries(a: Any, j: Any) -> Any:
    return a[j] if isinstance(a, Tensor) else _plain_entries(a, j)


@one_call
def _plain_entries(a: Any, j: Any) -> Any:
    """Return ``a[j]``, also of a plain array at places that a trace follows."""
    return a[j]


# ---- convolution: the rule of either operand is a correlation with the other
def _convolve(a: Any, v: Any) -> Any:
    return np.convolve(a, v)


_convolve_row = op(
    _convolve,
    name="convolve",
    inputs="a v",
    symbol="∗",
    product=True,
    public=False,
    # correlate conjugates its second operand, which a rule does not
    vjp=(lambda g, v: np.correlate(g, conj(v), "valid"), lambda g, a: np.correlate(g, conj(a), "valid")),
    complex=True,
    samples=((((4,), (3,)), {}), (((2,), (3,)), {}), (((3,), (1,)), {})),
    doc="Return all overlaps of two sequences.",
)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Return the convolution of two sequences (``np.convolve``): (n,) and (m,); mode "full", "same" or "valid".

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([1.0, 2.0, 3.0])
    >>> np.convolve(a, [1.0, 1.0], "valid").sum().backward(); a.grad
    array([1., 2., 1.])
    """
    return _overlaps("convolve", a, v, mode)


def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """Return the cross-correlation of two sequences (``np.correlate``): (n,) and (m,).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> np.correlate(x, [1.0, 0.5], mode="full").data
    array([0.5, 2. , 3.5, 3. ])
    """
    n, m = np.size(a), np.size(v)
    if m > n:  # as NumPy does it: the shorter one is moved
        return np.flip(_overlaps("correlate", conj(v), np.flip(a), mode))
    return _overlaps("correlate", a, conj(np.flip(v)), mode)


def _overlaps(name: str, a: Any, v: Any, mode: str) -> Any:
    a, v = (np.reshape(x, -1) if np.ndim(x) == 0 else x for x in (a, v))
    n, m = max(np.size(a), np.size(v)), min(np.size(a), np.size(v))
    if np.ndim(a) != 1 or np.ndim(v) != 1 or m == 0:
        raise ValueError(f"{name} needs two sequences that are not empty; got {kind_of(a)} and {kind_of(v)}.")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"{name}: mode must be 'full', 'same' or 'valid'; got {mode!r}.")
    full = _convolve_row(a, v)
    if mode == "full":
        return full
    start, length = ((m - 1) // 2, n) if mode == "same" else (m - 1, n - m + 1)
    return full[start : start + length]


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    """Take out jumps of more than half a period along an axis (``np.unwrap``), by adding constants: the derivative
    is 1.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([0.0, 3.0, 6.5])
    >>> np.unwrap(x).data.round(4)
    array([0.    , 3.    , 0.2168])
    """
    moved = np.unwrap(numbers(plain(p), "unwrap", "p"), discont, axis, period=plain(period)) - plain(p)
    return p + moved


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """Return the cross product of vectors of three elements (``np.cross``), possibly stacked.

    >>> import autodiff as ad, numpy as np
    >>> a = ad.tensor([1.0, 0.0, 0.0])
    >>> np.cross(a, [0.0, 1.0, 0.0]).data
    array([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(operand(a), axisa, -1), np.moveaxis(operand(b), axisb, -1)
    if {np.shape(a)[-1], np.shape(b)[-1]} - {2, 3}:
        raise ValueError(f"cross needs vectors of 2 or 3 elements; got {np.shape(a)[-1]} and {np.shape(b)[-1]}.")
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    if np.shape(a)[-1] == 2 == np.shape(b)[-1]:
        return a0 * b1 - a1 * b0
    a2, b2 = (v[..., 2] if np.shape(v)[-1] == 3 else np.zeros(np.shape(v)[:-1], v.dtype) for v in (a, b))
    return np.stack(np.broadcast_arrays(a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0), axis=axisc)


for _fn in (diff, ediff1d, gradient, trapezoid, interp, convolve, correlate, unwrap, cross):
    composite(_fn, numpy=(getattr(np, _fn.__name__),))
