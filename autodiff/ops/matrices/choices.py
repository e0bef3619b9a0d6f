"""Choices of LAPACK that a derivative must not depend on: vectors of equal values, and phases."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from ...errors import SingularPointError, depends_on_phase
from ...modes import state
from ...other_arrays import is_foreign
from ...variable import Variable, plain
from .packing import eye_like

LinAlgError = np.linalg.LinAlgError


def equal_pairs(values: Any) -> Any:
    """Return pairs of values that are equal up to rounding, as a boolean matrix; the diagonal is always among them."""
    v = plain(values)
    top = largest(np.abs(v))[..., None, None]
    return np.abs(v[..., None, :] - v[..., :, None]) <= 8 * v.shape[-1] * np.finfo(v.dtype).eps * top


def largest(size: Any) -> Any:
    """Return the largest along the last axis, 0 of none; not every library has ``initial``."""
    return np.max(size, axis=-1) if is_foreign(size) else np.max(size, axis=-1, initial=0.0)


def without_derivative(x: Any, *where: Any) -> Any:
    """Return x, and NaN at the places that refusals returned: those of another library's array, whose numbers are not
    looked at, so that nothing can be raised about them."""
    for at in where:
        x = x if at is None else np.where(at, math.nan, x)
    return x


def refuse_choice(name: str, close: Any, values: Any, *reached: Any) -> Any:
    """Raise where a cotangent reaches vectors that are an arbitrary choice; of another library's array return where."""
    reaches = reduce(np.logical_or, [plain(m) != 0 for m in reached])
    if is_foreign(close):
        return close & ~eye_like(close) & reaches
    bad = close & ~np.eye(close.shape[-1], dtype=bool) & reaches
    if bad.any():
        *stack, i, j = (int(k) for k in np.argwhere(bad)[0])
        pair = plain(values)[tuple(stack)][[i, j]]
        raise LinAlgError(
            f"{name}: the values at {i} and {j} are equal ({pair[0]:.6g} and {pair[1]:.6g}), so their vectors are an "
            "arbitrary choice and have no derivative. Use functions that do not depend on the choice: the values, or "
            "ad.linalg's pinv, sqrtm, expm."
        )
    return None


def share_evenly(name: str, g: Any, close: Any) -> Any:
    """Return cotangents of values, with the mean in place of each where values are equal: as for ties, because the
    order of equal values is an arbitrary choice."""
    if not is_foreign(close) and close.sum() == close.shape[-1] * math.prod(close.shape[:-2]):
        return g
    counts = np.sum(close, axis=-1).astype(np.finfo(g.dtype).dtype)
    even = np.sum(np.where(close, np.expand_dims(g, -2), 0.0), axis=-1) / counts
    if state().strict and not np.allclose(plain(even), plain(g), rtol=1e-6, atol=0.0):
        raise SingularPointError(
            f"strict: {name} has no derivative in single values where they are equal; an even share to each is given "
            "by convention. Use a function that does not depend on their order, such as their sum."
        )
    return even


def refuse_phase(name: str, g: Any, *products: Any) -> Any:
    """Raise where a cotangent reaches the phase of complex vectors, which is an arbitrary choice; of another library's
    array return whether. Forward mode, whose cotangent is a leaf, keeps the phase fixed, and checks afterwards that it
    does not matter (``free``)."""
    if isinstance(g, Variable) and g.node is not None and g.node.op is None:
        return None
    total = sum(plain(m) for m in products)
    if is_foreign(total) and total.dtype.kind != "c":
        return None
    phases = np.abs(np.imag(np.diagonal(total, axis1=-2, axis2=-1)))
    if is_foreign(total):
        sizes = reduce(np.maximum, [np.max(np.abs(plain(m))) for m in products])
        return np.max(phases) > 1e-3 * sizes
    if phases.size and phases.max() > 1e-3 * max(np.abs(plain(m)).max() for m in products):  # far above rounding
        raise depends_on_phase(name)
    return None


def turned(v: Any) -> Any:
    """Return the change of complex vectors when their phases change, each at another rate."""
    return v * 1j * np.sqrt(np.arange(1.0, 1.0 + v.shape[-1]))
