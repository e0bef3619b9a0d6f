"""Linear and Flatten, and the function behind Flatten."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autodiff import Tensor, linear  # by name: `ad.linear` asks the package each time

from .. import init
from ..module import Module
from ..parameter import Parameter
from ..random import Rng
from .inputs import as_input

__all__ = ["Flatten", "Linear", "flatten"]


def flatten(x: Any, start_axis: int = 1) -> Any:
    """Join all axes from `start_axis` on into one.

    x: (N, ...); returns (N, product of the rest). `torch.flatten`, whose `start_dim` is `start_axis` here. Raises
    ValueError when x has fewer axes.

    >>> flatten(np.zeros((32, 28, 28))).shape
    (32, 784)
    """
    shape = np.shape(x)
    if not -len(shape) <= start_axis <= len(shape):
        raise ValueError(f"flatten from axis {start_axis} needs at least {start_axis} axes, got shape {shape}")
    kept = shape[:start_axis]
    return np.reshape(x, (*kept, math.prod(shape[start_axis:])))


class Linear(Module):
    """y = x W^T + b.

    Args:
        in_features, out_features: sizes of the last axis of x and of y.
        bias: whether there is a b.
        dtype: of the parameters; a plain array x is cast to it.
        weight_init: `(shape, rng=..., dtype=...) -> array` from `nn.init`; Xavier uniform unless given. The bias
            starts at zero.
        rng: a Generator, a seed, or None for the default generator.

    Shapes: x (..., in_features), y (..., out_features); `weight` (out_features, in_features), `bias` (out_features,).

    Raises:
        ValueError: the last axis of x is not in_features.

    >>> import nn, numpy as np
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> layer(np.ones((5, 3))).shape
    (5, 2)
    >>> layer(np.ones((4, 5)))
    Traceback (most recent call last):
    ...
    ValueError: Linear(in_features=3) got x with last axis 5: shape (4, 5)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        weight_init: Callable[..., NDArray[np.floating]] = init.xavier_uniform,
        rng: Rng = None,
    ) -> None:
        for name, n in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(n, (int, np.integer)) or n < 0:
                raise ValueError(f"Linear: {name} must be an integer >= 0, got {n!r}")
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.weight = Parameter(weight_init((out_features, in_features), rng=rng, dtype=dtype), dtype)
        self.bias = Parameter(np.zeros(out_features), dtype) if bias else None

    def forward(self, x: Any) -> Any:
        """x: (..., in_features) -> (..., out_features)."""
        weight = self.weight
        if x.__class__ is not Tensor:
            x = as_input(x, weight.dtype)
        try:
            return linear(x, weight, self.bias)
        except ValueError:
            if x.shape[-1:] == (self.in_features,):
                raise
            last = f"last axis {x.shape[-1]}: shape {x.shape}" if x.ndim else "no axis: shape ()"
            raise ValueError(f"Linear(in_features={self.in_features}) got x with {last}") from None

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}" + (
            "" if self.bias is not None else ", bias=False"
        )


class Flatten(Module):
    """Joins all axes from `start_axis` on into one: (N, 28, 28) -> (N, 784).

    >>> import nn, numpy as np
    >>> nn.Flatten()(np.zeros((32, 28, 28))).shape
    (32, 784)
    """

    def __init__(self, start_axis: int = 1) -> None:
        self.start_axis = start_axis

    def forward(self, x: Any) -> Any:
        """x: (N, ...) -> (N, product of the rest)."""
        return flatten(x, self.start_axis)

    def extra_repr(self) -> str:
        """start_axis, when it is not 1."""
        return "" if self.start_axis == 1 else f"start_axis={self.start_axis}"
