"""Distances and similarities of vectors, and vectors of length 1.

The derivative of a norm is that of `np.linalg.norm`: 0 at the zero vector, with a second derivative of NaN there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import autodiff as ad

from ..module import Module
from .inputs import as_value, axis_or_dim

__all__ = [
    "CosineSimilarity",
    "PairwiseDistance",
    "cdist",
    "cosine_similarity",
    "normalize",
    "pairwise_distance",
    "pdist",
]


def _length(x: Any, p: float, axis: int, keepdims: bool = False) -> Any:
    return np.linalg.vector_norm(x, ord=p, axis=axis, keepdims=keepdims)


def cosine_similarity(x1: Any, x2: Any, axis: int | None = None, eps: float = 1e-8, *, dim: int | None = None) -> Any:
    """Return the cosine of the angle between vectors along an axis. `torch.nn.functional.cosine_similarity`.

    x1, x2: shapes that broadcast. axis: 1 unless it is given; `dim`, as PyTorch calls it, is taken too. eps: the least
    value of a length, so that the cosine with a zero vector is 0.

    >>> cosine_similarity(np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]]))
    array([0.6])
    """
    x1, x2, axis = as_value(x1), as_value(x2), axis_or_dim("cosine_similarity", axis, dim, 1)
    # each vector is divided by its own length: a product of squares may overflow where the cosine does not
    return np.sum(normalize(x1, axis=axis, eps=eps) * normalize(x2, axis=axis, eps=eps), axis=axis)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """Return the p-norm of x1 - x2 + eps along the last axis. `torch.nn.functional.pairwise_distance`.

    x1, x2: (N, D) or (D,), or shapes that broadcast. eps is added to each difference, as in PyTorch; write eps=0 for
    the distance itself.

    >>> pairwise_distance(np.array([[3.0, 4.0]]), np.zeros((1, 2)), eps=0.0)
    array([5.])
    """
    return _length(as_value(x1) - as_value(x2) + eps, p, -1, keepdim)


def normalize(x: Any, p: float = 2.0, axis: int | None = None, eps: float = 1e-12, *, dim: int | None = None) -> Any:
    """Divide vectors along an axis by their p-norm. `torch.nn.functional.normalize`.

    x: any shape. axis: 1 unless it is given; `dim`, as PyTorch calls it, is taken too. eps: the least value of a norm,
    so that a zero vector stays zero, with the derivative 1 / eps.

    >>> normalize(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    x, axis = as_value(x), axis_or_dim("normalize", axis, dim, 1)
    length = _length(x, p, axis, keepdims=True)
    return x / np.where(
        ad.plain(length) < eps, eps, length
    )  # selected, not compared: a tie with eps shares no gradient


def cdist(x1: Any, x2: Any, p: float = 2.0) -> Any:
    """Return the p-norm distance of every row of x1 from every row of x2. `torch.cdist`.

    x1: (..., P, D); x2: (..., R, D) -> (..., P, R). Computed from differences, without cancellation, in P * R * D
    numbers of memory. Equal rows have distance 0 and derivative 0. Raises ValueError for other shapes.

    >>> cdist(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0]]))
    array([[0.],
           [5.]])
    """
    x1, x2 = as_value(x1), as_value(x2)
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"cdist needs x1: (..., P, D) and x2: (..., R, D); got shapes {x1.shape} and {x2.shape}")
    return _length(x1[..., :, None, :] - x2[..., None, :, :], p, -1)


def pdist(x: Any, p: float = 2.0) -> Any:
    """Return the p-norm distance of every pair of rows. `torch.nn.functional.pdist`, `scipy.spatial.distance.pdist`.

    x: (N, D) -> (N (N - 1) / 2,), the pairs (0, 1), (0, 2), ..., (1, 2), ... Raises ValueError for another shape.

    >>> pdist(np.array([[0.0], [1.0], [3.0]]))
    array([1., 3., 2.])
    """
    x = as_value(x)
    if x.ndim != 2:
        raise ValueError(f"pdist needs x: (N, D); got shape {x.shape}")
    first, second = np.triu_indices(x.shape[0], 1)
    return _length(x[first] - x[second], p, -1)


class CosineSimilarity(Module):
    """Return the cosine of the angle between vectors along an axis. `torch.nn.CosineSimilarity`.

    Arguments as in `nn.functional.cosine_similarity`.

    >>> import nn, numpy as np
    >>> nn.CosineSimilarity()(np.array([[1.0, 0.0]]), np.array([[3.0, 4.0]]))
    array([0.6])
    """

    def __init__(self, axis: int | None = None, eps: float = 1e-8, *, dim: int | None = None) -> None:
        self.axis, self.eps = axis_or_dim("CosineSimilarity", axis, dim, 1), eps

    def forward(self, x1: Any, x2: Any) -> Any:
        """x1, x2: shapes that broadcast, vectors along the axis, which the result lacks."""
        return cosine_similarity(x1, x2, self.axis, self.eps)

    def extra_repr(self) -> str:
        """Return the axis and the least length."""
        return f"axis={self.axis}, eps={self.eps}"


class PairwiseDistance(Module):
    """Return the p-norm of x1 - x2 + eps along the last axis. `torch.nn.PairwiseDistance`.

    Arguments as in `nn.functional.pairwise_distance`.

    >>> import nn, numpy as np
    >>> nn.PairwiseDistance(eps=0.0)(np.array([[3.0, 4.0]]), np.zeros((1, 2)))
    array([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.p, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        """x1, x2: (N, D) or (D,) -> (N,) or ()."""
        return pairwise_distance(x1, x2, self.p, self.eps, self.keepdim)

    def extra_repr(self) -> str:
        """Return the order of the norm and the summand."""
        return f"p={self.p}, eps={self.eps}"
