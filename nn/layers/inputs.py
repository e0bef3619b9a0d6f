"""What a layer computes with: how it reads the input that it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import autodiff as ad

__all__ = ["as_input"]


def as_input(x: Any, dtype: DTypeLike) -> Any:
    """What a layer computes with: a Tensor as it is, anything else as an array, real numbers cast to the
    parameters' dtype."""
    if isinstance(x, ad.Tensor):
        return x
    x = np.asarray(x)
    return x if x.dtype is dtype or x.dtype == dtype or x.dtype.kind not in "fiub" else x.astype(dtype)
