"""Rows that move values without changing them: reshape, transpose, flip, repeat, and composites of them.

One file, because the rows are short, and each is the inverse of another one here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..batching import ways
from ..other_arrays import plain_array
from ..registry import composite, op
from ..variable import Variable, plain

Axes = int | tuple[int, ...] | None


def operand(x: Any) -> Any:
    """Return x as an array, a Tensor or a Scalar, for composites that read its dtype or its length."""
    return x if isinstance(x, Variable) else plain_array(x)


def _reshape(x: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    if order == "C" and x.__class__ is not np.ndarray:  # not every library has an order
        return np.reshape(x, (shape,) if isinstance(shape, int) else shape)
    y = np.reshape(x, shape, order=order)  # type: ignore[call-overload]
    if copy is False and y.size and not np.may_share_memory(x, y):
        raise ValueError(f"reshape: {np.shape(x)} cannot become {np.shape(y)} without a copy.")
    return y.copy() if copy and y.base is not None else y


reshape: Any = op(
    _reshape,
    name="reshape",
    batch=ways.reshaped,
    numpy=(np.reshape,),
    vjp=lambda g, x_shape, order: reshape(g, x_shape, order=order),
    linear=True,
    samples=(
        (((2, 6),), {"shape": (3, 4)}),
        (((4,),), {"shape": (2, 2)}),
        (((2, 3),), {"shape": -1}),
        (((2, 3),), {"shape": (3, 2), "order": "F"}),
    ),
    doc="Return the values in another shape.",
    complex=True,
    view=True,
)


def _transpose(x: Any, axes: Any = None) -> Any:
    return np.transpose(x, axes)


def _inverse(axes: Any) -> Any:
    if axes is None or not np.ndim(axes):  # one axis may be given as a number
        return axes
    return tuple(int(i) for i in np.argsort([a % len(axes) for a in axes]))


transpose = op(
    _transpose,
    name="transpose",
    batch=ways.transposed,
    numpy=(np.transpose, np.permute_dims),
    linear=True,
    vjp=lambda g, axes: np.transpose(g, _inverse(axes)),
    samples=((((2, 3),), {}), (((2, 3, 4),), {"axes": (2, 0, 1)}), (((2, 3),), {"axes": (-1, 0)})),
    doc="Reorder the axes.",
    complex=True,
    view=True,
)


def _swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    return np.swapaxes(x, axis1, axis2)


swapaxes = op(
    _swapaxes,
    name="swapaxes",
    batch=ways.two_axes,
    numpy=(np.swapaxes,),
    method=True,
    linear=True,
    vjp=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2),
    samples=((((2, 3),), {"axis1": 0, "axis2": -1}),),
    doc="Exchange two axes.",
    complex=True,
    view=True,
)


def _expand_dims(x: Any, axis: Axes) -> Any:
    return np.expand_dims(x, axis)  # type: ignore[arg-type]


expand_dims = op(
    _expand_dims,
    name="expand_dims",
    batch=ways.expanded,
    numpy=(np.expand_dims,),
    linear=True,
    vjp=lambda g, x_shape: np.reshape(g, x_shape),
    samples=((((2, 3),), {"axis": -1}), (((3,),), {"axis": (0, 2)})),
    doc="Insert axes of length 1.",
    complex=True,
    view=True,
)


def _squeeze(x: Any, axis: Axes = None) -> Any:
    y = np.squeeze(x, axis)
    return y[...] if y is x else y  # a view, as always


squeeze = op(
    _squeeze,
    name="squeeze",
    batch=ways.squeezed,
    numpy=(np.squeeze,),
    method=True,
    linear=True,
    vjp=lambda g, x_shape: np.reshape(g, x_shape),
    samples=((((2, 1, 3),), {}), (((1, 3),), {"axis": 0})),
    doc="Remove axes of length 1.",
    complex=True,
)


def _broadcast_to(x: Any, shape: Any, subok: bool = False) -> Any:
    return np.broadcast_to(x, shape)


broadcast_to = op(
    _broadcast_to,
    name="broadcast_to",
    batch=ways.broadcast,
    numpy=(np.broadcast_to,),
    linear=True,
    vjp=lambda g: g,
    samples=((((3,),), {"shape": (2, 3)}), (((2, 1),), {"shape": (2, 4)}), (((),), {"shape": (2,)})),
    doc="Repeat values by broadcasting to a shape; the gradient is summed back.",
    complex=True,
)


def _astype(x: Any, dtype: Any, copy: bool = True, device: Any = None) -> Any:
    x = plain_array(x)
    y = x.astype(dtype, copy=copy)
    return y[...] if y is x else y


astype = op(
    _astype,
    name="astype",
    batch=ways.aligned,
    numpy=(np.astype,),
    method=True,
    linear=True,
    vjp=lambda g: g,
    samples=((((2, 3),), {"dtype": np.float64}),),
    doc="Return the values in another floating dtype; the gradient is cast back.",
    complex=True,
    view=True,
)


def _flip(x: Any, axis: Axes = None) -> Any:
    return np.flip(x, axis)


flip = op(
    _flip,
    name="flip",
    batch=ways.reduced,
    numpy=(np.flip,),
    linear=True,
    vjp=lambda g, axis: np.flip(g, axis),
    samples=((((2, 3),), {}), (((2, 3),), {"axis": 1})),
    doc="Reverse the order of the elements along axes.",
    complex=True,
)


def _roll(x: Any, shift: Any, axis: Any = None) -> Any:
    return np.roll(x, shift, axis)


def _back_shift(shift: Any) -> Any:
    return -shift if isinstance(shift, int) else tuple(-s for s in shift)


roll = op(
    _roll,
    name="roll",
    batch=ways.rolled,
    numpy=(np.roll,),
    linear=True,
    vjp=lambda g, shift, axis: np.roll(g, _back_shift(shift), axis),
    samples=((((2, 3),), {"shift": 1}), (((2, 3),), {"shift": (1, -1), "axis": (0, 1)})),
    doc="Shift elements along axes; those pushed off the end come in at the start.",
    complex=True,
)


def _tril(x: Any, k: int = 0) -> Any:
    return np.tril(x, k)


def _triu(x: Any, k: int = 0) -> Any:
    return np.triu(x, k)


tril = op(
    _tril,
    name="tril",
    batch=ways.of_triangles,
    numpy=(np.tril,),
    linear=True,
    selects=True,
    vjp=lambda g, k: np.tril(g, k),
    samples=((((3, 3),), {}), (((2, 3),), {"k": 1})),
    doc="Return the lower triangle of matrices; the elements above diagonal k are 0.",
    complex=True,
)
triu = op(
    _triu,
    name="triu",
    batch=ways.of_triangles,
    numpy=(np.triu,),
    linear=True,
    selects=True,
    vjp=lambda g, k: np.triu(g, k),
    samples=((((3, 3),), {}), (((2, 3),), {"k": -1})),
    doc="Return the upper triangle of matrices; the elements below diagonal k are 0.",
    complex=True,
)


# ---- made of the rows above
def ravel(a: Any, order: Any = "C") -> Any:
    """Return the values in one axis (``np.ravel``); order "K": as they lie in memory.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.ravel(x).data
    array([1., 2., 3., 4.])
    """
    return np.reshape(_as_it_lies(a), -1) if order == "K" else np.reshape(a, -1, order=order)


def _as_it_lies(a: Any) -> Any:
    """Return the axes in the order of their strides."""
    strides = np.asarray(plain(a)).strides
    return np.transpose(a, tuple(int(i) for i in np.argsort([-abs(s) for s in strides], kind="stable")))


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Move axes to new places (``np.moveaxis``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor(np.ones((2, 3, 4)))
    >>> np.moveaxis(x, 0, -1).shape
    (3, 4, 2)
    """
    n = np.ndim(a)
    source = normalize_axis_tuple(source, n, "source")
    destination = normalize_axis_tuple(destination, n, "destination")
    order = [i for i in range(n) if i not in source]
    for to, frm in sorted(zip(destination, source, strict=True)):
        order.insert(to, frm)
    return np.transpose(a, tuple(order))


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """Repeat each element (``np.repeat``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.repeat(x, 3).sum().backward(); x.grad
    array([3., 3.])
    """
    a = np.reshape(a, -1) if axis is None else a
    axis = 0 if axis is None else axis
    return np.take(a, np.repeat(np.arange(np.shape(a)[axis]), repeats), axis=axis)


def tile(A: Any, reps: Any) -> Any:
    """Repeat a whole array along its axes (``np.tile``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.tile(x, 2).sum().backward(); x.grad
    array([2., 2.])
    """
    reps = (reps,) if isinstance(reps, int | np.integer) else tuple(reps)
    n = max(len(reps), np.ndim(A))
    reps, shape = (1,) * (n - len(reps)) + reps, (1,) * (n - np.ndim(A)) + np.shape(A)
    if all(1 in pair for pair in zip(reps, shape, strict=True)):  # a copy, as in NumPy: what follows would be a view
        return copy(np.broadcast_to(np.reshape(A, shape), tuple(r * s for r, s in zip(reps, shape, strict=True))))
    wide = np.broadcast_to(
        np.reshape(A, tuple(m for s in shape for m in (1, s))),
        tuple(m for r, s in zip(reps, shape, strict=True) for m in (r, s)),
    )
    return np.reshape(wide, tuple(r * s for r, s in zip(reps, shape, strict=True)))


def _atleast(n: int) -> Any:
    def atleast(*arys: Any) -> Any:
        if len(arys) != 1:
            return tuple([atleast(a) for a in arys])
        (a,) = arys
        shape = np.shape(a)
        if len(shape) >= n:
            return a
        return np.reshape(
            a,
            {
                1: (1,),
                2: (1, *shape) if shape else (1, 1),
                3: {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape)),
            }[n],
        )

    atleast.__name__ = f"atleast_{n}d"
    atleast.__doc__ = f"""Return arrays with at least {n} axes (``np.atleast_{n}d``).

    >>> import autodiff as ad, numpy as np
    >>> np.atleast_{n}d(ad.tensor(2.0)).shape
    {(1,) * n}
    """
    return atleast


atleast_1d, atleast_2d, atleast_3d = _atleast(1), _atleast(2), _atleast(3)


def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Rotate by 90 degrees k times, from the first axis towards the second (``np.rot90``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.rot90(x).data
    array([[2., 4.],
           [1., 3.]])
    """
    k %= 4
    if k == 0:
        return m[...]
    if k == 2:
        return np.flip(m, axes)
    return np.flip(np.swapaxes(m, *axes), axes[0] if k == 1 else axes[1])


def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """Return a copy of a value (``np.copy``), recorded.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.copy(x).sum().backward(); x.grad
    array([1., 1.])
    """
    kind = np.result_type(plain(a))
    return np.positive(a) if kind.kind == "f" else astype(operand(a), kind)


def _reshape_method(x: Any, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    """Return the same values in another shape: ``x.reshape(2, 3)`` or ``x.reshape((2, 3))``."""
    return reshape(x, shape[0] if len(shape) == 1 else shape, order, copy=copy)


def _transpose_method(x: Any, *axes: Any) -> Any:
    """Return the values with axes reordered: ``x.transpose()``, ``x.transpose(1, 0)`` or ``x.transpose((1, 0))``."""
    return transpose(x, (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) if axes else None)


def flatten(x: Any, order: Any = "C") -> Any:
    """Return a copy of the values in one axis."""
    return reshape(_as_it_lies(x), -1, copy=True) if order == "K" else reshape(x, -1, order, copy=True)


for _fn, _method in (
    (ravel, True),
    (moveaxis, False),
    (repeat, True),
    (tile, False),
    (rot90, False),
    (copy, True),
    (atleast_1d, False),
    (atleast_2d, False),
    (atleast_3d, False),
):
    composite(_fn, numpy=(getattr(np, _fn.__name__),), method=_method)
composite(_reshape_method, method="reshape", public=False)
composite(_transpose_method, method="transpose", public=False)
composite(flatten, method=True, public=False)


def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    """Make an array of one value in the shape and dtype of a (``np.full_like``); a recorded value stays recorded.

    >>> import autodiff as ad, numpy as np
    >>> v = ad.tensor(2.0)
    >>> ad.full_like(np.zeros(3), v).sum().backward(); v.grad
    array(3.)
    """
    like = np.empty_like(a, dtype=dtype, order=order, subok=subok, shape=shape, device=device)  # type: ignore[call-overload]
    return np.astype(np.broadcast_to(fill_value, like.shape), like.dtype)


def flipud(m: Any) -> Any:
    """Reverse the order of the rows (``np.flipud``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.flipud(x).data
    array([[3., 4.],
           [1., 2.]])
    """
    return np.flip(m, 0)


def fliplr(m: Any) -> Any:
    """Reverse the order of the columns (``np.fliplr``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> np.fliplr(x).data
    array([[2., 1.],
           [4., 3.]])
    """
    return np.flip(m, 1)


composite(full_like, numpy=(np.full_like,), public=False)
composite(flipud, numpy=(np.flipud,))
composite(fliplr, numpy=(np.fliplr,))
