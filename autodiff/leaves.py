"""Where differentiation begins: ``tensor`` and ``scalar`` wrap a value as a leaf of the graph. Leaves can be copied and
pickled; recorded values cannot.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .errors import kind_of, leaves_graph
from .graph import leaf
from .modes import exits, number
from .other_arrays import is_foreign, plain_array
from .registry import OPS
from .variable import Scalar, Tensor, Variable, differentiable, is_live, wrap


def tensor(x: Any, dtype: Any = None, requires_grad: bool | None = None, copy: bool = True) -> Tensor:
    """Make a Tensor of an array or of numbers, to differentiate with respect to.

    x: anything ``np.asarray`` takes, any shape, floating dtype; or an array of a library with NumPy's protocols
    (Dask, CuPy), which stays one. The value is copied unless ``copy=False``.
    ``requires_grad`` is True by default; integers and booleans raise TypeError unless ``dtype=float`` or
    ``requires_grad=False`` is given.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> (x * x).sum().backward()
    >>> x.grad
    array([2., 4.])
    >>> ad.tensor([1, 2])
    Traceback (most recent call last):
    TypeError: a Tensor of int64 cannot have a gradient: write dtype=float to differentiate, or
    requires_grad=False for a constant.
    """
    if isinstance(x, Variable):
        if is_live(x) and not x.is_leaf:
            raise leaves_graph(
                "ad.tensor(recorded value)", "ad.tensor(x.data)", "x itself, or ad.stack([x]) for a Scalar"
            )
        x = x.data
    try:
        x = plain_array(x)
    except ValueError as error:
        raise ValueError(f"a Tensor needs numbers in rows of equal length; got a {kind_of(x)}: {error}") from None
    if is_foreign(x):
        dtype = np.dtype(x.dtype if dtype is None else dtype)
        data = x.astype(dtype) if dtype != x.dtype else x.copy() if copy else x
    else:
        data = np.array(x, dtype=dtype) if copy else np.asarray(x, dtype=dtype)
    handle: Tensor = Tensor()
    handle._data = data
    handle.node = None if requires_grad is False else leaf(differentiable(data))
    return handle


def scalar(x: Any, requires_grad: bool = True) -> Scalar:
    """Make a Scalar of a Python number, or record one element of a Tensor as a Scalar.

    >>> import autodiff as ad
    >>> t = ad.tensor([2.0, 5.0])
    >>> s = ad.scalar(t[1]) * 3.0
    >>> s.backward(); t.grad
    array([0., 3.])
    """
    if isinstance(x, Scalar):
        return x
    if isinstance(x, Tensor):
        if x.size != 1:
            raise ValueError(f"ad.scalar needs one element; got {kind_of(x)}. Write ad.scalar(x[i]).")
        return OPS["to_scalar"](x)
    if isinstance(x, complex | np.complexfloating) or not isinstance(
        x, float | int | np.number | np.ndarray | np.bool_
    ):
        raise TypeError(f"ad.scalar needs a real number; got {kind_of(x)}.")
    if np.size(x) != 1:
        raise ValueError(f"ad.scalar needs one element; got {kind_of(x)}. Write ad.scalar(x[i]), or ad.tensor(x).")
    value = number(np.reshape(x, ()))
    return wrap(value, leaf(value) if requires_grad else None)


def reduce(self: Variable) -> Any:
    """Return the parts of a leaf for pickle; refuse for a recorded value."""
    if not self.is_leaf:
        raise exits.of_copy()
    return _rebuild, (type(self), self._data, self.requires_grad)


def deepcopy(self: Variable, memo: dict[int, Any]) -> Any:
    """Return a copy of a leaf, with an array and a gradient of its own."""
    if self.requires_grad and exits.called_by("xarray"):  # its ``copy()`` and ``sortby()`` copy the array that it holds
        return np.copy(self)
    parts: Any = self.__reduce__()  # a Parameter has one of its own
    rebuild, (cls, data, live) = parts
    made = rebuild(cls, data.copy() if self.__class__ is not Scalar else data, live)
    if live and self.grad is not None:  # as in PyTorch; a pickle has none, there and here
        made.grad = copy.deepcopy(self.grad, memo)
    return made


def _rebuild(cls: Any, data: Any, live: bool) -> Any:
    handle = cls()
    handle._data, handle.node = data, leaf(data) if live else None
    return handle


def mask(self: Variable) -> Any:
    """Refuse the attribute by which ``numpy.ma`` recognises its arrays."""
    raise leaves_graph("numpy.ma, which takes the ._data of anything,", ".data", "np.where(mask, x, 0)")
