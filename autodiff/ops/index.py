"""Rows that pick and place: getitem and scatter, setitem, take_along_axis, diagonal.

np.add.at and other writes never stand in a rule: picking and placing are closed pairs of rows, each the other's
derivative, so every order exists.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..batching.handle import Batched
from ..batching.indexing import pick, picked, placed, taken_along, written
from ..batching.ways import as_numbers
from ..errors import missing_argument
from ..modes import current_trace
from ..other_arrays import as_array, beside, is_foreign, numbers, ones_like_value, zeros
from ..registry import composite, op
from ..variable import Tensor, plain
from ..writes.views import note_view


def _getitem(x: Any, index: Any) -> Any:
    return x[index]


def _is_basic(index: Any) -> bool:
    """Return whether an index picks no element twice: ints, slices, Ellipsis, None, and boolean masks."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        isinstance(i, int | np.integer | slice) or i is Ellipsis or i is None or getattr(i, "dtype", None) == np.bool_
        for i in parts
    )


def _scatter(x: Any, index: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    y = zeros(shape, dtype, like=x)
    if _is_basic(index):
        parts = index if isinstance(index, tuple) else (index,)
        if is_foreign(y) and any([i is None for i in parts]):  # not every library has it
            index = tuple([i for i in parts if i is not None])
            x = np.reshape(x, np.broadcast_to(0, shape)[index].shape)
        y[index] = x
    elif is_foreign(y):
        try:
            np.add.at(y, index, x)
        except TypeError:  # the library cannot add at an index
            return _added_along(y, index, x)
    else:
        _add_repeated(y, index, x)
    return y


def _added_along(y: Any, index: Any, x: Any) -> Any:
    """Return y with x added at NumPy's integers along one axis, in rounds that read each place of x at most once."""
    *before, at = index if isinstance(index, tuple) else (index,)
    at, axis = np.asarray(numbers(at, "an index along one axis", "index")), len(before)
    if any([not isinstance(i, slice) or i != slice(None) for i in before]) or at.dtype.kind not in "iu":
        raise TypeError("it cannot add at an index of several arrays")
    n, rest = y.shape[axis], (1,) * (y.ndim - axis - 1)
    x = np.reshape(x, (*y.shape[:axis], at.size, *y.shape[axis + 1 :]))
    at = at.reshape(-1) % n
    order, counts = np.argsort(at, kind="stable"), np.bincount(at, minlength=n)
    starts = np.cumsum(counts) - counts
    for turn in range(counts.max(initial=0)):
        places = order[np.minimum(starts + turn, at.size - 1)]
        there = beside((counts > turn).reshape(n, *rest), y)
        y = y + np.where(there, x[(*before, places)], 0.0)
    return y


def _add_at(buffer: Any, g: Any, index: Any, x_shape: Any, x_dtype: Any) -> None:
    """Add g into the buffer at an index: a loop over the rows of a matrix then makes no zeros of its size for each."""
    if _is_basic(index):
        buffer[index] += g
    else:
        _add_repeated(buffer, index, g)


def _add_repeated(y: Any, index: Any, x: Any) -> None:
    """Add x into y at an index that may name a place several times. NumPy is four times as fast at one flat index."""
    if y.dtype == np.float16 and y.__class__ is np.ndarray:  # in which 4,096 ones make 2,048
        sums = y.astype(np.float32)
        _add_repeated(sums, index, x.astype(np.float32))
        y[...] = sums
    elif y.__class__ is not np.ndarray or x.__class__ is not np.ndarray or current_trace() is not None:
        np.add.at(y, index, x)
    elif not _add_in_rounds(y, index, x):
        places = _places(index, y.shape, x.size) if y.flags.c_contiguous else None
        if places is None:
            np.add.at(y, index, x)
        else:
            np.add.at(y.reshape(-1), places.reshape(-1), np.broadcast_to(x, places.shape).reshape(-1))


def _add_in_rounds(y: np.ndarray, index: Any, x: np.ndarray) -> bool:
    """Add x into y at an index of wide rows along one axis, in rounds that name no place twice, as borders and
    interpolation do; or return False where it is no such index. Each place adds in the same order as ``np.add.at``."""
    *before, at = index if isinstance(index, tuple) else (index,)
    if not isinstance(at, np.ndarray) or at.ndim != 1 or at.dtype.kind != "i" or x.size < max(8192, 16 * at.size):
        return False
    axis = len(before)
    if any([not isinstance(i, slice) or i != slice(None) for i in before]) or x.dtype != y.dtype:
        return False
    if x.shape != (*y.shape[:axis], at.size, *y.shape[axis + 1 :]):
        return False
    at = at.astype(np.intp) % y.shape[axis]  # int8 and int16 would overflow
    counts = np.bincount(at, minlength=y.shape[axis])
    if counts.max() > 4:
        return False
    order = np.argsort(at, kind="stable")
    starts = np.cumsum(counts) - counts
    turns = np.arange(at.size) - starts[at[order]]
    for turn in range(counts.max()):
        these = order[turns == turn]
        y[(*before, at[these])] += x[(*before, these)]
    return True


def _places(index: Any, shape: tuple[int, ...], count: int) -> Any:
    """Return the flat places that an index names in an array of a shape, or None where it takes long to find them."""
    if index.__class__ is np.ndarray and index.dtype.kind == "i":
        width = math.prod(shape[1:])
        rows = index.astype(np.intp).reshape(*index.shape, *[1] * (len(shape) - 1))  # int8 and int16 would overflow
        return rows * width + np.arange(width).reshape(shape[1:])
    size = math.prod(shape)
    return np.arange(size).reshape(shape)[index] if 256 <= count and size <= 8 * count else None


_I = (
    (((3, 4),), {"index": (slice(None), 1)}),
    (((4,),), {"index": slice(None, None, -2)}),
    (((3, 2),), {"index": [0, 0, 2]}),
    (((3, 2),), {"index": np.array([[True, False], [True, True], [False, False]])}),
    (((3,),), {"index": 1}),
    (((2, 3, 2),), {"index": (slice(None), [2, 2], None, 0)}),
)
getitem = op(
    _getitem,
    name="getitem",
    batch=picked,
    symbol="[ ]",
    linear=True,
    selects=True,
    public=False,
    samples=_I,
    vjp=lambda g, index, x_shape, x_dtype: scatter(g, index=index, shape=x_shape, dtype=x_dtype),
    add_into=_add_at,
    doc="Return x[index], for every kind of NumPy index.",
    complex=True,
)
scatter: Any = op(
    _scatter,
    name="scatter",
    batch=placed,
    linear=True,
    public=False,
    vjp=lambda g, index: getitem(g, index=index),
    samples=(
        (((2, 3),), {"index": [0, 0], "shape": (3, 3), "dtype": np.float64}),
        (((2,),), {"index": slice(0, 2), "shape": (4,), "dtype": np.float64}),
    ),
    doc="Return zeros of a shape with x added at index: the transpose of getitem.",
    complex=True,
)


def _setitem(x: Any, v: Any, index: Any) -> Any:
    y = x.copy() if is_foreign(x) else np.array(x, dtype=np.result_type(x))
    y[index] = v
    return y


def _cleared(g: Any, index: Any) -> Any:
    keep = ones_like_value(np.shape(g), bool, like=plain(g))
    keep[index] = False
    return g * keep


def _written(g: Any, index: Any) -> Any:
    """Return the cotangent of the written values: of values written into one place, only the last counts."""
    d = getitem(g, index=index)
    if _is_basic(index):
        return d
    last = zeros(np.shape(g), int, like=plain(g))
    order = beside(np.arange(d.size).reshape(d.shape), last)
    last[index] = order
    return d * (last[index] == order)


setitem = op(
    _setitem,
    name="setitem",
    batch=written,
    inputs="x v",
    symbol="[ ]=",
    selects=True,
    public=False,
    domain=(float("-inf"), float("inf")),
    vjp=(lambda g, index: _cleared(g, index), lambda g, index: _written(g, index)),
    samples=(
        (((3, 2), (2,)), {"index": 1}),
        (((3,), ()), {"index": slice(0, 2)}),
        (((3,), (3,)), {"index": [0, 0, 2]}),
    ),
    doc="Return a copy of x with v written at index; of values written into one place, the last is there.",
    complex=True,
)


def take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    """Return elements along an axis (``np.take``), repeats allowed; axis None takes from the flattened array.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.take(x, [1, 1, 0], axis=1).sum().backward(); x.grad
    array([[1., 2.],
           [1., 2.]])
    """
    if out is not None:
        raise missing_argument("take", "out")
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"take: mode must be 'raise', 'wrap' or 'clip'; got {mode!r}.")
    a = np.reshape(a, -1) if axis is None else a
    axis = 0 if axis is None else normalize_axis_index(axis, np.ndim(a))
    indices = indices if isinstance(indices, Batched) else as_array(indices)
    if indices.dtype == np.bool_:  # NumPy's take reads False and True as 0 and 1; as an index they would be a mask
        indices = indices.astype(np.intp)
    if mode != "raise":
        n = np.shape(a)[axis]
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else indices % n
    index = (slice(None),) * axis + (indices,)
    if indices.__class__ is np.ndarray and indices.ndim == 0 and is_foreign(plain(a)):
        return a[(*index[:-1], int(indices))]  # not every library takes an array for a number
    return pick(a, index) if isinstance(indices, Batched) else a[index]


def along(index: Any, axis: int) -> tuple[Any, ...]:
    """Return the index that picks, for every place of ``index``, the element of that number along an axis."""
    grid = [beside(i, index) for i in np.ix_(*[np.arange(n) for n in index.shape])]
    grid[axis] = index
    return tuple(grid)


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """Return the elements that an index array names along an axis (``np.take_along_axis``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.take_along_axis(x, np.array([[1], [0]]), axis=1).data
    array([[2.],
           [3.]])
    """
    indices = indices if isinstance(indices, Batched) else as_array(indices)
    if indices.dtype.kind not in "iu":
        raise IndexError(f"take_along_axis needs integer indices; got {indices.dtype}. For a mask write x[mask].")
    if isinstance(indices, Batched):
        return taken_along(arr if axis is not None else np.reshape(arr, -1), indices, 0 if axis is None else axis)
    if axis is None:
        return np.reshape(arr, -1)[indices]
    axis = normalize_axis_index(axis, np.ndim(arr))
    shape = tuple(n if i == axis else m for i, (m, n) in enumerate(zip(np.shape(arr), indices.shape, strict=True)))
    return arr[along(np.broadcast_to(indices, shape), axis)]


def _as_view(x: Any, y: Any) -> Any:
    """Return y, a copy of elements of x where NumPy gives a view: it refuses further use once x is written."""
    if isinstance(y, Tensor) and not isinstance(y, Batched):
        note_view(x, y)
    return y


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the diagonals of two axes, as the last axis (``np.diagonal``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.diagonal(x).data
    array([1., 4.])
    """
    moved = np.moveaxis(a, (axis1, axis2), (-2, -1))
    n, m = np.shape(moved)[-2:]
    k = max(0, min(n + min(offset, 0), m - max(offset, 0)))
    return _as_view(a, moved[..., np.arange(k) - min(offset, 0), np.arange(k) + max(offset, 0)])


def sliding_window_view(
    x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    """Return all windows of a shape, their axes last (``np.lib.stride_tricks.sliding_window_view``); a copy.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 4.0])
    >>> ad.sliding_window_view(x, 2).sum().backward(); x.grad
    array([1., 2., 1.])
    """
    if subok or writeable:
        raise missing_argument("sliding_window_view", "subok" if subok else "writeable")
    lengths = (window_shape,) if np.ndim(window_shape) == 0 else tuple(window_shape)
    axes = tuple(range(np.ndim(x))) if axis is None else normalize_axis_tuple(axis, np.ndim(x), allow_duplicate=True)
    whole = x
    if len(lengths) != len(axes):
        raise ValueError(f"sliding_window_view: window_shape {lengths} has not one length for each of the axes {axes}.")
    for length, along in zip(lengths, axes):
        n = np.shape(x)[along]
        if not 0 <= length <= n:
            raise ValueError(f"sliding_window_view: windows of {length} do not fit axis {along}, of length {n}.")
        places = np.arange(n - length + 1)[:, None] + np.arange(length)
        x = np.moveaxis(np.take(x, places, axis=along), along + 1, -1)
    return x if x is whole else _as_view(whole, x)


def diag(v: Any, k: int = 0) -> Any:
    """Return the diagonal of a matrix, or a matrix with the given diagonal (``np.diag``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.diag(x).sum().backward(); x.grad
    array([[1., 0.],
           [0., 1.]])
    """
    if np.ndim(v) == 2:
        return np.diagonal(v, k)
    if np.ndim(v) != 1:
        raise ValueError(f"diag needs one or two axes; got shape {np.shape(v)}.")
    n, rows = np.shape(v)[0] + abs(k), np.arange(np.shape(v)[0])
    return scatter(v, index=(rows - min(k, 0), rows + max(k, 0)), shape=(n, n), dtype=v.dtype)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    """Sum the diagonals of two axes (``np.trace``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.trace(x).backward(); x.grad
    array([[1., 0.],
           [0., 1.]])
    """
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


composite(sliding_window_view, numpy=(np.lib.stride_tricks.sliding_window_view,))
for _fn in (take, take_along_axis, diagonal, diag, trace):
    composite(_fn, numpy=(getattr(np, _fn.__name__),), method=_fn in (take, diagonal, trace))


def _number(x: Any) -> Any:
    only = x.reshape(())
    if is_foreign(only):
        raise TypeError("a Scalar is a Python number")
    return only.item() if type(only) is np.ndarray else only.as_number()  # in a trace it stays an array


_to_scalar = op(
    _number,
    name="to_scalar",
    batch=as_numbers,
    symbol="scalar",
    public=False,
    vjp=lambda g, x_shape: np.reshape(g, x_shape),
    samples=((((),), {}), (((1,),), {})),
    doc="Return the one element of a Tensor as a Scalar.",
)
