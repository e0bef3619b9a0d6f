"""Rows that join any number of arrays (``i`` is the position of an operand), and functions that split one again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..batching import ways
from ..registry import composite, op
from .shape import atleast_1d, atleast_2d, atleast_3d


def _concatenate(*xs: Any, axis: int | None = 0, out: Any = None, dtype: Any = None, casting: str = "same_kind") -> Any:
    if dtype is None and casting == "same_kind":  # not every library has these arguments
        return np.concatenate(xs, axis=axis)
    return np.concatenate(xs, axis=axis, dtype=dtype, casting=casting)  # type: ignore[call-overload]


def _concatenate_vjp(g: Any, i: int, xs_shape: tuple[tuple[int, ...], ...], axis: int | None) -> Any:
    if axis is None:
        sizes = [int(np.prod(s)) for s in xs_shape]
        start = sum(sizes[:i])
        return np.reshape(g[start : start + sizes[i]], xs_shape[i])
    axis %= len(xs_shape[0])
    start = sum(s[axis] for s in xs_shape[:i])
    return g[(slice(None),) * axis + (slice(start, start + xs_shape[i][axis]),)]


concatenate = op(
    _concatenate,
    name="concatenate",
    batch=ways.joined,
    numpy=(np.concatenate,),
    inputs="*xs",
    vjp=_concatenate_vjp,
    symbol="concat",
    samples=((((2, 3), (1, 3)), {}), (((2, 1), (2, 3)), {"axis": -1}), (((2,), (3, 2)), {"axis": None})),
    doc="Join arrays along an axis that exists.",
    complex=True,
)


def _stack(*xs: Any, axis: int = 0, out: Any = None, dtype: Any = None, casting: str = "same_kind") -> Any:
    if dtype is None and any([x.__class__ is float for x in xs]):  # NumPy's stack would make float64 of Scalars
        dtype = np.result_type(*xs)
    if dtype is None and casting == "same_kind":
        return np.stack(xs, axis=axis)
    return np.stack(xs, axis=axis, dtype=dtype, casting=casting)  # type: ignore[call-overload]


stack = op(
    _stack,
    name="stack",
    batch=ways.stacked,
    numpy=(np.stack,),
    inputs="*xs",
    samples=((((3,), (3,)), {}), (((2, 3), (2, 3)), {"axis": -1}), (((), ()), {})),
    vjp=lambda g, i, axis: np.moveaxis(g, axis, 0)[i] if axis else g[i],
    doc="Join arrays, or Scalars into a Tensor, along a new axis.",
    complex=True,
)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Return pieces along an axis (``np.split``); a piece that is not used contributes zero.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0, 3.0])
    >>> a, b = np.split(x, [1])
    >>> b.sum().backward(); x.grad
    array([0., 1., 1.])
    """
    n = np.shape(ary)[axis]
    if isinstance(indices_or_sections, int | np.integer):
        if n % indices_or_sections:
            raise ValueError(
                f"split: an axis of length {n} cannot be split evenly in {indices_or_sections}; use np.array_split."
            )
        step = n // indices_or_sections
        cuts = [step * k for k in range(1, indices_or_sections)]
    else:
        cuts = [int(i) for i in indices_or_sections]
    lead = (slice(None),) * (axis % np.ndim(ary))
    return [ary[(*lead, slice(a, b))] for a, b in zip([0, *cuts], [*cuts, n], strict=True)]


def unstack(x: Any, *, axis: int = 0) -> tuple[Any, ...]:
    """Return the slices along an axis as a tuple (Array API; ``np.unstack``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> a, b = ad.unstack(x)
    >>> b.sum().backward(); x.grad
    array([[0., 0.],
           [1., 1.]])
    """
    return tuple(np.moveaxis(x, axis, 0))


def vstack(tup: Sequence[Any], *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Join arrays on top of each other, vectors as rows (``np.vstack``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.vstack([x, [5.0, 6.0]]).data
    array([[1., 2.],
           [5., 6.]])
    """
    return np.concatenate([atleast_2d(a) for a in tup], axis=0, dtype=dtype, casting=casting)  # type: ignore[call-overload]


def hstack(tup: Sequence[Any], *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Join arrays side by side (``np.hstack``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.hstack([x, [5.0]]).data
    array([1., 2., 5.])
    """
    arrays = [atleast_1d(a) for a in tup]
    axis = 0 if np.ndim(arrays[0]) == 1 else 1
    return np.concatenate(arrays, axis=axis, dtype=dtype, casting=casting)  # type: ignore[call-overload]


def dstack(tup: Sequence[Any]) -> Any:
    """Join arrays along the third axis (``np.dstack``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.dstack([x, x]).shape
    (1, 2, 2)
    """
    return np.concatenate([atleast_3d(a) for a in tup], axis=2)


def column_stack(tup: Sequence[Any]) -> Any:
    """Make a matrix whose columns are the 1-D arrays given; 2-D arrays are joined side by side (``np.column_stack``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0])
    >>> np.column_stack([x, [5.0, 6.0]]).data
    array([[1., 5.],
           [2., 6.]])
    """
    return np.concatenate([np.reshape(a, (-1, 1)) if np.ndim(a) < 2 else a for a in tup], axis=1)


for _fn in (split, vstack, hstack, dstack, column_stack):
    composite(_fn, numpy=(getattr(np, _fn.__name__),))
composite(unstack, numpy=tuple(f for f in (getattr(np, "unstack", None),) if f))
