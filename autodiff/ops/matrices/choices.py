"""Choices of LAPACK that a derivative must not depend on: vectors of equal values, and phases."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from ...errors import SingularPointError, depends_on_phase
from ...modes import state
from ...variable import Variable, plain

LinAlgError = np.linalg.LinAlgError


def equal_pairs(values: Any) -> Any:
    """Return pairs of values that are equal up to rounding, as a boolean matrix; the diagonal is always among them."""
    v = plain(values)
    top = np.max(np.abs(v), axis=-1, initial=0.0)[..., None, None]
    return np.abs(v[..., None, :] - v[..., :, None]) <= 8 * v.shape[-1] * np.finfo(v.dtype).eps * top


def refuse_choice(name: str, close: Any, values: Any, *reached: Any) -> None:
    """Raise where a cotangent reaches vectors that are an arbitrary choice."""
    bad = close & ~np.eye(close.shape[-1], dtype=bool) & reduce(np.logical_or, [plain(m) != 0 for m in reached])
    if bad.any():
        *stack, i, j = (int(k) for k in np.argwhere(bad)[0])
        pair = plain(values)[tuple(stack)][[i, j]]
        raise LinAlgError(
            f"{name}: the values at {i} and {j} are equal ({pair[0]:.6g} and {pair[1]:.6g}), so their vectors are an "
            "arbitrary choice and have no derivative. Use functions that do not depend on the choice: the values, or "
            "ad.linalg's pinv, sqrtm, expm."
        )


def share_evenly(name: str, g: Any, close: Any) -> Any:
    """Return cotangents of values, with the mean in place of each where values are equal: as for ties, because the
    order of equal values is an arbitrary choice."""
    if close.sum() == close.shape[-1] * math.prod(close.shape[:-2]):
        return g
    weights = close / close.sum(axis=-1, keepdims=True)
    even = np.matmul(weights.astype(g.dtype), np.expand_dims(g, -1))[..., 0]
    if state().strict and not np.allclose(plain(even), plain(g), rtol=1e-6, atol=0.0):
        raise SingularPointError(
            f"strict: {name} has no derivative in single values where they are equal; an even share to each is given "
            "by convention. Use a function that does not depend on their order, such as their sum."
        )
    return even


def refuse_phase(name: str, g: Any, *products: Any) -> None:
    """Raise where a cotangent reaches the phase of complex vectors, which is an arbitrary choice. Forward mode, whose
    cotangent is a leaf, keeps the phase fixed, and checks afterwards that it does not matter (``free``)."""
    if isinstance(g, Variable) and g.node is not None and g.node.op is None:
        return
    total = sum(plain(m) for m in products)
    phases = np.abs(np.imag(np.diagonal(total, axis1=-2, axis2=-1)))
    if phases.size and phases.max() > 1e-3 * max(np.abs(plain(m)).max() for m in products):  # far above rounding
        raise depends_on_phase(name)


def turned(v: Any) -> Any:
    """Return the change of complex vectors when their phases change, each at another rate."""
    return v * 1j * np.sqrt(np.arange(1.0, 1.0 + v.shape[-1]))
