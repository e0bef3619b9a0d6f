"""Dropout: noise against units that rely on each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..module import Module
from ..random import Rng, as_generator

__all__ = ["Dropout", "dropout"]


def check_probability(p: float) -> None:
    """Raise ValueError unless 0 <= p <= 1; TypeError when it is no number."""
    if not isinstance(p, float | int | np.number):
        raise TypeError(f"the probability of dropping must be a number in [0, 1], got {p!r}")
    if not 0 <= p <= 1:
        raise ValueError(f"the probability of dropping must be in [0, 1], got {p!r}")


def dropout(x: Any, p: float = 0.5, *, training: bool = True, rng: Rng = None) -> Any:
    """Zero each element with probability p and divide the others by 1 - p; return x itself when not training.

    x: any shape. rng: a Generator, a seed, or None for the default generator. `torch.nn.functional.dropout`. Raises
    ValueError unless 0 <= p <= 1.

    >>> dropout(np.ones(6, np.float32), 0.5, rng=0)
    array([2., 2., 2., 0., 0., 0.], dtype=float32)
    """
    check_probability(p)
    if not training or p == 0:
        return x
    dtype = np.result_type(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype, np.float16)
    if p == 1:
        return x * np.zeros(np.shape(x), dtype)
    keep = as_generator(rng).random(np.shape(x), dtype=np.float32) >= p
    return x * (keep * dtype.type(1 / (1 - p)))


class Dropout(Module):
    """In training, zeros each element with probability p and divides the others by 1 - p; in evaluation, passes x
    through.

    The division keeps the expected value, so that nothing needs scaling later ("inverted" dropout, after Srivastava
    et al. 2014).

    Args:
        p: probability of zero, in [0, 1].
        rng: a Generator or a seed of its own; None takes the default generator at each call.

    >>> import nn, numpy as np
    >>> layer = nn.Dropout(0.5, rng=0)
    >>> layer(np.ones(6, np.float32))
    array([2., 2., 2., 0., 0., 0.], dtype=float32)
    >>> layer.eval()(np.ones(3))
    array([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, rng: Rng = None) -> None:
        check_probability(p)
        self.p = p
        self.rng = None if rng is None else as_generator(rng)

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return dropout(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """p."""
        return f"p={self.p}"
