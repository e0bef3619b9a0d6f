"""Layers without state, as functions: activations, dropout, flatten. Losses are in `losses`, one level up:
`nn.cross_entropy`.

The activations ARE autodiff's: one definition, two names. Everything here takes plain arrays as well as graph values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad
from autodiff import elu, gelu, leaky_relu, linear, log_softmax, relu, sigmoid, silu, softmax, softplus, tanh

from .random import Rng, as_generator

__all__ = [
    "dropout",
    "elu",
    "flatten",
    "gelu",
    "leaky_relu",
    "linear",
    "log_softmax",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


def as_input(x: Any, dtype: DTypeLike) -> Any:
    """What a layer computes with: a Tensor as it is, anything else as an array, real numbers cast to the
    parameters' dtype."""
    if isinstance(x, ad.Tensor):
        return x
    x = np.asarray(x)
    return x if x.dtype is dtype or x.dtype == dtype or x.dtype.kind not in "fiub" else x.astype(dtype)


def flatten(x: Any, start_axis: int = 1) -> Any:
    """Join all axes from `start_axis` on: (N, 28, 28) -> (N, 784)."""
    shape = np.shape(x)
    if not -len(shape) <= start_axis <= len(shape):
        raise ValueError(f"flatten from axis {start_axis} needs at least {start_axis} axes, got shape {shape}")
    kept = shape[:start_axis]
    return np.reshape(x, (*kept, math.prod(shape[start_axis:])))


def check_probability(p: float) -> None:
    """Raise ValueError unless 0 <= p <= 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"the probability of dropping must be in [0, 1], got {p!r}")


def dropout(x: Any, p: float = 0.5, *, training: bool = True, rng: Rng = None) -> Any:
    """Zero each element with probability p and divide the others by 1 - p; x itself when not training."""
    check_probability(p)
    if not training or p == 0:
        return x
    dtype = np.result_type(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype, np.float16)
    if p == 1:
        return x * np.zeros(np.shape(x), dtype)
    keep = as_generator(rng).random(np.shape(x), dtype=np.float32) >= p
    return x * (keep * dtype.type(1 / (1 - p)))
