"""What a module learns (Parameter) and what it only remembers (Buffer): Tensors that a module finds by their class.

Nothing here computes. `p.data = a` checks shape and dtype and copies `a` in, as on every leaf of the graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import autodiff as ad
from autodiff import extend

__all__ = ["Buffer", "Parameter"]


class Parameter(ad.Tensor):
    """A Tensor that belongs to a model and is trained.

    Args:
        data: any shape; copied.
        dtype: float32 unless given; None keeps the dtype of `data`.
        requires_grad: False makes a frozen parameter; `p.requires_grad = True` thaws it.

    >>> import nn
    >>> p = nn.Parameter([1, 2]); p
    parameter([1., 2.], dtype=float32)
    >>> p.data = [3, 4, 5]
    Traceback (most recent call last):
    ...
    ValueError: .data of shape (2,) cannot be set to ...
    """

    __slots__ = ()

    def __new__(cls, data: ArrayLike, dtype: DTypeLike | None = np.float32, requires_grad: bool = True) -> Parameter:
        return _as(cls, data, dtype, requires_grad)

    def __init__(self, data: ArrayLike, dtype: DTypeLike | None = np.float32, requires_grad: bool = True) -> None:
        pass  # __new__ did everything; this signature is for readers and tools

    def __reduce__(self) -> Any:
        return _rebuilt, (Parameter, self._data, self.requires_grad)


class Buffer(ad.Tensor):
    """A constant Tensor that belongs to a model: saved and loaded with it, never trained (a running mean, a mask).

    Args:
        data: any shape and dtype; copied.
        dtype: the dtype of `data` unless given.

    >>> import nn, numpy as np
    >>> mean = nn.Buffer(np.zeros(2)); mean.data = [1.0, 2.0]; mean
    buffer([1., 2.], requires_grad=False)
    """

    __slots__ = ()

    def __new__(cls, data: ArrayLike, dtype: DTypeLike | None = None) -> Buffer:
        return _as(cls, data, dtype, False)

    def __init__(self, data: ArrayLike, dtype: DTypeLike | None = None) -> None:
        pass

    def __reduce__(self) -> Any:
        return _rebuilt, (Buffer, self._data, False)


def _as(cls: type, data: Any, dtype: DTypeLike | None, requires_grad: bool) -> Any:
    """A handle of the given class with memory of its own, C-contiguous and on cache lines for the optimizers' sake."""
    given = data.data if isinstance(data, ad.Variable) else data
    data = np.array(extend.numbers(given, f"nn.{cls.__name__}", "data"), dtype=dtype, order="C")
    if data.dtype.kind == "f":
        own = extend.zeros_on_cache_lines(data.shape, data.dtype)
        own[...] = data
        data = own
    handle: Any = object.__new__(cls)
    hold(handle, ad.tensor(data, requires_grad=requires_grad, copy=False))
    return handle


def _rebuilt(cls: type, data: Any, requires_grad: bool) -> Any:
    """What copying and unpickling call."""
    return _as(cls, data, None, requires_grad)


def hold(handle: ad.Variable, other: ad.Variable) -> None:
    """Let `handle` stand for the value and the place in the graph that `other` has."""
    handle._data, handle.node = other._data, other.node
