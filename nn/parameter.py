"""Parameter, a Tensor that is trained, and Buffer, one that is saved but not trained. A module finds them by class.

Nothing here computes. `p.data = a` checks shape and dtype and copies `a` in, as on every leaf of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import autodiff as ad
from autodiff import extend

__all__ = ["Buffer", "Parameter", "parameters_to_vector", "vector_to_parameters"]


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
        pass  # __new__ makes the object; this signature is for readers and tools

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
    """Return a handle of the given class with its own C-contiguous memory, aligned to cache lines for optimizers."""
    given = data
    if isinstance(data, ad.Variable):
        if data.requires_grad and not data.is_leaf:
            raise ad.LeavesGraphError(
                f"nn.{cls.__name__}(x) of a recorded value would cut it out of the graph. For its plain value write "
                "x.data; to keep the gradient write x itself, or nn.functional_call(model, {name: x}, ...)."
            )
        given = data.data
    data = np.array(extend.numbers(given, f"nn.{cls.__name__}", "data"), dtype=dtype, order="C")
    if data.dtype.kind == "f":
        own = extend.zeros_on_cache_lines(data.shape, data.dtype)
        own[...] = data
        data = own
    handle: Any = object.__new__(cls)
    hold(handle, ad.tensor(data, requires_grad=requires_grad, copy=False))
    return handle


def _rebuilt(cls: type, data: Any, requires_grad: bool) -> Any:
    """Make a Parameter or Buffer again. Copying and unpickling call this."""
    return _as(cls, data, None, requires_grad)


def hold(handle: ad.Variable, other: ad.Variable) -> None:
    """Give `handle` the value and the node of `other`."""
    handle._data, handle.node = other._data, other.node


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """Return all parameters as one vector, in their order, recorded. `torch.nn.utils.parameters_to_vector`.

    Functions of one vector take its `.data`, such as those of `scipy.optimize`. Raises ValueError for none.

    >>> import nn
    >>> net = nn.Linear(2, 1, rng=0)
    >>> nn.parameters_to_vector(net.parameters()).shape
    (3,)
    """
    parts = [np.reshape(ad.stack([p]) if isinstance(p, ad.Scalar) else p, -1) for p in parameters]
    if not parts:
        raise ValueError("parameters_to_vector got no parameters")
    return np.concatenate(parts)


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Write a vector into parameters, in their order, all or nothing. `torch.nn.utils.vector_to_parameters`.

    vec: (number of all their elements,), cast to their dtypes; another length is a ValueError.

    >>> import nn, numpy as np
    >>> net = nn.Linear(2, 1)
    >>> nn.vector_to_parameters(np.array([1.0, 2.0, 3.0]), net.parameters()); net.weight.data, net.bias.data
    (array([[1., 2.]], dtype=float32), array([3.], dtype=float32))
    """
    found = list(parameters)
    vector = np.asarray(vec.data if isinstance(vec, ad.Variable) else vec)
    sizes = [int(np.size(p.data)) for p in found]
    if vector.shape != (sum(sizes),):
        raise ValueError(f"vector_to_parameters needs a vector of shape ({sum(sizes)},), got shape {vector.shape}")
    ends = np.cumsum([0, *sizes])
    extend.write_all(
        (p, vector[a:b].reshape(np.shape(p.data)) if isinstance(p, ad.Tensor) else float(vector[a]))
        for p, a, b in zip(found, ends[:-1], ends[1:], strict=True)
    )
