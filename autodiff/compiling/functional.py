"""What a program calls beside NumPy's own functions: writes as functions, and methods that no NumPy function replaces.

Each takes arrays or NumPy numbers and returns a new value or a view; none writes into an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def getitem(a: Any, index: Any) -> Any:
    """``a[index]``: a view for a basic index, a copy for any other."""
    return a[index]


def write_at(a: Any, index: Any, value: Any) -> Any:
    """Return a copy of ``a`` after ``a[index] = value``."""
    made = np.array(a)
    made[index] = value
    return made


def add_at(ufunc: Any, a: Any, index: Any, *value: Any) -> Any:
    """Return a copy of ``a`` after ``ufunc.at(a, index, value)``: with repeated indices every one counts."""
    made = np.array(a)
    ufunc.at(made, index, *value)
    return made


def write_where(ufunc: Any, inputs: tuple[Any, ...], out: Any, mask: Any, **keywords: Any) -> Any:
    """Return a copy of ``out`` after ``ufunc(*inputs, out=out, where=mask)``: ``out`` stays where the mask is False."""
    made = np.array(out)
    return ufunc(*inputs, out=made, where=mask, **keywords)


def astype(a: Any, dtype: Any) -> Any:
    """``a.astype(dtype)``: always a copy."""
    return np.asarray(a).astype(dtype)


def as_array(a: Any) -> Any:
    """Return a NumPy number as a 0-d array, and an array as it is."""
    return np.asarray(a)


def power(a: Any, b: Any) -> Any:
    """``a ** b``, by the operator: it has exact forms for 2, 0.5, -1 that ``np.power`` has not."""
    return a**b


def draw(generator: Callable[[], Any], method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """``getattr(generator(), method)(*arguments, **keywords)``: the next random numbers of a generator."""
    return getattr(generator(), method)(*arguments, **keywords)
