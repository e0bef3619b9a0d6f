"""Rows of powers and roots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...registry import REAL as ANY
from ...registry import composite
from ...registry.singular_points import Convention, Point
from .conventions import INF, NAN, POSITIVE, or_one, row, settled


def _power(a: Any, b: Any) -> Any:
    """Return ``a ** b``, which for 2 and 0.5 is faster than ``np.power``; of Python's numbers, where Python would raise
    or return a complex number, NumPy's result."""
    return a**b if a.__class__ is np.ndarray or b.__class__ is np.ndarray else np.power(a, b)


def _scalar_power(a: float, b: float) -> float:
    """Return C's pow; NaN where arrays take the square root instead."""
    return math.nan if b == 0.5 and a == -math.inf else math.pow(a, b)


def _one_less(a: Any, b: Any) -> Any:
    """Return the exponent b - 1, and another where b is 0 and a**-1 is infinite: so that b * a**(b - 1) is 0 there."""
    if isinstance(b, complex):
        return b - 1
    if isinstance(b, (float, int)):
        return b - 1 if b != 0 else 0
    return np.where((a == 0) & (b == 0), 1.0, b - 1.0)


def _power_vjp_a(g: Any, a: Any, b: Any) -> Any:
    """Return g b a**(b - 1), without the powers a**1 and a**0."""
    if b.__class__ in (int, float) and b in (1, 2):
        return g if b == 1 else g * (b * a)
    return g * (b * a ** _one_less(a, b))


def _power_vjp_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    """Return y log a; and 0 at a = 0 < b, the limit."""
    return g * y * np.log(np.where((a == 0) & (np.real(b) > 0), 1.0, a))


power = row(
    _power,
    "Return a ** b; the derivative in b is NaN for a < 0, where only integer powers are defined.",
    (_power_vjp_a, _power_vjp_b),
    _scalar_power,
    name="power",
    numpy=(np.power,),
    symbol="**",
    singular=True,
    domain=(POSITIVE, ANY),
    points=(
        Point((0.0, 0.0), (0.0, -INF), "limit"),
        Point((0.0, 1.0), (1.0, 0.0), "limit"),
        Point((0.0, 2.0), (0.0, 0.0), "limit", 2.0),
        Point((0.0, 0.5), (INF, 0.0), "infinite"),
        Point((-2.0, 2.0), (-4.0, NAN), "undefined", 2.0),
    ),
    complex=True,
    formula=("{b} {a}^({b} − 1)",),
    guard="x > 0",
    grows=True,
    call="{x} ** p",
    infix="^",
    power=True,
)


def float_power(a: Any, b: Any) -> Any:
    """Return a ** b in float64 or complex128 (``np.float_power``).

    >>> import autodiff as ad, numpy as np
    >>> x = ad.tensor([1.0, 2.0], dtype=np.float32)
    >>> np.float_power(x, 2).data
    array([1., 4.])
    """
    wide = {np.dtype(t): w for t, w in ((np.float16, float), (np.float32, float), (np.complex64, complex))}
    a, b = [
        np.astype(x, wide[x.dtype]) if getattr(x, "dtype", 0) in wide and not isinstance(x, np.generic) else x
        for x in (a, b)
    ]
    return power(a, b)


composite(float_power, numpy=(np.float_power,), public=False)


def _square(x: str) -> tuple[str, ...]:
    """Return the forms in which a square is written."""
    return f"square({x})", f"multiply({x}, {x})", f"power({x}, 2)"


sqrt = row(
    np.sqrt,
    "Return the square root; the derivative at 0 is inf.",
    lambda g, y: 0.5 * g / y,
    math.sqrt,
    symbol="√",
    singular=True,
    domain=POSITIVE,
    method=True,
    points=(Point((0.0,), (INF,), "infinite", -INF),),
    complex=True,
    formula=("1/(2{y})",),
    remedies=(
        *[(f"sqrt({s})", "np.abs(x) in place of np.sqrt(x ** 2)") for s in _square("x")],
        *[
            (f"sqrt(sum({s}))", "np.linalg.norm(x, axis=axis) in place of np.sqrt(np.sum(x ** 2, axis))")
            for s in _square("x")
        ],
        *[
            (f"sqrt(add({a}, {b}))", "np.hypot(x, y) in place of np.sqrt(x ** 2 + y ** 2)")
            for a, b in zip(_square("x"), _square("y"), strict=True)
        ],
        ("sqrt(var(x))", "np.std(x, ...) in place of np.sqrt(np.var(x, ...))"),
    ),
    guard="x > 0",
)
cbrt = row(
    np.cbrt,
    "Return the cube root; the derivative at 0 is inf.",
    lambda g, y: g / (3.0 * y * y),
    symbol="∛",
    singular=True,
    domain=POSITIVE,
    points=(Point((0.0,), (INF,), "infinite"),),
    guard="x != 0",
)

hypot = row(
    np.hypot,
    "Return sqrt(a² + b²), with derivative 0 at the origin.",
    (
        lambda g, y, a, b: g * (settled(a, y == 0, b) / or_one(y)),
        lambda g, y, a, b: g * (settled(b, y == 0, a) / or_one(y)),
    ),
    math.hypot,
    kink=np.hypot,
    convention=Convention(
        lambda y: y == 0,
        "both operands are 0",
        "0",
        "Write np.sqrt(a * a + b * b + c) with c > 0, another function, which is smooth.",
    ),
    points=(Point((0.0, 0.0), (0.0, 0.0), "convention", NAN),),
)
