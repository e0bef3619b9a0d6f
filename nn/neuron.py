"""Networks of single numbers, for teaching: one neuron, a layer of neurons, a network of layers (after micrograd).

Each weight is an `autodiff.Scalar`, and a neuron is ONE node of the graph with all its weights and inputs as
parents; a picture can open it into its products and sums. `MLP.to_linear()` is the same network on tensors: equal
values, equal gradients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import autodiff as ad

from .layers import activations
from .layers.containers import Sequential
from .layers.linear import Linear
from .module import Module
from .random import Rng, as_generator

__all__ = ["MLP", "Layer", "Neuron"]

# name -> (the function on a Scalar, the module for the same network on tensors); "linear" is no activation
ACTIVATIONS: dict[str, tuple[Callable[[Any], Any] | None, type[Module] | None]] = {
    "linear": (None, None),
    "relu": (ad.relu, activations.ReLU),
    "tanh": (ad.tanh, activations.Tanh),
    "sigmoid": (ad.sigmoid, activations.Sigmoid),
    "softplus": (ad.softplus, activations.Softplus),
    "silu": (ad.silu, activations.SiLU),
    "gelu": (ad.gelu, activations.GELU),
}


def _one_sample(x: Any) -> Any:
    """Return an array of nin numbers as a list. Refuse a batch, whose rows would be taken for features."""
    if getattr(x, "ndim", 1) != 1 or (isinstance(x, list | tuple) and x and isinstance(x[0], list | tuple)):
        raise ValueError(
            f"a network of Scalars takes one sample of nin numbers; got {np.shape(x)}. "
            "Call it for each sample, or give the batch to net.to_linear()."
        )
    return x.tolist() if isinstance(x, np.ndarray) else x


class Neuron(Module):
    """activation(w[0] x[0] + ... + w[n-1] x[n-1] + b), on numbers.

    Args:
        nin: number of inputs.
        activation: one of "relu", "tanh", "sigmoid", "softplus", "silu", "gelu", "linear".
        rng: a Generator, a seed, or None. Weights start uniform with variance 1/nin, the bias at 0.

    >>> import nn
    >>> neuron = nn.Neuron(2, activation="tanh", rng=0)
    >>> for w, value in zip(neuron.w, [0.5, -1.0]): w.data = value
    >>> y = neuron([1.0, 0.25])
    >>> y.backward()
    >>> round(y.item(), 4), [round(w.grad, 4) for w in neuron.w], round(neuron.b.grad, 4)
    (0.2449, [0.94, 0.235], 0.94)
    """

    def __init__(self, nin: int, activation: str = "relu", *, rng: Rng = None) -> None:
        if activation not in ACTIVATIONS:
            raise ValueError(f"Neuron: activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        if not isinstance(nin, int | np.integer) or nin < 0:
            raise ValueError(f"Neuron: nin must be an integer >= 0, got {nin!r}")
        limit = math.sqrt(3 / nin) if nin else 0.0
        self.w = [ad.scalar(w) for w in as_generator(rng).uniform(-limit, limit, nin).tolist()]
        self.b = ad.scalar(0.0)
        self.activation = activation

    def forward(self, x: Sequence[Any]) -> Any:
        """x: nin numbers or Scalars -> a Scalar."""
        if len(x) != len(self.w):
            raise ValueError(f"Neuron(nin={len(self.w)}) got {len(x)} inputs")
        if x.__class__ is not list:
            x = _one_sample(x)
        z = ad.weighted_sum(self.w, x, self.b)
        function = ACTIVATIONS[self.activation][0]
        return z if function is None else function(z)

    def multiply_adds(self, inputs: tuple[Any, ...], output: Any) -> int:
        """Count one for each weight."""
        return len(self.w)

    def extra_repr(self) -> str:
        """Return the number of inputs and the activation."""
        return f"nin={len(self.w)}, activation={self.activation!r}"


class Layer(Module):
    """Compute `nout` neurons of the same `nin` inputs: a list of Scalars, or one Scalar when there is one neuron.

    >>> import nn
    >>> len(nn.Layer(2, 3, rng=0)([1.0, 2.0]))
    3
    """

    def __init__(self, nin: int, nout: int, activation: str = "relu", *, rng: Rng = None) -> None:
        generator = as_generator(rng)
        self.neurons = [Neuron(nin, activation, rng=generator) for _ in range(nout)]

    def forward(self, x: Sequence[Any]) -> Any:
        """x: nin numbers or Scalars -> nout Scalars (one: not in a list)."""
        if x.__class__ is not list:
            x = _one_sample(x)
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def to_linear(self, dtype: Any = np.float64) -> Sequential:
        """Return the same layer on tensors: a Linear and its activation, with these weights (copied)."""
        nin = len(self.neurons[0].w) if self.neurons else 0
        linear = Linear(nin, len(self.neurons), dtype=dtype, rng=0)
        weights = [[w.data for w in neuron.w] for neuron in self.neurons]
        linear.load_state_dict({"weight": np.reshape(weights, (-1, nin)), "bias": [n.b.data for n in self.neurons]})
        module = ACTIVATIONS[self.neurons[0].activation][1] if self.neurons else None
        return Sequential(linear) if module is None else Sequential(linear, module())

    def __repr__(self) -> str:
        neuron = self.neurons[0] if self.neurons else None
        return f"Layer(neurons={len(self.neurons)}" + (f", {neuron.extra_repr()})" if neuron is not None else ")")


class MLP(Module):
    """A network of layers on numbers: nin inputs, then one layer for each number in `nouts`; the last layer is linear.

    >>> import nn
    >>> net = nn.MLP(2, [16, 16, 1], rng=0)
    >>> sum(1 for _ in net.parameters())
    337
    >>> net([0.5, -0.5]).backward()
    """

    def __init__(self, nin: int, nouts: Sequence[int], activation: str = "relu", *, rng: Rng = None) -> None:
        if isinstance(nouts, int):
            raise TypeError(f"MLP: nouts is a list, one width for each layer: nn.MLP({nin}, [16, 1]); got {nouts!r}")
        generator = as_generator(rng)
        sizes = [nin, *nouts]
        self.layers = [
            Layer(sizes[i], sizes[i + 1], activation if i + 2 < len(sizes) else "linear", rng=generator)
            for i in range(len(nouts))
        ]

    def forward(self, x: Sequence[Any]) -> Any:
        """x: nin numbers or Scalars -> the last layer's output."""
        x = _one_sample(x)
        for i, layer in enumerate(self.layers):
            x = layer(x if i == 0 or isinstance(x, list) else [x])
        return x

    def to_linear(self, dtype: Any = np.float64) -> Sequential:
        """Return the same network on tensors, with these weights (copied): x (N, nin) -> (N, nout).

        >>> import nn
        >>> net = nn.MLP(2, [3, 1], rng=0)
        >>> abs(net.to_linear()([[1.0, 2.0]]).item() - net([1.0, 2.0]).item()) < 1e-12
        True
        """
        return Sequential(*(module for layer in self.layers for module in layer.to_linear(dtype)))
