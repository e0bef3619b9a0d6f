"""Linear, Bilinear, Identity, and the layers that change shapes: Flatten and Unflatten."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autodiff import Tensor, linear  # by name: `ad.linear` is a lookup at each call

from .. import init
from ..module import Module
from ..parameter import Parameter
from ..random import Rng, as_generator
from .inputs import as_input, as_value, axis_or_dim

__all__ = ["Bilinear", "Flatten", "Identity", "Linear", "Unflatten", "bilinear", "flatten"]


def flatten(x: Any, start_dim: int = 1, end_dim: int = -1) -> Any:
    """Join the axes from `start_dim` to `end_dim` into one. `torch.flatten`, which begins at axis 0 by default.

    x: (N, ...); returns (N, product of the rest). An x (N,) becomes (N, 1). Raises ValueError when x has fewer axes.

    >>> flatten(np.zeros((32, 28, 28))).shape, flatten(np.zeros((2, 3, 4, 5)), 1, 2).shape
    ((32, 784), (2, 12, 5))
    """
    shape = np.shape(x)
    n = len(shape)
    start, end = (start_dim if start_dim >= 0 else start_dim + n), (end_dim if end_dim >= 0 else end_dim + n)
    if not 0 <= start <= n or not (start <= end < n or (start == n and end_dim == -1)):
        raise ValueError(f"flatten from axis {start_dim} to {end_dim} needs those axes; got shape {shape}")
    return np.reshape(x, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def bilinear(x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    """Return x1 weight[k] x2 for each k, plus bias. `torch.nn.functional.bilinear`.

    x1: (..., in1). x2: (..., in2). weight: (out, in1, in2). bias: (out,) or None. Returns (..., out). Raises ValueError
    where the shapes do not fit.

    >>> bilinear(np.array([1.0, 2.0]), np.array([10.0]), np.ones((1, 2, 1)))
    array([30.])
    """
    a, b, w = as_value(x1), as_value(x2), as_value(weight)
    if w.ndim != 3 or (*a.shape[-1:], *b.shape[-1:]) != w.shape[1:] or a.shape[:-1] != b.shape[:-1]:
        raise ValueError(
            f"bilinear: weight of shape (out, in1, in2) = {w.shape} needs x1 (..., in1) and x2 (..., in2) with equal "
            f"axes before; got {a.shape} and {b.shape}"
        )
    y = np.einsum("...i,oij,...j->...o", a, w, b)
    return y if bias is None else y + bias


class Linear(Module):
    """y = x W^T + b.

    Args:
        in_features, out_features: sizes of the last axis of x and of y.
        bias: whether there is a b.
        dtype: of the parameters; a plain array x is cast to it. A Tensor x is not: with a wider dtype, y has it too, as
            in NumPy.
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

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each weight and each row of x."""
        return int(np.size(output)) * self.in_features

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}" + (
            "" if self.bias is not None else ", bias=False"
        )


class Flatten(Module):
    """Join the axes from `start_dim` to `end_dim` into one: (N, 28, 28) -> (N, 784). `torch.nn.Flatten`.

    >>> import nn, numpy as np
    >>> nn.Flatten()(np.zeros((32, 28, 28))).shape
    (32, 784)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        """x: (N, ...) -> (N, product of the rest)."""
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the axes, when they are not all but the first."""
        usual = (self.start_dim, self.end_dim) == (1, -1)
        return "" if usual else f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split one axis into several: (N, 784) -> (N, 28, 28). `torch.nn.Unflatten`.

    axis: which one; `dim`, as PyTorch calls it, is taken too. unflattened_size: the sizes it becomes; one of them may
    be -1. Raises ValueError where they do not multiply to its size.

    >>> import nn, numpy as np
    >>> nn.Unflatten(1, (1, 28, 28))(np.zeros((32, 784))).shape
    (32, 1, 28, 28)
    """

    def __init__(
        self, axis: int | None = None, unflattened_size: Sequence[int] = (), *, dim: int | None = None
    ) -> None:
        self.axis, self.unflattened_size = axis_or_dim("Unflatten", axis, dim), tuple(unflattened_size)
        if not self.unflattened_size:
            raise TypeError("Unflatten needs unflattened_size: the sizes that the axis becomes")

    def forward(self, x: Any) -> Any:
        """x: (..., n, ...) -> (..., *unflattened_size, ...)."""
        x = as_value(x)
        axis, sizes = self.axis % x.ndim if -x.ndim <= self.axis < x.ndim else None, list(self.unflattened_size)
        if axis is not None and sizes.count(-1) == 1 and (known := -math.prod(sizes)) > 0:
            sizes[sizes.index(-1)] = x.shape[axis] // known
        if axis is None or math.prod(sizes) != x.shape[axis]:
            raise ValueError(f"Unflatten({self.extra_repr()}) got x of shape {x.shape}")
        return np.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))

    def extra_repr(self) -> str:
        """Return the axis and the sizes."""
        return f"axis={self.axis}, unflattened_size={self.unflattened_size}"


class Identity(Module):
    """Return x as it is. `torch.nn.Identity`: a placeholder for a layer that is taken out.

    Any arguments are accepted and ignored.

    >>> import nn, numpy as np
    >>> nn.Identity()(np.array([1.0, 2.0]))
    array([1., 2.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """x -> x."""
        return x


class Bilinear(Module):
    """Compute x1 weight[k] x2 + bias[k] for each k. `torch.nn.Bilinear`.

    in1_features, in2_features, out_features: sizes of the last axes of x1, x2 and the result. bias: whether there is
    one. dtype: of the parameters; plain arrays are cast to it. rng: a Generator, a seed, or None for the default
    generator. `weight` (out, in1, in2) and `bias` (out,) start uniform in +-1 / sqrt(in1), as in PyTorch.

    >>> import nn, numpy as np
    >>> nn.Bilinear(2, 3, 4, rng=0)(np.ones((5, 2)), np.ones((5, 3))).shape
    (5, 4)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        sizes = {"in1_features": in1_features, "in2_features": in2_features, "out_features": out_features}
        for name, n in sizes.items():
            if not isinstance(n, int | np.integer) or n < 1:
                raise ValueError(f"Bilinear: {name} must be an integer >= 1, got {n!r}")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        limit, rng = 1 / math.sqrt(in1_features), as_generator(rng)

        def draw(*shape: int) -> Parameter:
            return Parameter(init.uniform(shape, low=-limit, high=limit, rng=rng, dtype=dtype), dtype)

        self.weight = draw(out_features, in1_features, in2_features)
        self.bias = draw(out_features) if bias else None

    def forward(self, x1: Any, x2: Any) -> Any:
        """x1: (..., in1), x2: (..., in2) -> (..., out)."""
        dtype = self.weight.dtype
        return bilinear(as_input(x1, dtype), as_input(x2, dtype), self.weight, self.bias)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count, for each output and element of x1, one for each element of x2 and one more."""
        return int(np.size(output)) * self.in1_features * (self.in2_features + 1)

    def extra_repr(self) -> str:
        """Return the sizes."""
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}"
        return sizes + ("" if self.bias is not None else ", bias=False")
