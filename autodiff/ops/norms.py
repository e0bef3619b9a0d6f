"""Rows and functions of norms: of vectors, along axes, of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..backward.sums import sum_dtype
from ..batching import ways
from ..registry import OPS, composite, op
from ..registry.singular_points import Convention, Point
from ..variable import plain
from .axes import back
from .complex_numbers import conj
from .elementwise import INF, NAN, settled_along


def _largest(x: Any, axis: Any) -> Any:
    """Return the largest element; 0 of none. x is no less than 0."""
    more: dict[str, Any] = {} if x.size else {"initial": 0.0}
    return np.max(x, axis=axis, keepdims=True, **more)


def _extreme(a: Any, largest: bool, axis: Any, keepdims: bool = False) -> Any:
    """Return the largest or the smallest of sizes; as in NumPy, the largest of none is 0."""
    if largest and not np.size(a):
        return np.max(a, axis=axis, keepdims=keepdims, initial=0.0)
    return (np.max if largest else np.min)(a, axis=axis, keepdims=keepdims)


def _norm2(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    with np.errstate(over="ignore", under="ignore"):
        top = _largest(np.abs(x), axis)
        safe = np.where((top == 0) | ~np.isfinite(top), 1.0, top).astype(top.dtype)
        part = x / safe
        square = np.square(part) if part.dtype.kind != "c" else np.real(part * np.conjugate(part))
        total = np.sum(square, axis=axis, keepdims=True, dtype=sum_dtype(x))
        y = (safe * np.sqrt(total)).astype(safe.dtype)
    return y if keepdims else np.squeeze(y, axis=axis) if axis is not None else np.reshape(y, ())


def _norm2_vjp(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    at = y == 0
    return back(g / np.where(at, 1.0, y), axis, keepdims) * settled_along(conj(x), back(at, axis, keepdims), axis)


norm2 = op(
    _norm2,
    name="norm2",
    batch=ways.reduced,
    symbol="‖·‖",
    call="np.linalg.norm({x})",
    public=False,
    vjp=_norm2_vjp,
    kink=lambda x, **k: _norm2(x, **k),
    convention=Convention(
        lambda y: y == 0, "the norm is 0", "0", "Write np.sum(x * x), its square, which has a derivative there."
    ),
    samples=((((3, 4),), {}), (((3, 4),), {"axis": 0}), (((2, 3, 2),), {"axis": (0, 2), "keepdims": True})),
    reference=lambda x, axis=None, keepdims=False: np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims)),
    doc="Return the Euclidean norm over axes, scaled against overflow; derivative 0 where it is 0 (least subgradient).",
    complex=True,
)


def _normp(x: Any, ord: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    with np.errstate(all="ignore"):
        a = np.abs(x)
        top = _largest(a, axis) if ord > 0 else np.min(a, axis=axis, keepdims=True, initial=math.inf)
        safe = np.where((top == 0) | ~np.isfinite(top), 1.0, top).astype(np.result_type(x))
        y = safe * np.sum((a / safe) ** ord, axis=axis, keepdims=True, dtype=sum_dtype(x)) ** (1.0 / ord)
        y = y.astype(safe.dtype)
    return y if keepdims else np.squeeze(y, axis=axis) if axis is not None else np.reshape(y, ())


def _normp_vjp(g: Any, y: Any, x: Any, ord: float, axis: Any, keepdims: bool) -> Any:
    """Return sign(x) (|x| / y)^(p - 1). At x = 0 below p = 1 it is inf, as the derivative of |x|^p from the right."""
    at, y = back(y == 0, axis, keepdims), back(y, axis, keepdims)
    ratio = settled_along(np.abs(x), at, axis) / np.where(at, 1.0, y)
    power = ratio ** (ord - 1.0) if ord > 1 else np.where(at, 0.0, ratio ** (ord - 1.0))
    sign = np.where(np.equal(x, 0) & (0 < ord < 1), 1.0, np.sign(x))
    return back(g, axis, keepdims) * (power * sign)


normp = op(
    _normp,
    name="normp",
    batch=ways.reduced,
    symbol="‖·‖",
    call="np.linalg.norm({x}, p)",
    public=False,
    vjp=_normp_vjp,
    singular=True,
    domain=(0.1, math.inf),
    kink=lambda x, **_: np.abs(x),
    samples=((((3, 4),), {"ord": 3}), (((3, 4),), {"ord": 1.5, "axis": 0}), (((2, 3),), {"ord": 0.5, "axis": 1})),
    convention=Convention(lambda y: y == 0, "the norm is 0", "0", "Write np.sum(np.abs(x) ** p), its power p."),
    doc="Return (sum |x|^ord)^(1/ord) over axes, scaled against overflow; derivative 0 where it is 0.",
)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return a norm of vectors or of matrices (``np.linalg.norm``).

    ord: 1, 2, inf, -inf or any p for vectors; 'fro', 'nuc', 1, -1, 2, -2, inf, -inf for matrices.

    x: any shape. The derivative where the norm is 0 is 0.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([3.0, 4.0])
    >>> np.linalg.norm(x).backward(); x.grad
    array([0.6, 0.8])
    """
    if isinstance(axis, tuple) and len(axis) > 2:
        raise ValueError(f"norm: axis must name one or two axes; got {axis}. For more write np.linalg.vector_norm.")
    matrix = (axis is None and np.ndim(x) == 2) or (isinstance(axis, tuple) and len(axis) == 2)
    if isinstance(ord, str) and not (matrix and ord in ("fro", "nuc")):
        raise ValueError(f"norm(ord={ord!r}) is no norm of a {'matrix' if matrix else 'vector'}.")
    if ord is None or (matrix and ord == "fro") or (not matrix and ord == 2):
        return norm2(x, axis=axis, keepdims=keepdims)
    a = np.abs(x)
    if matrix:
        rows, columns = axis if axis is not None else (0, 1)
        if ord in (1, np.inf, -1, -np.inf):
            over, then = (rows, columns) if abs(ord) == 1 else (columns, rows)
            sums = np.sum(a, axis=over, keepdims=True)
            y = _extreme(sums, ord > 0, then, keepdims=True)
            return y if keepdims else np.squeeze(y, axis=(rows, columns))
        if ord not in (2, -2, "nuc"):
            raise ValueError(f"norm: ord={ord!r} is no norm of matrices; write 'fro', 'nuc', ±1, ±2 or ±inf.")
        x = np.moveaxis(x, (rows, columns), (-2, -1))
        y = OPS["nuclear_norm"](x) if ord == "nuc" else _extreme(np.linalg.svdvals(x), ord == 2, -1)
        return np.expand_dims(y, (rows % np.ndim(x), columns % np.ndim(x))) if keepdims else y
    if axis is None and np.ndim(x) > 2:
        raise ValueError(f"norm(ord={ord!r}) needs one or two axes; got shape {np.shape(x)}. Name them with axis=.")
    if ord in (np.inf, -np.inf):
        return _extreme(a, ord > 0, axis, keepdims)
    if ord == 0:
        return np.asarray(np.sum(a != 0, axis=axis, keepdims=keepdims), dtype=a.dtype)
    if ord == 1:
        return np.sum(a, axis=axis, keepdims=keepdims)
    return normp(a if np.iscomplexobj(plain(x)) else x, ord=float(ord), axis=axis, keepdims=keepdims)


def vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return the norm of the elements along any number of axes as one vector (``np.linalg.vector_norm``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[3.0, -4.0]])
    >>> np.linalg.vector_norm(x, ord=1).backward(); x.grad
    array([[ 1., -1.]])
    """
    n = np.ndim(x)
    axes = tuple(range(n)) if axis is None else normalize_axis_tuple(axis, n)
    if ord == 2 or len(axes) < 2:
        return norm2(x, axis=axes, keepdims=keepdims) if ord == 2 else norm(x, ord, axes, keepdims)
    shape, rest = np.shape(x), tuple([i for i in range(n) if i not in axes])
    rows = tuple([shape[i] for i in rest])
    y = norm(np.reshape(np.transpose(x, rest + axes), (*rows, math.prod([shape[i] for i in axes]))), ord, -1)
    return np.reshape(y, tuple([1 if i in axes else shape[i] for i in range(n)])) if keepdims else y


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return the norm of the matrices in the last two axes (``np.linalg.matrix_norm``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[3.0, 0.0], [0.0, 4.0]])
    >>> np.linalg.matrix_norm(x, ord="nuc").backward(); x.grad + 0
    array([[1., 0.],
           [0., 1.]])
    """
    return norm(x, ord, (-2, -1), keepdims)


composite(matrix_norm, numpy=(np.linalg.matrix_norm,), public=False)


composite(vector_norm, numpy=(np.linalg.vector_norm,), public=False)
composite(
    norm,
    numpy=(np.linalg.norm,),
    public=False,
    points=(
        Point(([0.0, 0.0],), ([0.0, 0.0],), "convention", [NAN, NAN]),
        Point(([[0.0, 0.0], [3.0, 4.0]],), ([[0.0, 0.0], [0.6, 0.8]],), "convention", static={"axis": 1}),
        Point(([0.0, 0.0],), ([0.0, 0.0],), "convention", [NAN, NAN], {"ord": 3}),
        Point(([0.0, -1.0],), ([0.0, -1.0],), "convention", [0.0, 0.0], {"ord": 1}),
        Point(([1.0, -1.0],), ([0.5, -0.5],), "shared", [0.0, 0.0], {"ord": INF}),
        Point(([0.0, 4.0, 9.0],), ([INF, 2.5, 5.0 / 3.0],), "infinite", static={"ord": 0.5}),
        Point(([0.0, 1.0],), ([0.0, 1.0],), "limit", static={"ord": 3}),
        Point(([[3.0, 0.0], [0.0, 3.0]],), ([[1.0, 0.0], [0.0, 1.0]],), "limit", static={"ord": "nuc"}),
        Point(([[3.0, 0.0], [0.0, 0.0]],), ([[1.0, 0.0], [0.0, 0.0]],), "convention", static={"ord": "nuc"}),
        Point(([[3.0, 0.0], [0.0, 3.0]],), ([[0.5, 0.0], [0.0, 0.5]],), "shared", static={"ord": 2}),
    ),
)
