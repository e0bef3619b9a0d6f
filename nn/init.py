"""Initial values for parameters: pure functions from a shape to a NumPy array.

Nothing here touches a module or a graph: `p.data = init.he_normal(p.shape, rng=0)` sets a parameter. A weight of shape
(out, in, *kernel) has fan_in = in * prod(kernel) inputs and fan_out = out * prod(kernel) outputs per unit.

The idea of all of them: keep the variance of the signal equal from layer to layer. With fan_in inputs of variance v
and weights of variance s, a sum has variance fan_in * s * v; so s = 1/fan_in (LeCun), 2/fan_in when ReLU removes
half of it (He), or 2/(fan_in + fan_out) as the compromise between the forward and the backward signal (Xavier). All
zeros fail: every unit of a layer then computes the same thing and receives the same gradient for ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autodiff.extend import missing_names

from .random import Rng, as_generator

__all__ = [
    "fans",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Array = NDArray[np.floating]
Shape = int | Sequence[int]


def _shape(shape: Shape) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight of shape (out, in, *kernel); a vector (n,) counts as n inputs of one unit.

    >>> fans((128, 784)), fans((64, 3, 5, 5)), fans(7)
    ((784, 128), (75, 1600), (7, 1))
    """
    shape = _shape(shape)
    if not shape:
        raise ValueError("a 0-d parameter has no fan_in and fan_out; use zeros, ones, normal or uniform")
    if len(shape) == 1:
        return shape[0], 1
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def zeros(shape: Shape, *, dtype: DTypeLike = np.float32) -> Array:
    """Return zeros: right for biases, wrong for weights (see the module's first lines). `torch.nn.init.zeros_`.

    >>> zeros(2)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(_shape(shape), dtype)


def ones(shape: Shape, *, dtype: DTypeLike = np.float32) -> Array:
    """Return ones: right for the scale of a normalisation. `torch.nn.init.ones_`.

    >>> ones(2)
    array([1., 1.], dtype=float32)
    """
    return np.ones(_shape(shape), dtype)


def normal(
    shape: Shape, *, mean: float = 0.0, std: float = 1.0, rng: Rng = None, dtype: DTypeLike = np.float32
) -> Array:
    """Return independent draws from a normal distribution. `torch.nn.init.normal_`.

    >>> normal((2, 3), std=0.1, rng=0).shape
    (2, 3)
    """
    return (mean + std * as_generator(rng).standard_normal(_shape(shape))).astype(dtype)


def uniform(
    shape: Shape, *, low: float = -1.0, high: float = 1.0, rng: Rng = None, dtype: DTypeLike = np.float32
) -> Array:
    """Return independent draws from the uniform distribution between `low` and `high`.

    >>> uniform(3, low=0, high=0.1, rng=0).shape
    (3,)
    """
    return as_generator(rng).uniform(low, high, _shape(shape)).astype(dtype)


def _normal_of_variance(variance: float, shape: Shape, rng: Rng, dtype: DTypeLike) -> Array:
    return normal(shape, std=math.sqrt(variance), rng=rng, dtype=dtype)


def _uniform_of_variance(variance: float, shape: Shape, rng: Rng, dtype: DTypeLike) -> Array:
    limit = math.sqrt(3 * variance)  # the variance of U(-a, a) is a**2 / 3
    return uniform(shape, low=-limit, high=limit, rng=rng, dtype=dtype)


def _xavier_variance(shape: Shape, gain: float) -> float:
    return gain**2 * 2 / max(1, sum(fans(shape)))


def _fan_in_variance(shape: Shape, gain: float) -> float:
    return gain**2 / max(1, fans(shape)[0])


def xavier_uniform(shape: Shape, *, gain: float = 1.0, rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return uniform draws of variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, equation 16).

    For tanh, sigmoid and linear layers.

    >>> float(abs(xavier_uniform((100, 200), rng=0)).max()) <= (6 / 300) ** 0.5
    True
    """
    return _uniform_of_variance(_xavier_variance(shape, gain), shape, rng, dtype)


def xavier_normal(shape: Shape, *, gain: float = 1.0, rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return normal draws of variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010, equation 12).

    `torch.nn.init.xavier_normal_`.

    >>> xavier_normal((128, 784), rng=0).shape
    (128, 784)
    """
    return _normal_of_variance(_xavier_variance(shape, gain), shape, rng, dtype)


def he_uniform(shape: Shape, *, gain: float = math.sqrt(2), rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return uniform draws of variance 2 / fan_in, for ReLU layers (He et al. 2015, equation 10).

    `torch.nn.init.kaiming_uniform_` with nonlinearity="relu".

    >>> he_uniform((128, 784), rng=0).shape
    (128, 784)
    """
    return _uniform_of_variance(_fan_in_variance(shape, gain), shape, rng, dtype)


def he_normal(shape: Shape, *, gain: float = math.sqrt(2), rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return normal draws of variance 2 / fan_in, for ReLU layers (He et al. 2015, equation 10).

    `torch.nn.init.kaiming_normal_` with nonlinearity="relu".

    >>> he_normal((128, 784), rng=0).shape
    (128, 784)
    """
    return _normal_of_variance(_fan_in_variance(shape, gain), shape, rng, dtype)


def _kaiming_variance(shape: Shape, a: float, mode: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return 2 / (1 + a * a) / max(1, fans(shape)[mode == "fan_out"])


def kaiming_uniform(
    shape: Shape, *, a: float = 0.0, mode: str = "fan_in", rng: Rng = None, dtype: DTypeLike = np.float32
) -> Array:
    """Return uniform draws of variance 2 / ((1 + a^2) fan), for leaky ReLU of slope a (He et al. 2015, equation 15).

    `torch.nn.init.kaiming_uniform_`. With a = sqrt(5) the bounds are +-1 / sqrt(fan_in): where PyTorch's layers start.

    >>> float(abs(kaiming_uniform((100, 25), a=5**0.5, rng=0)).max()) <= 0.2
    True
    """
    return _uniform_of_variance(_kaiming_variance(shape, a, mode), shape, rng, dtype)


def kaiming_normal(
    shape: Shape, *, a: float = 0.0, mode: str = "fan_in", rng: Rng = None, dtype: DTypeLike = np.float32
) -> Array:
    """Return normal draws of variance 2 / ((1 + a^2) fan), for leaky ReLU of slope a (He et al. 2015, equation 15).

    `torch.nn.init.kaiming_normal_`.

    >>> kaiming_normal((128, 784), mode="fan_out", rng=0).shape
    (128, 784)
    """
    return _normal_of_variance(_kaiming_variance(shape, a, mode), shape, rng, dtype)


def lecun_uniform(shape: Shape, *, rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return uniform draws of variance 1 / fan_in (LeCun et al. 1998, section 4.6).

    `torch.nn.init.kaiming_uniform_` with nonlinearity="linear".

    >>> lecun_uniform((128, 784), rng=0).shape
    (128, 784)
    """
    return _uniform_of_variance(_fan_in_variance(shape, 1.0), shape, rng, dtype)


def lecun_normal(shape: Shape, *, rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return normal draws of variance 1 / fan_in (LeCun et al. 1998, section 4.6).

    `torch.nn.init.kaiming_normal_` with nonlinearity="linear".

    >>> lecun_normal((128, 784), rng=0).shape
    (128, 784)
    """
    return _normal_of_variance(_fan_in_variance(shape, 1.0), shape, rng, dtype)


def orthogonal(shape: Shape, *, gain: float = 1.0, rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return a weight whose rows (or columns, where there are fewer) are orthonormal, times `gain` (Saxe et al. 2014).

    Kernel axes count as inputs: (out, in, *kernel) is orthogonal as the matrix (out, in * prod(kernel)).

    Raises:
        ValueError: `shape` has fewer than two axes.

    >>> w = orthogonal((2, 5), rng=0, dtype=float)
    >>> np.allclose(w @ w.T, np.eye(2))
    True
    """
    shape = _shape(shape)
    if len(shape) < 2:
        raise ValueError(f"orthogonal needs a weight of at least two axes, got shape {shape}")
    rows, columns = shape[0], math.prod(shape[1:])
    tall = as_generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    # The signs make the distribution uniform over orthogonal matrices (Mezzadri 2007): QR alone favours some of them.
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)


_SET = "write p.data = nn.init.{}(p.shape)"
_ELSEWHERE = {f"{name}_": _SET.format(name) for name in __all__} | {
    "kaiming_normal_": _SET.format("he_normal"),
    "kaiming_uniform_": _SET.format("he_uniform"),
}

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__, _ELSEWHERE)
