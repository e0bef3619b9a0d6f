"""Initial values as pure functions from a shape to a NumPy array.

Nothing here touches a module or a graph: `p.data = init.he_normal(p.shape, rng=0)` sets a parameter. A weight of shape
(out, in, *kernel) has fan_in = in * prod(kernel) inputs and fan_out = out * prod(kernel) outputs per unit.

All of them keep the variance of the signal equal from layer to layer. With fan_in inputs of variance v and weights of
variance s, a sum has variance fan_in * s * v; so s = 1/fan_in (LeCun), 2/fan_in when ReLU removes half of it (He), or
2/(fan_in + fan_out) as the compromise between the forward and the backward signal (Xavier). With zeros every unit of a
layer computes the same value and receives the same gradient in every step, so the network does not learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..random import Rng, as_generator

__all__ = [
    "calculate_gain",
    "constant",
    "dirac",
    "eye",
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
    "trunc_normal",
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


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor that makes up for a nonlinearity's change of scale. `torch.nn.init.calculate_gain`.

    nonlinearity: "linear", "conv1d" and so on, "sigmoid", "tanh", "relu", "leaky_relu" (param: its slope, 0.01 unless
    given) or "selu"; another name is a ValueError.

    >>> calculate_gain("relu") == 2**0.5
    True
    """
    kernels = [f"{kind}{n}d" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)]
    slope = 0.01 if param is None else float(param)
    gains = {**dict.fromkeys(["linear", "sigmoid", *kernels], 1.0), "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    gains["leaky_relu"] = math.sqrt(2 / (1 + slope * slope))
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: nonlinearity must be one of {', '.join(gains)}; got {nonlinearity!r}")
    return gains[nonlinearity]


def zeros(shape: Shape, *, rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return zeros: right for biases, wrong for weights (see the module's first lines). `torch.nn.init.zeros_`.

    rng: not used; it is accepted so that this can be a layer's `weight_init`.

    >>> zeros(2)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(_shape(shape), dtype)


def ones(shape: Shape, *, rng: Rng = None, dtype: DTypeLike = np.float32) -> Array:
    """Return ones: right for the scale of a normalisation. `torch.nn.init.ones_`. rng: as in `zeros`.

    >>> ones(2)
    array([1., 1.], dtype=float32)
    """
    return np.ones(_shape(shape), dtype)


def constant(shape: Shape, value: float, *, dtype: DTypeLike = np.float32) -> Array:
    """Return one number everywhere. `torch.nn.init.constant_`.

    >>> constant(2, 0.5)
    array([0.5, 0.5], dtype=float32)
    """
    return np.full(_shape(shape), value, dtype)


def eye(shape: Shape, *, dtype: DTypeLike = np.float32) -> Array:
    """Return the identity (out, in): a linear layer that passes its input on. `torch.nn.init.eye_`.

    Raises ValueError for another number of axes.

    >>> eye((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    """
    shape = _shape(shape)
    if len(shape) != 2:
        raise ValueError(f"eye needs a shape (out, in), got {shape}")
    return np.eye(*shape, dtype=dtype)


def dirac(shape: Shape, groups: int = 1, *, dtype: DTypeLike = np.float32) -> Array:
    """Return the weight (out, in, *kernel) of a convolution that passes its channels on. `torch.nn.init.dirac_`.

    groups: the identity is repeated in each of this number of parts of the outputs. Raises ValueError for another
    number of axes than 3 to 5, or where groups does not divide the outputs.

    >>> dirac((1, 1, 3))
    array([[[0., 1., 0.]]], dtype=float32)
    """
    shape = _shape(shape)
    if not 3 <= len(shape) <= 5 or groups < 1 or shape[0] % groups:
        raise ValueError(f"dirac needs a shape (out, in, *kernel) with groups={groups} dividing out, got {shape}")
    weight, part = np.zeros(shape, dtype), shape[0] // groups
    middle = tuple(n // 2 for n in shape[2:])
    for i in range(shape[0]):
        if i % part < shape[1]:
            weight[(i, i % part, *middle)] = 1
    return weight


def normal(
    shape: Shape, *, mean: float = 0.0, std: float = 1.0, rng: Rng = None, dtype: DTypeLike = np.float32
) -> Array:
    """Return independent draws from a normal distribution. `torch.nn.init.normal_`.

    >>> normal((2, 3), std=0.1, rng=0).shape
    (2, 3)
    """
    return (mean + std * as_generator(rng).standard_normal(_shape(shape))).astype(dtype)


def trunc_normal(
    shape: Shape,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    rng: Rng = None,
    dtype: DTypeLike = np.float32,
) -> Array:
    """Return draws from a normal distribution, those outside [a, b] drawn again. `torch.nn.init.trunc_normal_`.

    a and b are values, not multiples of std, as in PyTorch. Raises ValueError unless a < b, or where less than a
    hundred-millionth of the distribution lies between them.

    >>> float(abs(trunc_normal(1000, std=0.02, a=-0.04, b=0.04, rng=0)).max()) <= 0.04
    True
    """
    low, high = ((x - mean) / (std * math.sqrt(2)) for x in (a, b))
    if not a < b or math.erf(high) - math.erf(low) < 2e-8:
        raise ValueError(f"trunc_normal: there is nothing of N({mean}, {std}) between a={a} and b={b}")
    generator = as_generator(rng)
    drawn = np.asarray(mean + std * generator.standard_normal(_shape(shape)))
    while (outside := (drawn < a) | (drawn > b)).any():
        drawn[outside] = mean + std * generator.standard_normal(int(outside.sum()))
    return drawn.astype(dtype)


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


def _kaiming_variance(shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', got {mode!r}")
    return calculate_gain(nonlinearity, a) ** 2 / max(1, fans(shape)[mode == "fan_out"])


def kaiming_uniform(
    shape: Shape,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
    dtype: DTypeLike = np.float32,
) -> Array:
    """Return uniform draws of variance 2 / ((1 + a^2) fan), for leaky ReLU of slope a (He et al. 2015, equation 15).

    mode: "fan_in" or "fan_out". nonlinearity: another one of `calculate_gain`; the variance is gain^2 / fan.

    `torch.nn.init.kaiming_uniform_`. With a = sqrt(5) the bounds are +-1 / sqrt(fan_in): where PyTorch's layers start.

    >>> float(abs(kaiming_uniform((100, 25), a=5**0.5, rng=0)).max()) <= 0.2
    True
    """
    return _uniform_of_variance(_kaiming_variance(shape, a, mode, nonlinearity), shape, rng, dtype)


def kaiming_normal(
    shape: Shape,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
    dtype: DTypeLike = np.float32,
) -> Array:
    """Return normal draws of variance 2 / ((1 + a^2) fan), for leaky ReLU of slope a (He et al. 2015, equation 15).

    mode: "fan_in" or "fan_out". nonlinearity: another one of `calculate_gain`; the variance is gain^2 / fan.

    `torch.nn.init.kaiming_normal_`.

    >>> kaiming_normal((128, 784), mode="fan_out", rng=0).shape
    (128, 784)
    """
    return _normal_of_variance(_kaiming_variance(shape, a, mode, nonlinearity), shape, rng, dtype)


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
