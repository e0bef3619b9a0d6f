"""Arrays of other libraries that implement NumPy's protocols (Dask, CuPy): all that the core does with them.

A Tensor may hold such an array. The rows compute by NumPy's own dispatch, so that each library runs its own functions,
and nothing here turns its arrays into NumPy's. A function that needs the numbers themselves raises TypeError. Never
here: the name of a library.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy import ndarray

from .errors import kind_of

NATIVE: list[type] = [np.ndarray]  # have the protocols too, and are no arrays of another library


def is_foreign(x: Any) -> bool:
    """Return whether x is an array of another library: it has both of NumPy's protocols, and is none of ours.

    >>> import numpy as np
    >>> from autodiff import extend
    >>> extend.is_foreign(np.ones(2))
    False
    """
    kind = type(x)
    return (
        kind is not ndarray
        and hasattr(kind, "__array_function__")
        and hasattr(kind, "__array_ufunc__")
        and hasattr(kind, "dtype")
        and not issubclass(kind, tuple(NATIVE))
    )


def library(x: Any) -> str:
    """Return the name of the library that an array is of."""
    return type(x).__module__.partition(".")[0]


def as_array(x: Any) -> Any:
    """Return x as an ndarray; an array of another library stays as it is, refused when its shape is not known.

    >>> from autodiff import extend
    >>> extend.as_array([1.0, 2.0])
    array([1., 2.])
    """
    if x.__class__ is ndarray or not is_foreign(x):
        return np.asarray(x)
    if any([n != n for n in x.shape]):
        raise TypeError(
            f"a {library(x)} array of shape {x.shape} has a length that is not known yet, and no derivative can be "
            "broadcast to it. Write np.where(mask, x, 0) instead of x[mask], or x.compute_chunk_sizes() before."
        )
    return x


def plain_array(x: Any) -> Any:
    """Return x as an ndarray, not copied; an array of another library stays one. A matrix or a masked array is refused:
    its products or its mask would be lost."""
    if x.__class__ is ndarray:
        return x
    if hasattr(x, "toarray"):
        raise TypeError(_of_sparse(x, "a Tensor"))
    if isinstance(x, np.matrix) or hasattr(x, "mask"):
        raise TypeError(
            f"a {type(x).__name__} follows other rules than an array, which would be lost here. Write np.asarray(x) "
            "to take its values, and np.where(mask, ..., ...) for a mask."
        )
    return as_array(x)


def zeros(shape: Any, dtype: Any, like: Any) -> Any:
    """Return zeros of the library that ``like`` is of."""
    return np.zeros(shape, dtype=dtype, like=like) if is_foreign(like) else np.zeros(shape, dtype)


def ones_like_value(shape: Any, dtype: Any, like: Any) -> Any:
    """Return ones of the library that ``like`` is of."""
    return np.ones(shape, dtype=dtype, like=like) if is_foreign(like) else np.ones(shape, dtype)


def beside(constant: Any, x: Any) -> Any:
    """Return NumPy's array as one of the library that x is of: not every library calculates with NumPy's.

    >>> import numpy as np
    >>> from autodiff import extend
    >>> extend.beside(np.arange(2), np.ones(2))
    array([0, 1])
    """
    return np.asarray(constant, like=x) if isinstance(constant, ndarray | np.generic) and is_foreign(x) else constant


def numbers(x: Any, what: str, name: str = "x.data") -> Any:
    """Return x, refused where it is a sparse matrix or an array of another library: ``what`` needs the numbers.

    name: how the user's program has x, for the message.

    >>> from autodiff import extend
    >>> extend.numbers([1.0, 2.0], "fit()")
    [1.0, 2.0]
    """
    if x.__class__ is ndarray:
        return x
    if hasattr(x, "toarray"):
        raise TypeError(_of_sparse(x, what))
    if is_foreign(x):
        raise TypeError(
            f"{what} needs the numbers of a {library(x)} array of shape {x.shape}, which are not in NumPy's memory. "
            f"Take them by that library's own function: {_exit(x, name)}."
        )
    return x


def _of_sparse(x: Any, what: str) -> str:
    return f"{what} needs an array of numbers; got a sparse {type(x).__name__} of shape {x.shape}. Write x.toarray()."


class _AsUfunc:
    """An elementwise function of NumPy's arrays with the attributes of a ufunc: a library calls it with the NumPy
    arrays that its own arrays are made of."""

    nout, signature = 1, None

    def __init__(self, function: Callable[..., Any], name: str, nin: int) -> None:
        self.function, self.__name__, self.nin = function, name, nin

    def __call__(self, *arrays: Any, **_: Any) -> Any:
        return self.function(*arrays)


def elementwise(function: Callable[..., Any], name: str, operands: tuple[Any, ...]) -> Any:
    """Apply an elementwise function of NumPy arrays to arrays of a library, through the library's own dispatch of
    ufuncs, so that a lazy array stays lazy."""
    x = next(x for x in operands if is_foreign(x))
    y = x.__array_ufunc__(_AsUfunc(function, name, len(operands)), "__call__", *operands)
    if y is NotImplemented:
        raise TypeError(f"{library(x)} has no {name}")
    return y


@contextmanager
def refusing_copies() -> Iterator[None]:
    """Raise TypeError where a library lacks one of NumPy's functions, and would warn, compute its array, and go on with
    NumPy's."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "The .* function is not implemented by", FutureWarning)
        try:
            yield
        except FutureWarning as warning:
            raise TypeError(str(warning).partition(". ")[0]) from None


def by_library(function: Callable[..., Any], operands: Iterable[Any], static: dict[str, Any]) -> Any:
    """Return ``function(*operands, **static)`` of arrays of a library; raise TypeError for NumPy's array as the result,
    which would be a silent copy, or one whose shape is not known."""
    with refusing_copies():
        y = function(*operands, **static)
    if isinstance(y, ndarray | np.generic | float | int | complex):
        raise TypeError(f"it gave {kind_of(y)}, a silent copy into NumPy")
    return as_array(y) if is_foreign(y) else y


def without_copies(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of a function of NumPy's that is not recorded, of arrays of a library; raise TypeError where
    the library lacks it and would compute them."""
    if function is np.size and len(args) == 1 and not kwargs:
        return math.prod(args[0].shape)
    with refusing_copies():
        return function(*args, **kwargs)


def refusal(row: str, x: Any, reason: object) -> TypeError:
    """Return the error of a row that does not work on arrays of this library."""
    return TypeError(
        f"{row} does not work on arrays of {library(x)}: {reason}. Compute it on NumPy's array, {_exit(x)}, or write "
        "it in functions that the library has."
    )


def summary(x: Any) -> str:
    """Return the text of an array of another library; nothing is computed or copied for it."""
    return f"<{library(x)} {type(x).__name__} of shape {x.shape}>"


def _exit(x: Any, name: str = "x.data") -> str:
    if hasattr(type(x), "compute"):
        return f"{name}.compute()"
    return f"{name}.get()" if hasattr(type(x), "get") else f"by {library(x)}'s function that makes a NumPy array"
