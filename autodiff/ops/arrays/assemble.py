"""Arrays made of parts: array, block, append, insert, delete, resize, meshgrid, kron, vander, and pieces again.

Nothing here computes: each function finds with NumPy, on integers, the origin of every element, and records one join or
one selection.

One file, because all functions count places in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ...errors import WriteError, kind_of
from ...other_arrays import is_foreign
from ...registry import composite
from ...variable import Tensor, Variable, is_live, plain, plain_tree, wrap
from ..joining import stack
from ..shape import operand


# ---- ad.array and ad.asarray
def _leaves(x: Any, found: list[Any]) -> tuple[int, ...] | None:
    """Append the parts of nested lists and return the shape of the nesting, None where it is uneven."""
    if not isinstance(x, list | tuple):
        found.append(x)
        return ()
    shapes = [_leaves(v, found) for v in x]
    if any([s is None or s != shapes[0] for s in shapes]):
        return None
    return (len(x), *(shapes[0] or () if shapes else ()))


def _joined(x: Any) -> Any:
    """Return nested lists as an array, joined list by list: a list of numbers may stand beside a Tensor."""
    if not isinstance(x, list | tuple):
        return x
    parts = [_joined(v) for v in x]
    shapes = list(dict.fromkeys(np.shape(p) for p in parts))
    if len(shapes) > 1:
        raise ValueError(f"ad.array: the parts of one list have different shapes: {', '.join(map(str, shapes))}.")
    return stack(parts) if parts else np.zeros(0)


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    like: Any = None,
) -> Any:
    """Make an array of nested lists of numbers, arrays, Scalars and Tensors, and record it: ``np.array`` for parts
    that are recorded.

    object: nested lists or tuples, all parts of one shape. Scalars count as Python floats: they do not make float64 of
    float32. Without a Scalar or Tensor among the parts the result is the plain ``np.array``. Raises ValueError when
    the shapes differ.

    >>> import autodiff as ad
    >>> a, b = ad.scalar(2.0), ad.scalar(3.0)
    >>> rotation = ad.array([[a, -b], [b, a]])
    >>> rotation.sum().backward(); a.grad, b.grad
    (2.0, 0.0)
    """
    parts: list[Any] = []
    nesting = _leaves(object, parts)
    if not any([isinstance(p, Variable) for p in parts]):
        return np.array(object, dtype=dtype, copy=copy, order=order, subok=subok, ndmin=ndmin)
    if nesting and len({np.shape(p) for p in parts}) == 1:
        y = np.reshape(stack(parts), nesting + np.shape(parts[0]))  # one join, in which numbers have no dtype
    elif nesting != ():
        y = _joined(object)
    else:
        (y,) = parts
        y = np.copy(y) if copy and np.ndim(y) else y
        y = y if hasattr(plain(y), "shape") else stack([y])[0]
    if dtype is not None and y.dtype != np.dtype(dtype):
        y = np.astype(y, dtype)
    return np.reshape(y, (1,) * (ndmin - y.ndim) + y.shape) if y.ndim < ndmin else y


def asarray(
    a: Any,
    dtype: Any = None,
    order: Any = None,
    *,
    device: Any = None,
    copy: bool | None = None,
    like: Any = None,
) -> Any:
    """Return a Tensor as it is, nested lists with recorded parts as ``ad.array`` joins them, and other floats and
    complex numbers as a constant Tensor (``np.asarray``); integers and booleans stay NumPy's arrays.

    copy: True for memory of its own, False for an error where it would be needed. device: None or "cpu".

    >>> import autodiff as ad
    >>> t = ad.tensor([1.0, 2.0])
    >>> ad.asarray(t) is t, ad.asarray([t[0], 5.0]).data, ad.asarray([1, 2])
    (True, array([1., 5.]), array([1, 2]))
    """
    if device not in (None, "cpu"):
        raise ValueError(f"ad.asarray: the only device is 'cpu'; got {device!r}.")
    if isinstance(a, Tensor) and (dtype is None or a.dtype == np.dtype(dtype)):
        return np.copy(a) if copy else a
    if isinstance(a, Variable) or (isinstance(a, list | tuple) and _any_recorded(a)):
        if copy is False:
            raise ValueError("ad.asarray(copy=False): lists, Scalars and other dtypes need a copy. Leave copy out.")
        return array(a, dtype)
    made = np.asarray(plain_tree(a), dtype, order=order, copy=copy)
    return wrap(made, None) if made.dtype.kind in "fc" else made


def _any_recorded(a: Any) -> bool:
    parts: list[Any] = []
    _leaves(a, parts)
    return any([isinstance(p, Variable) and p.node is not None for p in parts])


for _fn in (array, asarray):
    composite(_fn)


# ---- block, append and other joins
def block(arrays: Any) -> Any:
    """Put blocks together (``np.block``): the innermost lists along the last axis, those around them along the one
    before.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones((2, 2)))
    >>> np.block([[x, np.zeros((2, 1))], [np.ones((1, 3))]]).shape
    (3, 3)
    """
    parts: list[Any] = []

    def depth(x: Any) -> int:
        if not isinstance(x, list):
            if isinstance(x, tuple):
                raise TypeError("block takes lists; got a tuple. Write np.block([[a, b], [c, d]]).")
            parts.append(x)
            return 0
        depths = {depth(v) for v in x}
        if len(depths) != 1:
            raise ValueError("block: lists must not be empty, and all parts must be nested as deep.")
        return 1 + depths.pop()

    levels = depth(arrays)
    n = max([levels, *[np.ndim(p) for p in parts]])

    def join(x: Any, level: int) -> Any:
        if level == 0:
            return np.reshape(x, (1,) * (n - np.ndim(x)) + np.shape(x))
        return np.concatenate([join(v, level - 1) for v in x], axis=-level)

    return join(arrays, levels)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    """Join values to the end (``np.append``); axis None flattens both.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.append(x, [5.0, 6.0]).data
    array([1., 2., 5., 6.])
    """
    if axis is None:
        return np.concatenate([np.ravel(arr), np.ravel(values)])
    return np.concatenate([arr, values], axis=axis)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    """Insert values before the given places along an axis (``np.insert``); axis None flattens.

    >>> import autodiff as ad, numpy as np
    >>> x, v = ad.tensor([1.0, 2.0]), ad.tensor(5.0)
    >>> y = np.insert(x, 1, v); y.data
    array([1., 5., 2.])
    """
    arr = np.ravel(arr) if axis is None else operand(arr)
    axis = 0 if axis is None else normalize_axis_index(axis, np.ndim(arr))
    shape, obj = np.shape(arr), plain(obj)
    obj = np.asarray(obj, None if len(obj) else np.intp) if isinstance(obj, list | tuple) else obj
    n = shape[axis]
    places = np.insert(np.arange(n), obj, -1)  # where the old ones go; -1 is new
    new = int(np.sum(places < 0))
    if np.ndim(obj) == 0 and not isinstance(obj, slice):  # one place: the axis of the values counts how many
        values = np.reshape(values, (1,) * (len(shape) - np.ndim(values)) + np.shape(values))
        values = np.moveaxis(values, 0, axis)
        new = np.shape(values)[axis]
        places = np.insert(np.arange(n), [int(obj)] * new, -1)
    values = np.broadcast_to(values, tuple([new if i == axis else m for i, m in enumerate(shape)]))
    if np.ndim(obj) > 0 or isinstance(obj, slice):  # values go to their own places, which need not be in order
        places = np.insert(np.arange(n), obj, np.arange(n, n + new))
    else:
        places[places < 0] = np.arange(n, n + new)
    values = values if np.result_type(values) == arr.dtype else np.astype(values, arr.dtype)
    return np.take(np.concatenate([arr, values], axis=axis), places, axis=axis)


def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    """Leave out the given places along an axis (``np.delete``); axis None flattens.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> np.delete(x, 1).sum().backward(); x.grad
    array([1., 0., 1.])
    """
    arr = np.ravel(arr) if axis is None else arr
    axis = 0 if axis is None else axis
    return np.take(arr, np.delete(np.arange(np.shape(arr)[axis]), plain(obj)), axis=axis)


def resize(a: Any, new_shape: Any) -> Any:
    """Fill a shape with the elements over and over (``np.resize``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.resize(x, (2, 3)).data
    array([[1., 2., 1.],
           [2., 1., 2.]])
    """
    if not np.size(a):
        return np.zeros(new_shape, np.result_type(plain(a)))
    return np.ravel(a)[np.resize(np.arange(np.size(a)), new_shape)]


def diagflat(v: Any, k: int = 0) -> Any:
    """Make a matrix with the flattened values on a diagonal (``np.diagflat``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.diagflat(x).data
    array([[1., 0.],
           [0., 2.]])
    """
    return np.diag(np.ravel(v), k)


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """Move an axis back until it stands before another (``np.rollaxis``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones((2, 3, 4)))
    >>> np.rollaxis(x, 2).shape
    (4, 2, 3)
    """
    n = np.ndim(a)
    axis = normalize_axis_index(axis, n)
    start = start + n if start < 0 else start
    if not 0 <= start <= n:
        raise ValueError(f"rollaxis: start must be from {-n} to {n}; got {start - n if start < 0 else start}.")
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


def matrix_transpose(x: Any, /) -> Any:
    """Exchange the last two axes (``np.matrix_transpose``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.matrix_transpose(x).data
    array([[1., 3.],
           [2., 4.]])
    """
    return np.swapaxes(x, -1, -2)


def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    """Repeat arrays until all have one shape (``np.broadcast_arrays``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> a, b = np.broadcast_arrays(x, np.zeros((2, 1)))
    >>> a.sum().backward(); x.grad
    array([2., 2.])
    """
    shape = np.broadcast_shapes(*[np.shape(a) for a in args])
    return tuple([np.broadcast_to(a, shape) for a in args])


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """Return coordinate arrays of a grid (``np.meshgrid``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> a, b = np.meshgrid(x, [0.0, 1.0, 2.0])
    >>> a.sum().backward(); x.grad
    array([3., 3.])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij'; got {indexing!r}.")
    n = len(xi)
    places = list(range(n))
    if indexing == "xy" and n > 1:
        places[:2] = [1, 0]
    grids = [np.reshape(x, tuple([-1 if i == at else 1 for i in range(n)])) for x, at in zip(xi, places, strict=True)]
    return tuple(grids) if sparse else broadcast_arrays(*grids)


def ix_(*args: Any) -> tuple[Any, ...]:
    """Return sequences as an open mesh, each along an axis of its own (``np.ix_``); booleans as the places of True.

    >>> import autodiff as ad, numpy as np
    >>> x, y = np.ix_(ad.tensor([1.0, 2.0]), [10.0, 20.0, 30.0])
    >>> (x * y).shape
    (2, 3)
    """
    mesh = []
    for k, x in enumerate(args):
        if np.ndim(x) != 1:
            raise ValueError(f"ix_ takes sequences, of one axis; got {kind_of(x)} at {k}.")
        row = x if isinstance(x, Variable) and plain(x).dtype.kind in "fc" else np.ix_(plain(x))[0]
        mesh.append(np.reshape(row, tuple([-1 if i == k else 1 for i in range(len(args))])))
    return tuple(mesh)


def kron(a: Any, b: Any) -> Any:
    """Replace each element of a by its product with all of b (``np.kron``).

    >>> import autodiff as ad, numpy as np
    >>> np.kron(ad.tensor([1.0, 2.0]), [1.0, 10.0]).data
    array([ 1., 10.,  2., 20.])
    """
    n = max(np.ndim(a), np.ndim(b))
    left, right = ((1,) * (n - np.ndim(x)) + np.shape(x) for x in (a, b))
    wide = np.reshape(a, tuple([m for s in left for m in (s, 1)])) * np.reshape(
        b, tuple([m for s in right for m in (1, s)])
    )
    return np.reshape(wide, tuple([s * r for s, r in zip(left, right, strict=True)]))


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the matrix of the powers of x (``np.vander``): x ** (N - 1), ..., x, 1.

    x: (n,). The powers are products of their neighbours, so the derivative at 0 is right.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.vander(x, 3).data
    array([[1., 1., 1.],
           [4., 2., 1.]])
    """
    x = operand(x)
    if np.ndim(x) != 1:
        raise ValueError(f"vander needs one axis; got {kind_of(x)}.")
    N = np.shape(x)[0] if N is None else N
    kind = np.promote_types(x.dtype, int)  # float64 also of float32, as NumPy's
    x = x if x.dtype == kind else np.astype(x, kind)
    columns = [np.power(x, 0)]
    for _ in range(1, N):
        columns.append(columns[-1] * x)
    return np.stack(columns[:N] if increasing else columns[:N][::-1], axis=1) if N else np.stack(columns, axis=1)[:, :0]


# ---- pieces
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Return pieces along an axis, as equal as they can be (``np.array_split``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> [piece.data for piece in np.array_split(x, 2)]
    [array([1., 2.]), array([3.])]
    """
    n = np.shape(ary)[axis]
    if isinstance(indices_or_sections, int | np.integer):
        if indices_or_sections <= 0:
            raise ValueError(f"array_split needs one piece or more; got {indices_or_sections}.")
        less, more = divmod(n, int(indices_or_sections))
        sizes = [less + 1] * more + [less] * (int(indices_or_sections) - more)
        indices_or_sections = np.cumsum(sizes)[:-1]
    return np.split(ary, indices_or_sections, axis=axis)


def hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Return pieces side by side (``np.hsplit``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> [piece.data.tolist() for piece in np.hsplit(x, 2)]
    [[[1.0], [3.0]], [[2.0], [4.0]]]
    """
    if np.ndim(ary) == 0:
        raise ValueError("hsplit needs one axis or more.")
    return np.split(ary, indices_or_sections, axis=1 if np.ndim(ary) > 1 else 0)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Return pieces on top of each other (``np.vsplit``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> [piece.data.tolist() for piece in np.vsplit(x, 2)]
    [[[1.0, 2.0]], [[3.0, 4.0]]]
    """
    if np.ndim(ary) < 2:
        raise ValueError(f"vsplit needs two axes or more; got {kind_of(ary)}.")
    return np.split(ary, indices_or_sections, axis=0)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    """Return pieces along the third axis (``np.dsplit``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones((2, 2, 4)))
    >>> [piece.shape for piece in np.dsplit(x, 2)]
    [(2, 2, 2), (2, 2, 2)]
    """
    if np.ndim(ary) < 3:
        raise ValueError(f"dsplit needs three axes or more; got {kind_of(ary)}.")
    return np.split(ary, indices_or_sections, axis=2)


# ---- sequences of numbers
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """Return evenly spaced numbers from start to stop (``np.linspace``), which may both be recorded.

    >>> import autodiff as ad, numpy as np
    >>> stop = ad.scalar(2.0)
    >>> np.linspace(0.0, stop, 3).sum().backward(); stop.grad
    1.5
    """
    parts = num - 1 if endpoint else num
    given = [np.asarray(v) if isinstance(v, (list, tuple)) else plain(v) for v in (start, stop)]
    kind = np.result_type(*given, 1.0)  # of Python's numbers no more than float32 has
    start, stop = [v if np.result_type(v) == kind else np.astype(v, kind) for v in np.broadcast_arrays(start, stop)]
    at = np.arange(num, dtype=kind).reshape((num, *(1,) * np.ndim(start))) / kind.type(max(parts, 1))
    y = start + (stop - start) * at
    if endpoint and num > 1:  # as in NumPy, the last is exactly stop
        y = np.concatenate([y[:-1], np.expand_dims(stop, 0)])
    y = np.moveaxis(y, 0, axis) if axis else y
    y = y if dtype is None else np.astype(y, dtype)
    return (y, (stop - start) / parts if parts else np.nan) if retstep else y


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    """Return base to the power of evenly spaced numbers (``np.logspace``); all three may be recorded.

    >>> import autodiff as ad, numpy as np
    >>> stop = ad.tensor(2.0)
    >>> np.logspace(0.0, stop, 3).data
    array([  1.,  10., 100.])
    """
    y = np.power(np.expand_dims(base, axis) if np.ndim(base) else base, linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else np.astype(y, dtype)


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """Return numbers of which each is the same multiple of the one before (``np.geomspace``).

    >>> import autodiff as ad, numpy as np
    >>> stop = ad.tensor(8.0)
    >>> np.geomspace(1.0, stop, 4).data
    array([1., 2., 4., 8.])
    """
    start, stop = [np.asarray(v) if isinstance(v, (list, tuple)) else v for v in (start, stop)]
    kind = np.result_type(np.float64, start, stop)
    start, stop = [v if np.result_type(v) == kind else np.astype(v, kind) for v in np.broadcast_arrays(start, stop)]
    ratio = stop / start
    same = plain(ratio) > 0
    if kind.kind != "c" and not is_foreign(same) and not np.all(same):  # complex numbers go along a spiral
        raise ValueError("geomspace: start and stop must have the same sign and not be zero.")
    y = np.expand_dims(start, axis) * np.exp(linspace(0.0 * ratio, np.log(ratio), num, endpoint, axis=axis))
    return y if dtype is None else np.astype(y, dtype)


# ---- new values where NumPy writes into its argument
def fill_diagonal(a: Any, val: Any, wrap: bool = False, *, inplace: bool = True) -> Any:
    """Write val into the main diagonal of a, and return None (``np.fill_diagonal``); or return a copy that has it.

    a: two axes, or more that are equally long. wrap: begin again below the end of a tall matrix. A write is recorded as
    ``a[i] = v`` is, and refused for a leaf: write ``inplace=False``, as in JAX, for a new value.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones((2, 2)))
    >>> ad.fill_diagonal(x, 0.0, inplace=False).sum().backward(); x.grad
    array([[0., 1.],
           [1., 0.]])
    >>> y = x * 2.0; np.fill_diagonal(y, 5.0); y.data
    array([[5., 2.],
           [2., 5.]])
    """
    where = np.zeros(np.shape(a), bool)
    np.fill_diagonal(where, True, wrap=wrap)
    places = np.nonzero(where)
    if np.ndim(val):
        val = np.resize(val, (len(places[0]),))
    return _put("fill_diagonal", a, places, val, inplace)


def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None, *, inplace: bool = True) -> Any:
    """Write values into arr at the indices along an axis, and return None (``np.put_along_axis``); or return a copy
    that has them.

    A write is recorded as ``arr[i] = v`` is, and refused for a leaf: write ``inplace=False``, as in JAX.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0]])
    >>> ad.put_along_axis(x, np.array([[1]]), 9.0, axis=1, inplace=False).data
    array([[1., 9.]])
    >>> y = x * 2.0; np.put_along_axis(y, np.array([[1]]), 9.0, axis=1); y.data
    array([[2., 9.]])
    """
    from ..index import along

    name, indices = "put_along_axis", np.asarray(plain(indices))
    if axis is None:
        return _put(name, arr, np.unravel_index(indices, np.shape(arr)), values, inplace)
    axis = normalize_axis_index(axis, np.ndim(arr))
    shape = tuple(
        [k if i == axis else max(m, k) for i, (m, k) in enumerate(zip(np.shape(arr), indices.shape, strict=True))]
    )
    return _put(name, arr, along(np.broadcast_to(indices, shape), axis), values, inplace)


def _put(name: str, x: Any, index: Any, values: Any, inplace: bool) -> Any:
    from ..index import setitem

    if not inplace:
        return setitem(x, values, index=index)
    leaf = isinstance(x, Variable) and x.is_leaf and is_live(x)
    if leaf or (not isinstance(x, Variable) and isinstance(values, Variable) and is_live(values)):
        kind = "a leaf" if leaf else "a plain array, which cannot hold a recorded value"
        raise WriteError(f"ad.{name} would write into {kind}. Write ad.{name}(..., inplace=False): a new value.")
    x[index] = values
    return None


composite(fill_diagonal, numpy=(np.fill_diagonal,))
composite(put_along_axis, numpy=(np.put_along_axis,))
composite(ix_, numpy=(np.ix_,), public=False)  # ad.ix_, under NumPy's name
for _function in (
    block, append, insert, delete, resize, diagflat, rollaxis, matrix_transpose, broadcast_arrays, meshgrid, kron,
    vander, array_split, hsplit, vsplit, dsplit, linspace, logspace, geomspace,
):  # fmt: skip
    composite(_function, numpy=(getattr(np, _function.__name__),))
