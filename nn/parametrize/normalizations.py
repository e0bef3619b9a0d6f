"""Weights divided by a norm: by those of their rows, or by their largest singular value."""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad

from ..layers.distances import normalize
from ..module import Module
from ..parameter import Buffer
from ..random import Rng, as_generator
from .registering import is_parametrized, register_parametrization

__all__ = ["spectral_norm", "weight_norm"]


class WeightNorm(Module):
    """v g / ||v||, the norm over all axes but one (Salimans and Kingma 2016, equation 2)."""

    def __init__(self, dim: int | None) -> None:
        self.dim = dim

    def _norm(self, v: Any) -> Any:
        dim = self.dim
        if dim is None or dim == -1:  # of the whole
            return np.linalg.norm(np.reshape(v, -1))
        axes = tuple(k for k in range(v.ndim) if k != dim)
        return np.linalg.vector_norm(v, axis=axes, keepdims=True) if axes else np.abs(v)

    def forward(self, g: Any, v: Any) -> Any:
        """g: (out, 1, ...), v: (out, ...) -> like v."""
        return v * (g / self._norm(v))

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        """Return the norms, and the weight itself."""
        return self._norm(weight), weight

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a weight into the lengths and the directions of its rows, which are both learnt; return the layer.

    `torch.nn.utils.parametrizations.weight_norm` (Salimans and Kingma 2016): weight = g v / ||v||, g being
    `parametrizations.weight.original0` and v `original1`. dim: the axis with one norm for each index; None for one norm
    of the whole weight. Raises as `register_parametrization`, and ValueError for an axis that does not exist.

    >>> import nn, numpy as np
    >>> layer = nn.parametrize.weight_norm(nn.Linear(3, 2, rng=0))
    >>> {name: p.shape for name, p in layer.named_parameters()}
    {'bias': (2,), 'parametrizations.weight.original0': (2, 1), 'parametrizations.weight.original1': (2, 3)}
    """
    if is_parametrized(module, name):
        raise ValueError(f"weight_norm: {name!r} is computed already; register weight_norm before other functions")
    ndim = np.ndim(ad.plain(module.__dict__.get(name, 0.0))) if isinstance(module, Module) else 0
    if dim is not None and not -1 <= dim < max(ndim, 1):
        raise ValueError(f"weight_norm: dim={dim} is no axis of a weight with {ndim} of them")
    return register_parametrization(module, name, WeightNorm(dim))


class SpectralNorm(Module):
    """The weight divided by its largest singular value, from power iteration (Miyato et al. 2018, algorithm 1)."""

    def __init__(self, weight: Any, n_power_iterations: int, dim: int, eps: float, rng: Rng) -> None:
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim, eps
        if weight.ndim > 1:
            matrix = self._matrix(weight)
            generator = as_generator(rng)
            u, v = (normalize(generator.standard_normal(n).astype(weight.dtype), axis=0, eps=eps) for n in matrix.shape)
            u, v = self._iterated(matrix, u, v, 15)  # PyTorch's number
            self._u, self._v = Buffer(u), Buffer(v)

    def _matrix(self, weight: Any) -> Any:
        return np.reshape(np.moveaxis(weight, self.dim, 0), (weight.shape[self.dim], -1))

    def _iterated(self, matrix: Any, u: Any, v: Any, times: int) -> tuple[Any, Any]:
        for _ in range(times):
            u = normalize(matrix @ v, axis=0, eps=self.eps)
            v = normalize(matrix.T @ u, axis=0, eps=self.eps)
        return u, v

    def forward(self, weight: Any) -> Any:
        """weight: (out, ...) -> the same shape."""
        if weight.ndim == 1:
            return normalize(weight, axis=0, eps=self.eps)
        matrix, u, v = self._matrix(weight), self._u.data, self._v.data
        if self.training:
            u, v = self._iterated(ad.plain(matrix), u, v, self.n_power_iterations)
            self._u.data, self._v.data = u, v
        return weight / (u @ (matrix @ v))

    def right_inverse(self, value: Any) -> Any:
        """Return the value itself, as in PyTorch: the weight computed from it has norm 1."""
        return value

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"n_power_iterations={self.n_power_iterations}, dim={self.dim}, eps={self.eps}"


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    *,
    rng: Rng = None,
) -> Module:
    """Divide a weight by its largest singular value; return the layer.

    `torch.nn.utils.parametrizations.spectral_norm` (Miyato et al. 2018), used in the discriminators of GANs. The
    singular value is found by power iteration: each call in training makes `n_power_iterations` steps from the vectors
    of the last one, which are the buffers `parametrizations.weight.0._u` and `_v`.

    dim: the axis of the outputs; 1 for transposed convolutions, 0 otherwise. eps: the least value of a norm. rng: for
    the first vectors. Raises as `register_parametrization`, ValueError for less than one iteration.

    >>> import nn, numpy as np
    >>> layer = nn.parametrize.spectral_norm(nn.Linear(3, 2, rng=0), rng=0)
    >>> float(np.linalg.norm(layer.weight.data, 2).round(3))
    1.0
    """
    if isinstance(n_power_iterations, bool) or not isinstance(n_power_iterations, int) or n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations must be an integer >= 1, got {n_power_iterations!r}")
    weight = getattr(module, name, None)
    if not isinstance(weight, ad.Tensor):
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter {name!r}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    return register_parametrization(module, name, SpectralNorm(weight.data, n_power_iterations, dim, float(eps), rng))
