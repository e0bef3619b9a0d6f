"""The one place where operations live: rows only. Importing it fills the registry and gives the handles their
methods.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import operators, variable
from ..registry import DISPATCH, METHODS, OPS, PUBLIC, Op
from . import activations, elementwise, fused, index, linalg, reduce, shape

__all__ = ["DISPATCH", "OPS", "PUBLIC", "Op"]

# functions whose answer is boolean, integer or about the array, not a differentiable value: they see the bare value
variable.PLAIN.update(
    {
        np.less,
        np.less_equal,
        np.equal,
        np.not_equal,
        np.greater,
        np.greater_equal,
        np.isnan,
        np.isinf,
        np.isfinite,
        np.signbit,
        np.logical_and,
        np.logical_or,
        np.logical_not,
        np.logical_xor,
        np.shape,
        np.ndim,
        np.size,
        np.argmax,
        np.argmin,
        np.nanargmax,
        np.nanargmin,
        np.argsort,
        np.argpartition,
        np.argwhere,
        np.nonzero,
        np.flatnonzero,
        np.count_nonzero,
        np.searchsorted,
        np.digitize,
        np.any,
        np.all,
        np.array_equal,
        np.array_equiv,
        np.allclose,
        np.isclose,
        np.iscomplexobj,
        np.isrealobj,
        np.isreal,
        np.iscomplex,
        np.isneginf,
        np.isposinf,
        np.result_type,
        np.can_cast,
        np.min_scalar_type,
        np.common_type,
        np.may_share_memory,
        np.shares_memory,
        np.array2string,
        np.array_repr,
        np.array_str,
        np.zeros_like,
        np.ones_like,
        np.empty_like,
        np.isin,
    }
)


def _plain_method(function: Any) -> Any:
    def method(x: Any, *args: Any, **kwargs: Any) -> Any:
        return function(x, *args, **kwargs)

    method.__doc__ = f"As ``np.{function.__name__}``: a plain answer, through which no derivative flows."
    return method


for _fn in (np.argmax, np.argmin, np.argsort, np.nonzero, np.searchsorted, np.any, np.all):
    METHODS[_fn.__name__] = _plain_method(_fn)
operators.install()
