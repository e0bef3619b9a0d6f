"""Rows that choose between operands: the larger or the smaller one, where, clip. Ties share the gradient evenly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import missing_argument
from ...registry import composite
from ...registry.singular_points import Convention, Point
from ..kernels import loud, select
from .conventions import INF, NAN, row


def _pick(sign: str) -> dict[str, Any]:
    """Return the facts of a row that picks one of two operands: of the larger with ``>``, of the smaller with ``<``."""
    return dict(
        kink=lambda a, b: np.abs(a - b),
        selects=True,
        convention=Convention(
            lambda a, b: a == b,
            "both operands are equal",
            "half of it to each",
            f"Write np.where(a {sign} b, a, b) to choose.",
        ),
        points=(Point((1.0, 1.0), (0.5, 0.5), "shared", 0.0),),
    )


def _shared_out(g: Any, more: Any, equal: Any) -> Any:
    """Return g where ``more``, and half of it where ``equal``. As one product, so that an infinite g stays infinite."""
    return g * (more + (0.5 if equal.__class__ is bool else g.dtype.type(0.5)) * equal)


maximum = row(
    np.maximum,
    "Return the larger of a and b; equal ones share the gradient evenly.",
    (
        lambda g, a, b: loud(_shared_out(g, a > b, a == b), a, b),
        lambda g, a, b: loud(_shared_out(g, b > a, a == b), a, b),
    ),
    lambda a, b: max(a, b) if a == a and b == b else math.nan,
    symbol="max",
    **_pick(">"),
    commutative=True,
)
minimum = row(
    np.minimum,
    "Return the smaller of a and b; equal ones share the gradient evenly.",
    (
        lambda g, a, b: loud(_shared_out(g, a < b, a == b), a, b),
        lambda g, a, b: loud(_shared_out(g, b < a, a == b), a, b),
    ),
    lambda a, b: min(a, b) if a == a and b == b else math.nan,
    symbol="min",
    **_pick("<"),
    commutative=True,
)
fmax = row(
    np.fmax,
    "Return the larger of a and b, or the one that is not NaN; equal ones share the gradient evenly.",
    (
        lambda g, a, b: _shared_out(g, (a > b) | np.isnan(b), a == b),
        lambda g, a, b: _shared_out(g, (b > a) | np.isnan(a), a == b),
    ),
    **_pick(">"),
)
fmin = row(
    np.fmin,
    "Return the smaller of a and b, or the one that is not NaN; equal ones share the gradient evenly.",
    (
        lambda g, a, b: _shared_out(g, (a < b) | np.isnan(b), a == b),
        lambda g, a, b: _shared_out(g, (b < a) | np.isnan(a), a == b),
    ),
    **_pick("<"),
)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return select(condition, a, b)


where = row(
    _where,
    "Return a where the condition holds, else b; the branch that is not taken has gradient 0.",
    (None, lambda g, condition: select(condition, g, 0.0), lambda g, condition: select(condition, 0.0, g)),
    name="where",
    numpy=(np.where,),
    inputs="condition a b",
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([-1.0, 4.0])
>>> ad.where(x.data > 0, np.sqrt(x), -x).sum().backward(); x.grad
array([-1.  ,  0.25])""",
    selects=True,
    points=(Point((False, NAN, 2.0), (None, 0.0, 1.0), "limit"), Point((True, 1.0, INF), (None, 1.0, 0.0), "limit")),
    draw=lambda rng, condition, a, b: (rng.random(condition) < 0.5, rng.normal(size=a), rng.normal(size=b)),
    complex=True,
    leaves_out="branch",
)


def _clip(x: Any, a_min: Any, a_max: Any) -> Any:
    return np.clip(x, a_min, a_max)


def _inside(x: Any, a_min: Any, a_max: Any) -> Any:
    above = True if a_min is None else x >= a_min
    return above & (True if a_max is None else x <= a_max)


def _at(x: Any, bound: Any) -> Any:
    return np.equal(x, bound) if bound is not None else np.False_


def _clip_gap(x: Any, a_min: Any, a_max: Any) -> Any:
    """Return the distance to a bound, and of the bounds to each other."""
    gaps = [np.abs(x - bound) for bound in (a_min, a_max) if bound is not None]
    return np.minimum.reduce(
        np.broadcast_arrays(*gaps, *([] if a_min is None or a_max is None else [np.abs(a_min - a_max)]))
    )


_clip_row = row(
    _clip,
    name="clip",
    inputs="x a_min a_max",
    public=False,
    vjp=(
        lambda g, x, a_min, a_max: loud(g * _inside(x, a_min, a_max), x, a_min, a_max),
        lambda g, x, a_min, a_max: loud(
            g * ((x < a_min) & (True if a_max is None else a_min <= a_max)), x, a_min, a_max
        ),
        lambda g, x, a_min, a_max: loud(
            g * ((x > a_max) | (False if a_min is None else a_min > a_max)), x, a_min, a_max
        ),
    ),
    kink=_clip_gap,
    selects=True,
    convention=Convention(
        lambda x, a_min, a_max: _at(x, a_min) | _at(x, a_max), "x is at a bound", "1", "Write np.where with the bound."
    ),
    points=(
        Point((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), "convention", 0.0),
        Point((1.0, 0.0, 1.0), (1.0, 0.0, 0.0), "convention", 0.0),
    ),
    doc="Return x limited to [a_min, a_max]; derivative 1 at the bounds.",
    rectifier=True,
    leaves_out="bounds",
)


def clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None, out: Any = None) -> Any:
    """Return x limited to [a_min, a_max] (``np.clip``); either bound may be None, an array or a graph value.

    x: any shape. The derivative in x is 1 inside and at the bounds, 0 outside, where it goes to the bound.

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([-1.0, 0.5, 2.0])
    >>> np.clip(x, 0, 1).sum().backward(); x.grad
    array([0., 1., 0.])
    """
    if out is not None:
        raise missing_argument("clip", "out")
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise ValueError("clip: a bound was given twice, as a_min or a_max and as min or max.")
    return _clip_row(x, min if a_min is None else a_min, max if a_max is None else a_max)


composite(clip, numpy=(np.clip,), method=True)
