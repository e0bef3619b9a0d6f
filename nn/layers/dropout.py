"""Dropout of elements, of whole channels, and for SELU: noise that keeps units from depending on each other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arguments_elsewhere import new_array
from ..module import Module
from ..random import Rng, as_generator, draw
from .inputs import as_value, beside

__all__ = [
    "AlphaDropout",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "FeatureAlphaDropout",
    "alpha_dropout",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
]


def check_probability(p: float) -> None:
    """Raise ValueError unless 0 <= p <= 1; TypeError when it is no number."""
    if not isinstance(p, float | int | np.number):
        raise TypeError(f"the probability of dropping must be a number in [0, 1], got {p!r}")
    if not 0 <= p <= 1:
        raise ValueError(f"the probability of dropping must be in [0, 1], got {p!r}")


def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Rng = None) -> Any:
    """Zero each element with probability p and divide the others by 1 - p; return x itself when not training.

    x: any shape. rng: a Generator, a seed, or None for the default generator. `torch.nn.functional.dropout`. Raises
    ValueError unless 0 <= p <= 1.

    >>> dropout(np.ones(6, np.float32), 0.5, rng=0)
    array([2., 2., 2., 0., 0., 0.], dtype=float32)
    """
    new_array("dropout", inplace)
    check_probability(p)
    if not training or p == 0:
        return x
    dtype = np.result_type(x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype, np.float16)
    if p == 1:
        return x * beside(np.zeros(np.shape(x), dtype), x)
    keep = draw(rng, "random", np.shape(x), dtype=np.float32) >= p
    return x * beside(keep * dtype.type(1 / (1 - p)), x)


def _of_channels(who: str, dims: tuple[int, ...], x: Any, p: float, training: bool, rng: Rng) -> Any:
    """Apply dropout to whole channels, one draw for each. Channels are on axis -dims[-1] + 1."""
    check_probability(p)
    x = as_value(x)
    if x.ndim not in dims:
        raise ValueError(f"{who} needs x of {' or '.join(map(str, dims))} axes; got shape {x.shape}")
    if not training or p == 0:
        return x
    lead = x.ndim - dims[-1] + 2
    ones = np.ones((*x.shape[:lead], *[1] * (x.ndim - lead)), np.result_type(x.dtype, np.float16))
    return x * beside(dropout(ones, p, rng=rng), x)


def dropout1d(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Rng = None) -> Any:
    """Zero each channel of each sequence with probability p; as `dropout` otherwise. `torch.nn.functional.dropout1d`.

    x: (N, C, L) or (C, L).

    >>> dropout1d(np.ones((1, 4, 2)), 0.5, rng=0)[0, :, 1]
    array([2., 2., 2., 0.])
    """
    new_array("dropout1d", inplace)
    return _of_channels("dropout1d", (2, 3), x, p, training, rng)


def dropout2d(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Rng = None) -> Any:
    """Zero each channel of each image with probability p; as `dropout` otherwise. `torch.nn.functional.dropout2d`.

    x: (N, C, H, W). With three axes PyTorch reads (N, C, L): write `dropout1d` for that.

    >>> dropout2d(np.ones((1, 4, 2, 2)), 0.5, rng=0)[0, :, 1, 1]
    array([2., 2., 2., 0.])
    """
    new_array("dropout2d", inplace)
    return _of_channels("dropout2d", (4,), x, p, training, rng)


def dropout3d(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, rng: Rng = None) -> Any:
    """Zero each channel of each volume with probability p; as `dropout` otherwise. `torch.nn.functional.dropout3d`.

    x: (N, C, D, H, W) or (C, D, H, W).

    >>> dropout3d(np.ones((1, 4, 1, 1, 1)), 0.5, rng=0).ravel()
    array([2., 2., 2., 0.])
    """
    new_array("dropout3d", inplace)
    return _of_channels("dropout3d", (4, 5), x, p, training, rng)


_SELU_FLOOR = -1.7580993408473766  # the limit of SELU on the left: -scale * alpha


def alpha_dropout(x: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, rng: Rng = None) -> Any:
    """Set elements to SELU's limit on the left with probability p, keeping mean 0 and variance 1.

    x: any shape. `torch.nn.functional.alpha_dropout` (Klambauer et al. 2017, section 2,
    https://arxiv.org/abs/1706.02515): like there, it does nothing unless training=True. Raises ValueError unless
    0 <= p <= 1.

    >>> alpha_dropout(np.zeros(6), 0.5, training=True, rng=0).round(4)
    array([ 0.7792,  0.7792,  0.7792, -0.7792, -0.7792, -0.7792])
    """
    new_array("alpha_dropout", inplace)
    x = as_value(x)
    return _to_the_floor(x, x.shape, p, training, rng)


def feature_alpha_dropout(
    x: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, rng: Rng = None
) -> Any:
    """Set whole channels to SELU's limit on the left with probability p; as `alpha_dropout` otherwise.

    `torch.nn.functional.feature_alpha_dropout`. x: (N, C, ...). Raises ValueError for fewer than two axes.

    >>> feature_alpha_dropout(np.zeros((1, 3, 2)), 0.5, training=True, rng=0)[0, :, 1].round(4)
    array([0.7792, 0.7792, 0.7792])
    """
    new_array("feature_alpha_dropout", inplace)
    x = as_value(x)
    if x.ndim < 2:
        raise ValueError(f"feature_alpha_dropout needs x of shape (N, C, ...); got shape {x.shape}")
    return _to_the_floor(x, (*x.shape[:2], *[1] * (x.ndim - 2)), p, training, rng)


def _to_the_floor(x: Any, drawn: tuple[int, ...], p: float, training: bool, rng: Rng) -> Any:
    """Apply alpha dropout. drawn: the shape of the draws, which broadcasts with x."""
    check_probability(p)
    if not training or p == 0:
        return x
    if p == 1:
        return x * beside(np.zeros(x.shape, x.dtype), x)
    scale = 1 / math.sqrt((1 - p) * (1 + p * _SELU_FLOOR**2))
    keep = beside(draw(rng, "random", drawn, dtype=np.float32) >= p, x)
    return np.where(keep, x, _SELU_FLOOR) * scale - scale * p * _SELU_FLOOR


class Dropout(Module):
    """In training, zeros each element with probability p and divides the others by 1 - p. In evaluation, returns x.

    The division keeps the expected value, so that nothing needs scaling later ("inverted" dropout, after Srivastava
    et al. 2014).

    Args:
        p: probability of zero, in [0, 1].
        inplace: PyTorch's argument; must be False, because results are new arrays.
        rng: a Generator or a seed of its own; None takes the default generator at each call.

    >>> import nn, numpy as np
    >>> layer = nn.Dropout(0.5, rng=0)
    >>> layer(np.ones(6, np.float32))
    array([2., 2., 2., 0., 0., 0.], dtype=float32)
    >>> layer.eval()(np.ones(3))
    array([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rng: Rng = None) -> None:
        new_array(type(self).__name__, inplace)
        check_probability(p)
        self.p = p
        self.rng = None if rng is None else as_generator(rng)

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return dropout(x, self.p, training=self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """Return p."""
        return f"p={self.p}"


class Dropout1d(Dropout):
    """In training, zeros each channel of each sequence with probability p. `torch.nn.Dropout1d`.

    Arguments as in `Dropout`. x: (N, C, L) or (C, L).

    >>> import nn, numpy as np
    >>> nn.Dropout1d(0.5, rng=0)(np.ones((1, 4, 2)))[0, :, 1]
    array([2., 2., 2., 0.])
    """

    def forward(self, x: Any) -> Any:
        """x: (N, C, L) -> the same shape."""
        return dropout1d(x, self.p, training=self.training, rng=self.rng)


class Dropout2d(Dropout):
    """In training, zeros each channel of each image with probability p (Tompson et al. 2015). `torch.nn.Dropout2d`.

    Arguments as in `Dropout`. x: (N, C, H, W).

    >>> import nn, numpy as np
    >>> nn.Dropout2d(0.5, rng=0)(np.ones((1, 4, 2, 2)))[0, :, 1, 1]
    array([2., 2., 2., 0.])
    """

    def forward(self, x: Any) -> Any:
        """x: (N, C, H, W) -> the same shape."""
        return dropout2d(x, self.p, training=self.training, rng=self.rng)


class Dropout3d(Dropout):
    """In training, zeros each channel of each volume with probability p. `torch.nn.Dropout3d`.

    Arguments as in `Dropout`. x: (N, C, D, H, W) or (C, D, H, W).

    >>> import nn, numpy as np
    >>> nn.Dropout3d(0.5, rng=0)(np.ones((1, 4, 1, 1, 1))).ravel()
    array([2., 2., 2., 0.])
    """

    def forward(self, x: Any) -> Any:
        """x: (N, C, D, H, W) -> the same shape."""
        return dropout3d(x, self.p, training=self.training, rng=self.rng)


class AlphaDropout(Dropout):
    """Dropout for SELU networks: it keeps mean 0 and variance 1. `torch.nn.AlphaDropout`.

    Arguments as in `Dropout`. x: any shape.

    >>> import nn, numpy as np
    >>> nn.AlphaDropout(0.5, rng=0)(np.zeros(4)).round(4)
    array([ 0.7792,  0.7792,  0.7792, -0.7792])
    """

    def forward(self, x: Any) -> Any:
        """x of any shape -> the same shape."""
        return alpha_dropout(x, self.p, training=self.training, rng=self.rng)


class FeatureAlphaDropout(Dropout):
    """Dropout of whole channels for SELU networks. `torch.nn.FeatureAlphaDropout`.

    Arguments as in `Dropout`. x: (N, C, ...).

    >>> import nn, numpy as np
    >>> nn.FeatureAlphaDropout(0.5, rng=0)(np.zeros((1, 3, 2)))[0, :, 1].round(4)
    array([0.7792, 0.7792, 0.7792])
    """

    def forward(self, x: Any) -> Any:
        """x: (N, C, ...) -> the same shape."""
        return feature_alpha_dropout(x, self.p, training=self.training, rng=self.rng)
