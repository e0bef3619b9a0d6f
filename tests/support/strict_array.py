"""A small array with NumPy's protocols that refuses every implicit conversion to NumPy, in place of CuPy's.

Its functions have no parameters that CuPy's have not, and its ufuncs accumulate sums and products alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class StrictArray(np.lib.mixins.NDArrayOperatorsMixin):
    """A wrapper of an ndarray that runs NumPy's functions on it and wraps the results. It refuses other ndarrays."""

    def __init__(self, value: Any) -> None:
        self._value = np.asarray(value)

    shape = property(lambda self: self._value.shape)
    dtype = property(lambda self: self._value.dtype)
    ndim = property(lambda self: self._value.ndim)
    size = property(lambda self: self._value.size)
    T = property(lambda self: StrictArray(self._value.T))
    real = property(lambda self: StrictArray(self._value.real))
    imag = property(lambda self: StrictArray(self._value.imag))

    def get(self) -> Any:
        """Return the values in a new ndarray: the only conversion."""
        return self._value.copy()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = inputs[:1] + inputs[2:] if method == "at" else inputs
        if not all(isinstance(x, StrictArray | int | float | complex | np.generic) for x in plain):
            return NotImplemented
        if method == "accumulate" and ufunc not in (np.add, np.multiply):
            raise NotImplementedError(f"{ufunc.__name__}.accumulate is not supported")
        if any(isinstance(x, np.ndarray) for x in kwargs.get("out") or ()):
            raise TypeError("a StrictArray is not written into NumPy's memory")
        return wrapped(getattr(ufunc, method)(*map(opened, inputs), **{k: opened(v) for k, v in kwargs.items()}))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(t, StrictArray) for t in types):
            return NotImplemented
        lacking = NO_PARAMETERS.get(function, set()).intersection(kwargs)
        if lacking:
            raise TypeError(f"{function.__name__}() got an unexpected keyword argument {lacking.pop()!r}")
        kwargs = {k: opened(v) for k, v in kwargs.items() if k != "like"}
        return wrapped(function(*(opened(x) for x in args), **kwargs))

    def __getitem__(self, index: Any) -> StrictArray:
        return StrictArray(self._value[opened(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._value[opened(index)] = opened(value)

    def astype(self, dtype: Any, copy: bool = True) -> StrictArray:
        return StrictArray(self._value.astype(dtype, copy=copy))

    def reshape(self, *shape: Any) -> StrictArray:
        return StrictArray(self._value.reshape(*shape))

    def copy(self) -> StrictArray:
        return StrictArray(self._value.copy())

    def __getattr__(self, name: str) -> Any:
        """Return the other methods of ndarray, which such libraries have too."""
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a StrictArray has no {name}")
        method = getattr(self._value, name)
        return lambda *args, **kwargs: wrapped(method(*map(opened, args), **{k: opened(v) for k, v in kwargs.items()}))

    def __len__(self) -> int:
        return len(self._value)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a StrictArray is not turned into NumPy's arrays or into Python's numbers")

    __array__ = __bool__ = __float__ = __int__ = __complex__ = __iter__ = __index__ = __buffer__ = item = tolist = (
        _refuse
    )
    __repr__ = __str__ = _refuse


# Parameters that CuPy's functions have not (from their documentation, version 13).
NO_PARAMETERS: dict[Any, set[str]] = {
    np.sum: {"initial", "where"},
    np.prod: {"initial", "where"},
    np.max: {"initial", "where"},
    np.min: {"initial", "where"},
    np.mean: {"where"},
    np.var: {"where", "mean", "correction"},
    np.std: {"where", "mean", "correction"},
    np.sort: {"order", "stable"},
    np.argsort: {"order", "stable"},
    np.partition: {"kind", "order"},
    np.quantile: {"weights"},
    np.percentile: {"weights"},
    np.linalg.svd: {"hermitian"},
    np.linalg.pinv: {"hermitian", "rtol"},
}


def opened(x: Any) -> Any:
    """Return the ndarrays inside the StrictArrays in x; refuse an ndarray among them."""
    if isinstance(x, StrictArray):
        return x._value
    if isinstance(x, tuple | list):
        return type(x)([opened(v) for v in x])
    return x


def wrapped(x: Any) -> Any:
    """Return StrictArrays of the arrays in x."""
    if isinstance(x, tuple | list) and any(isinstance(v, np.ndarray | np.generic) for v in x):
        return tuple([wrapped(v) for v in x])
    return StrictArray(x) if isinstance(x, np.ndarray | np.generic) else x
