"""Parts of decompositions for arrays of other libraries, in functions that they have.

Their numbers are not looked at: that would compute a lazy array, or wait for another device. Where NumPy's way ends a
loop or raises an error by a number, these make all steps, and give NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...other_arrays import is_foreign
from .packing import eye_like, h


def singular_values(x: Any) -> Any:
    """Return the singular values of raw matrices."""
    try:
        return np.linalg.svd(x, compute_uv=False)
    except TypeError:  # not every library has the parameter
        if not is_foreign(x):
            raise
        return np.linalg.svd(x, full_matrices=False)[1]


def lower_factor(x: Any) -> Any:
    """Return Cholesky's lower triangle. Of the libraries some read the upper triangle, and some return it."""
    y = np.linalg.cholesky(np.tril(x) + h(np.tril(x, -1)))
    return np.tril(y) + h(np.triu(y, 1))


def pivots_of(a: Any) -> Any:
    """Return the row exchanged with row k at step k: the one with the largest element left in column k."""
    n, places = a.shape[-1], np.arange(a.shape[-1], like=a)
    pivots = []
    for k in range(n):
        pivots.append(np.argmax(np.where(places < k, -1.0, np.abs(a[..., k])), axis=-1))
        a = np.take_along_axis(a, _exchanged(places, k, pivots[-1])[..., None], axis=-2)
        top = a[..., k, k, None]
        factors = np.where((places > k) & (top != 0), a[..., k] / np.where(top == 0, 1.0, top), 0.0)
        a = a - factors[..., None] * a[..., k, None, :]
    return np.stack(pivots, axis=-1) if pivots else np.zeros(a.shape[:-1], np.intp, like=a)


def order_of(pivots: Any) -> Any:
    """Return the order of the rows after the exchanges."""
    places = np.arange(pivots.shape[-1], like=pivots)
    order = np.broadcast_to(places, pivots.shape)
    for k in range(pivots.shape[-1]):
        order = np.take_along_axis(order, _exchanged(places, k, pivots[..., k]), axis=-1)
    return order


def _exchanged(places: Any, k: int, p: Any) -> Any:
    """Return the places 0 .. n - 1 with k and p: (...) exchanged."""
    p = np.expand_dims(p, -1)
    return np.where(places == k, p, np.where(places == p, k, places))


def square_root(x: Any) -> Any:
    """Return the principal square root by Denman and Beavers' iteration, NaN where it does not settle."""
    y, m, eye, previous, settled = x, x, eye_like(x), math.inf, False
    for _ in range(60):
        inverse = np.linalg.inv(m)
        y = np.where(settled, y, 0.5 * y @ (eye + inverse))
        m = np.where(settled, m, 0.5 * (eye + 0.5 * (m + inverse)))
        error = np.max(np.abs(m - eye))
        settled = settled | (error == 0.0) | ((error < 1e-8) & (error >= 0.5 * previous))
        previous = error
    return np.where(settled, y, math.nan)
