"""Sinusoidal and rotary positions: the order of steps, for layers that do not depend on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..layers.inputs import as_value, beside
from ..module import Module

__all__ = ["RotaryPositions", "SinusoidalPositions", "rotary_positions", "sinusoidal_positions"]


def _angles(who: str, length: int, features: int, base: float, offset: int) -> NDArray[np.float64]:
    """Return position / base^(2 i / features), (length, features / 2)."""
    if features < 2 or features % 2:
        raise ValueError(f"{who} needs an even number of features, got {features}")
    rates = base ** (-np.arange(0, features, 2) / features)
    return np.arange(offset, offset + length)[:, None] * rates


def sinusoidal_positions(
    length: int, features: int, *, base: float = 10000.0, offset: int = 0, dtype: DTypeLike = np.float32
) -> NDArray[Any]:
    """Return sines and cosines of each position, alternating (Vaswani et al. 2017, section 3.5).

    Returns (length, features): at [p, 2 i] sin(p / base^(2 i / features)), at [p, 2 i + 1] the cosine. offset: the
    first position. Raises ValueError for an odd number of features.

    >>> sinusoidal_positions(2, 4).round(2)
    array([[0.  , 1.  , 0.  , 1.  ],
           [0.84, 0.54, 0.01, 1.  ]], dtype=float32)
    """
    angles = _angles("sinusoidal_positions", length, features, base, offset)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, features).astype(dtype)


def rotary_positions(x: Any, *, base: float = 10000.0, offset: int = 0) -> Any:
    """Turn each pair of features by an angle that grows with the position (Su et al. 2021, equation 34).

    x: (..., T, E), E even: queries or keys, the second last axis being the steps. Returns the same shape: features
    2 i and 2 i + 1 at position p, turned by p / base^(2 i / E). The product of such a query and key depends only on the
    difference of their positions. Raises ValueError for an odd E.

    >>> rotary_positions(np.ones((2, 2))).round(2)
    array([[ 1.  ,  1.  ],
           [-0.3 ,  1.38]])
    """
    x = as_value(x)
    if x.ndim < 2:
        raise ValueError(f"rotary_positions needs (..., T, E), got shape {x.shape}")
    angles = _angles("rotary_positions", x.shape[-2], x.shape[-1], base, offset)
    cos, sin = (beside(f(angles).astype(x.dtype), x) for f in (np.cos, np.sin))
    a, b = x[..., 0::2], x[..., 1::2]
    return np.reshape(np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1), x.shape)


class SinusoidalPositions(Module):
    """Add sines and cosines of the positions to a sequence; nothing is learnt (Vaswani et al. 2017, section 3.5).

    Args:
        features: E, even. batch_first: x is (N, T, E) instead of (T, N, E). base: the slowest wave is 2π base long.

    Shapes: x (T, N, E), or (T, E); y the same.

    >>> import nn, numpy as np
    >>> nn.SinusoidalPositions(4)(np.zeros((2, 4), np.float32)).round(2)
    array([[0.  , 1.  , 0.  , 1.  ],
           [0.84, 0.54, 0.01, 1.  ]], dtype=float32)
    """

    def __init__(self, features: int, batch_first: bool = False, *, base: float = 10000.0) -> None:
        _angles("SinusoidalPositions", 0, features, base, 0)
        self.features, self.batch_first, self.base = features, batch_first, base

    def forward(self, x: Any, offset: int = 0) -> Any:
        """x: (T, N, E) -> (T, N, E); offset: the position of the first step."""
        x = as_value(x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.features:
            raise ValueError(f"SinusoidalPositions(features={self.features}) got x of shape {x.shape}")
        between = x.ndim == 3 and not self.batch_first
        length = x.shape[0] if between or x.ndim == 2 else x.shape[1]
        waves = sinusoidal_positions(length, self.features, base=self.base, offset=offset, dtype=x.dtype)
        return x + beside(waves[:, None] if between else waves, x)

    def extra_repr(self) -> str:
        """Return the number of features."""
        return f"{self.features}"


class RotaryPositions(Module):
    """Turn queries and keys by their positions; nothing is learnt. See `nn.functional.rotary_positions`.

    Shapes: x (..., T, E), E even; y the same.

    >>> import nn, numpy as np
    >>> nn.RotaryPositions()(np.ones((2, 2))).round(2)
    array([[ 1.  ,  1.  ],
           [-0.3 ,  1.38]])
    """

    def __init__(self, *, base: float = 10000.0) -> None:
        self.base = base

    def forward(self, x: Any, offset: int = 0) -> Any:
        """x: (..., T, E) -> (..., T, E); offset: the position of the first step."""
        return rotary_positions(x, base=self.base, offset=offset)
