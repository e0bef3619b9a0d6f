"""Parts shared by decompositions: several results in one array, triangles, adjoints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...other_arrays import beside
from ...variable import plain
from ..complex_numbers import conj
from ..linalg import t


# ---- several results in one array
def pack(*parts: tuple[Any, int]) -> Any:
    """Return arrays with the same stack axes, each given with its number of own axes, side by side in one flat axis."""
    flat = []
    for x, own in parts:
        stack = x.ndim - own
        flat.append(np.reshape(x, (*x.shape[:stack], math.prod(x.shape[stack:]))))  # -1 fails where a stack is empty
    return np.concatenate(flat, axis=-1)


def unpack(packed: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """Return the parts of a packed array: each of the stack axes and its own shape."""
    stack, parts, start = packed.shape[:-1], [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        parts.append(np.reshape(packed[..., start:stop], (*stack, *shape)))
        start = stop
    return parts


def h(a: Any) -> Any:
    """Return the conjugate transpose of the last two axes."""
    return conj(t(a))


def eye_like(x: Any) -> Any:
    """Return the identity of x's size and dtype, an array of x's library."""
    value = plain(x)
    return beside(np.eye(value.shape[-1], dtype=value.dtype), value)


def fold(s: Any, triangle: str) -> Any:
    """Return the gradient in one triangle of a matrix whose other triangle is not read, from that of the symmetric
    one."""
    half = np.tril if triangle == "L" else np.triu
    return half(s + h(s)) * (1.0 - 0.5 * eye_like(s))


def apart(rng: Any, shape: tuple[int, ...]) -> Any:
    """Return a matrix for a test whose eigenvalues and singular values lie well apart."""
    x = rng.uniform(-0.5, 0.5, shape)
    k = min(shape[-2:])
    x[..., range(k), range(k)] += 2.0 * np.arange(1, k + 1)
    return x
