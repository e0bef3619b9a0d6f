"""Dropout: noise against units that rely on each other."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Module
from .random import Rng, as_generator

__all__ = ["Dropout"]


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
        F.check_probability(p)
        self.p = p
        self.rng = None if rng is None else as_generator(rng)

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return F.dropout(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """p."""
        return f"p={self.p}"
