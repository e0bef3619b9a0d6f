"""Rows of signs and of rounding: most are flat between their jumps.

A flat row's derivative is a zero by construction, also times infinity or NaN.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ...registry import REAL as ANY
from ...registry import composite
from ...registry.singular_points import Convention, Point
from ...variable import plain
from ..kernels import loud
from .conventions import POSITIVE, row


def _zeros(g: Any, x: Any) -> Any:
    return loud(np.zeros_like(g), x)


def _flat(where: Any, at: str, gap: Any, *point: float) -> dict[str, Any]:
    """Return the facts of a flat row. where, at: its jumps, as booleans and in words. gap: the distance to the next.
    point: one of them, for the table of singular points."""
    jumps = Convention(where, at, "0", "Leave the function out, or keep its jumps out with np.where.")
    points = (Point(point, (0.0,) * len(point), "convention"),)
    return {"flat": True, "selects": True, "convention": jumps, "kink": gap, "points": points}


copysign = row(
    np.copysign,
    "Return |a| with the sign of b.",
    (lambda g, a, b: g * (np.sign(a) * np.copysign(1.0, b)), None),
    kink=lambda a, b: np.minimum(np.abs(a), np.abs(b)),
)
ldexp = row(
    np.ldexp,
    "Return a 2**b for integers b.",
    (lambda g, b: g * np.exp2(b), None),
    lambda a, b: math.ldexp(a, operator.index(int(b) if b == int(b) else b)),
    public=False,
    draw=lambda rng, a, b: (rng.normal(size=a), rng.integers(-3, 4, b)),
    example=""">>> import autodiff as ad, numpy as np
>>> x = ad.tensor([1.0, 3.0])
>>> np.ldexp(x, [2, 3]).sum().backward(); x.grad
array([4., 8.])""",
)
_WHOLE = _flat(lambda x: x == np.rint(x), "x is a whole number", lambda x: np.abs(x - np.rint(x)), 2.0)
_TRUNC = _flat(lambda x: (x == np.rint(x)) & (x != 0), "x is a whole number", lambda x: np.abs(x - np.rint(x)), 2.0)
_HALF = _flat(lambda x: x - np.floor(x) == 0.5, "x is halfway", lambda x: 0.5 - np.abs(x - np.rint(x)), 2.5)
sign = row(
    np.sign,
    "Return the sign of x: -1, 0 or 1; the derivative is 0.",
    _zeros,
    **_flat(lambda x: x == 0, "x is 0", np.abs, 0.0),
)
floor = row(np.floor, "Round down; the derivative is 0.", _zeros, **_WHOLE)
ceil = row(np.ceil, "Round up; the derivative is 0.", _zeros, **_WHOLE)
trunc = row(np.trunc, "Round towards zero; the derivative is 0.", _zeros, **_TRUNC)
rint = row(np.rint, "Round to the nearest integer, halves to even; the derivative is 0.", _zeros, **_HALF)


def _round(x: Any, decimals: int = 0, out: Any = None) -> Any:
    return np.round(x, decimals)


def _round_jumps(x: Any, decimals: int) -> Any:
    return _HALF["convention"].where(x * 10.0**decimals)


round_row = row(
    _round,
    name="round",
    numpy=(np.round, np.around),
    vjp=_zeros,
    method=True,
    **_flat(_round_jumps, "x is halfway", lambda x, decimals=0: _HALF["kink"](x * 10.0**decimals), 2.5),
    doc="Round to a number of decimals; the derivative is 0.",
)
floor_divide = row(
    np.floor_divide,
    "Return a / b rounded down; the derivative is 0.",
    (lambda g, a: _zeros(g, a), lambda g, b: _zeros(g, b)),
    symbol="//",
    domain=(ANY, POSITIVE),
    **_flat(
        lambda a, b: np.fmod(a, b) == 0,
        "a is a multiple of b",
        lambda a, b: np.abs(a / b - np.rint(a / b)) * np.abs(b),
        4.0,
        2.0,
    ),
)
heaviside = row(
    np.heaviside,
    "Return 0 for a < 0, b at a = 0, 1 above; the derivative in a is 0.",
    (lambda g, a: _zeros(g, a), lambda g, a: g * (a == 0)),
    kink=lambda a, b: np.abs(a),
    selects=True,
    convention=Convention(lambda a: a == 0, "a is 0", "0", "Use a smooth step, such as ad.special.expit(a / width)."),
    points=(Point((0.0, 0.5), (0.0, 1.0), "convention"),),
)
composite(trunc, numpy=(np.fix,), public=False)


def divmod(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the quotient rounded down, whose derivative is 0, and the remainder (``np.divmod``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([7.0, -7.0])
    >>> quotient, remainder = np.divmod(x, 4.0)
    >>> quotient.data, remainder.data
    (array([ 1., -2.]), array([3., 1.]))
    """
    return np.floor_divide(a, b), np.remainder(a, b)


def modf(x: Any) -> tuple[Any, Any]:
    """Return the fraction, and the whole part, whose derivative is 0 (``np.modf``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.25, -2.5])
    >>> fraction, whole = np.modf(x)
    >>> fraction.data, whole.data
    (array([ 0.25, -0.5 ]), array([ 1., -2.]))
    """
    endless = np.isinf(x)
    return np.where(endless, np.copysign(0.0, x), np.fmod(np.where(endless, 0.0, x), 1.0)), np.trunc(x)


def frexp(x: Any) -> tuple[Any, Any]:
    """Return the mantissa, which records, and the integer exponent, which is plain (``np.frexp``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([3.0])
    >>> mantissa, exponent = np.frexp(x)
    >>> mantissa.data, exponent
    (array([0.75]), array([2], dtype=int32))
    """
    _, exponent = np.frexp(plain(x))
    return np.ldexp(x, -exponent), exponent


for _fn in (divmod, modf, frexp):
    composite(_fn, numpy=(getattr(np, _fn.__name__),), public=False)
