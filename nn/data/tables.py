"""Turn lists, object and masked arrays and data frames into arrays of numbers, or raise an error.

No data library is imported: a data frame is any object with `columns` and `to_numpy`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import autodiff as ad
from autodiff import extend

__all__ = ["as_numbers"]

NUMBERS = "biufc"  # dtype kinds


def as_numbers(x: Any, what: str) -> NDArray[Any]:
    """Return x as an array of numbers or booleans.

    Args:
        x: an array, a Tensor, a list, a pandas Series or DataFrame, or a masked array without masked values.
        what: the name of x in errors.

    Raises:
        TypeError: text, dates or other objects, naming the column and the first such value.
        ValueError: masked values, or rows of unequal length.

    >>> as_numbers(np.array([[1, 2.5]], dtype=object), "x")
    array([[1. , 2.5]])
    """
    x = extend.numbers(x.data if isinstance(x, ad.Variable) else x, what, "x")
    if isinstance(x, np.ma.MaskedArray):
        masked = np.argwhere(np.ma.getmaskarray(x))
        if len(masked):
            raise ValueError(
                f"{what} has {len(masked)} masked values, the first at index {tuple(map(int, masked[0]))}; fill them "
                f"with {what.partition(',')[0]}.filled(...) or leave their rows out"
            )
        x = x.data
    if hasattr(x, "to_numpy") and hasattr(x, "columns"):
        names = list(x.columns)
        read = x.iloc if hasattr(x, "iloc") else x  # pandas, polars
        columns = [as_numbers(read[:, i], f"{what}, column {name!r}") for i, name in enumerate(names)]
        return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0))
    array = _array(x.to_numpy() if hasattr(x, "to_numpy") else x, what)
    if array.dtype.kind in NUMBERS:
        return array
    if array.dtype.kind == "O":
        wrong = [i for i, value in enumerate(array.flat) if not isinstance(value, (int, float, np.number, np.bool_))]
        if not wrong:
            return np.array(array.tolist())  # the dtype that NumPy gives to these numbers
    else:
        wrong = [0]
    first = np.unravel_index(wrong[0], array.shape) if array.size else ()
    place = f" at index {tuple(map(int, first))}" if len(first) != 1 else f" at index {int(first[0])}"
    column = f" (column {int(first[1])})" if array.ndim == 2 and array.size else ""
    found = f", got {array[first]!r}{place}{column}" if array.size else ""
    raise TypeError(
        f"{what} must hold numbers{found}, dtype {array.dtype}; numpy.unique(..., return_inverse=True)[1] numbers "
        "categories"
    )


def _array(x: Any, what: str) -> NDArray[Any]:
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{what} must have rows of equal length: {error}") from None
