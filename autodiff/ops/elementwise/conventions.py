"""Parts shared by the elementwise rows: the form of a row, and the derivative where none exists.

A rule whose result at some points is a convention marks them with ``settled``; its own derivative there is NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...other_arrays import is_foreign
from ...registry import Op, op
from ...variable import Variable, plain

POSITIVE = (0.0, math.inf)
INF, NAN = math.inf, math.nan


def row(fn: Any, doc: str, vjp: Any, scalar: Any = None, **facts: Any) -> Any:
    """Add a row of one value at a time. fn: a ufunc, or a function of arrays with ``name`` and, where it stands for
    one of NumPy's, ``numpy``. The other facts are those of ``Op``."""
    return op(fn, vjp=vjp, scalar=scalar, elementwise=True, doc=doc, **facts)


convention = Op(  # in no table: its derivative is the convention, not the limit
    lambda x, at: np.where(at, 0.0, x),
    (lambda g, at: np.where(at, complex(NAN, NAN) if np.iscomplexobj(g) else NAN, g), None),
    name="convention",
    inputs="x at",
    elementwise=True,
    complex=True,
    doc="Return x, and 0 at points where no derivative exists: there a derivative of it is NaN.",
)


def settled(x: Any, at: Any, *others: Any) -> Any:
    """Return x for a rule, and 0 where ``at``; there the derivative of the rule in x and in the others is NaN: it is a
    second derivative, and there is none."""
    if not (at if at.__class__ is bool else is_foreign(plain(at)) or np.any(at)):
        return x
    x = convention(x, at)
    for other in others:
        if isinstance(other, Variable):
            x = x + np.where(at, convention(other, at), 0.0)
    return x


def or_one(y: Any) -> Any:
    """Return y, and 1 where it is 0."""
    if not np.ndim(y):
        return y if y != 0 else 1.0
    at = plain(y) == 0
    return np.where(at, 1.0, y) if is_foreign(at) or at.any() else y


def settled_along(x: Any, at: Any, axis: int | tuple[int, ...] | None) -> Any:
    """Return x as ``settled`` does, for a reduction: where ``at``, a second derivative is NaN in every element that was
    reduced."""
    if not isinstance(x, Variable) or not (is_foreign(plain(at)) or np.any(at)):
        return x
    none = np.where(at, convention(x, at), 0.0)  # 0 everywhere, with the derivative NaN where at
    return x + np.sum(none, axis=axis, keepdims=True)
