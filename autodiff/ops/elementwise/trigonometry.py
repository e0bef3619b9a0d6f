"""Rows of angles, and of the hyperbolic functions.

Rules are arranged against cancellation: 1 / cosh(x)**2 instead of 1 - tanh(x)**2, sqrt((1 - x)*(1 + x)) instead of
sqrt(1 - x*x).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...other_arrays import is_foreign
from ...registry import composite
from ...registry.singular_points import Convention, Point
from ...variable import plain
from ..activations import sech_squared
from .conventions import INF, NAN, POSITIVE, or_one, row, settled

sin = row(
    np.sin,
    "Return the sine of x in radians.",
    lambda g, x: g * np.cos(x),
    math.sin,
    method=True,
    complex=True,
    formula=("cos {a}",),
)
cos = row(
    np.cos,
    "Return the cosine of x in radians.",
    lambda g, x: -g * np.sin(x),
    math.cos,
    method=True,
    complex=True,
    formula=("−sin {a}",),
)
tan = row(
    np.tan,
    "Return the tangent of x in radians.",
    lambda g, y: g * (1.0 + y * y),
    math.tan,
    domain=(-1.5, 1.5),
    complex=True,
)
arcsin = row(
    np.arcsin,
    "Return the inverse sine.",
    lambda g, x: g / (np.sqrt(1.0 - x) * np.sqrt(1.0 + x)),
    math.asin,
    singular=True,
    domain=(-1.0, 1.0),
    complex=True,
    points=(Point((1.0,), (INF,), "infinite"), Point((-1.0,), (INF,), "infinite")),
    guard="abs(x) < 1",
)
arccos = row(
    np.arccos,
    "Return the inverse cosine.",
    lambda g, x: -g / (np.sqrt(1.0 - x) * np.sqrt(1.0 + x)),
    math.acos,
    singular=True,
    domain=(-1.0, 1.0),
    complex=True,
    points=(Point((1.0,), (-INF,), "infinite"), Point((-1.0,), (-INF,), "infinite")),
    guard="abs(x) < 1",
)
arctan = row(
    np.arctan, "Return the inverse tangent.", lambda g, x: g / (1.0 + x * x), math.atan, complex=True, saturates=True
)


DIRECT_FROM = 8192  # elements from which a search for the extremes costs a fifth of ``np.hypot``


def _moderate(a: Any, b: Any) -> bool:
    """Return whether a² + b² of large arrays, and its square, are far from overflow and underflow everywhere."""
    if is_foreign(a) or is_foreign(b) or np.size(a) < DIRECT_FROM or np.shape(a) != np.shape(b):
        return False
    info = np.finfo(np.result_type(a, b))
    low, high = float(info.tiny) ** 0.25, 0.5 * float(info.max) ** 0.25
    a, b = np.abs(a), np.abs(b)
    return bool(np.max(a) < high and np.max(b) < high and np.min(np.maximum(a, b)) > low)  # False for a NaN


def _over(u: Any, a: Any, b: Any) -> Any:
    """Return u / (a² + b²) without overflow; 0 at the origin, where the angle is undefined."""
    if _moderate(plain(a), plain(b)):
        return u / (a * a + b * b)
    h = np.hypot(a, b)
    safe = or_one(h)
    return settled(u, h == 0, a, b) / safe / safe


arctan2 = row(
    np.arctan2,
    "Return the angle of the point (b, a) in radians; the derivative at the origin, where there is none, is 0.",
    (lambda g, a, b: g * _over(b, a, b), lambda g, a, b: -g * _over(a, a, b)),
    math.atan2,
    singular=True,
    domain=(POSITIVE, POSITIVE),
    convention=Convention(
        lambda a, b: (a == 0) & (b == 0), "the point is the origin", "0", "Keep the origin out with np.where."
    ),
    points=(Point((0.0, 0.0), (0.0, 0.0), "convention", NAN),),
)

degrees = row(np.degrees, "Convert radians to degrees.", lambda g: g * (180.0 / math.pi), math.degrees, symbol="deg")
radians = row(np.radians, "Convert degrees to radians.", lambda g: g * (math.pi / 180.0), math.radians, symbol="rad")
composite(degrees, numpy=(np.rad2deg,), public=False)
composite(radians, numpy=(np.deg2rad,), public=False)


def _sinc_slope(x: Any) -> Any:
    """Return (cos(pi x) - sinc(x)) / x, by its series where the difference would cancel."""
    small = np.abs(x) < 0.3
    near, far = np.where(small, x, 0.0), np.where(small, 1.0, x)  # each formula stays finite where it is not taken
    z = (math.pi * math.pi) * near * near
    series = 0.0
    for k in range(10, 0, -1):
        series = series * z + (-1) ** k * 2.0 * k / math.factorial(2 * k + 1)
    return np.where(small, (math.pi * math.pi) * near * series, (np.cos(math.pi * far) - np.sinc(far)) / far)


sinc = row(
    np.sinc,
    "Return sin(pi x) / (pi x), 1 at 0.",
    lambda g, x: g * _sinc_slope(x),
    points=(Point((0.0,), (0.0,), "limit", -(math.pi**2) / 3),),
    complex=True,
)

# ---- hyperbolic
sinh = row(
    np.sinh,
    "Return the hyperbolic sine.",
    lambda g, x: g * np.cosh(x),
    math.sinh,
    singular=True,
    complex=True,
    grows=True,
)
cosh = row(
    np.cosh,
    "Return the hyperbolic cosine.",
    lambda g, x: g * np.sinh(x),
    math.cosh,
    singular=True,
    complex=True,
    grows=True,
)


def _tanh_vjp(g: Any, x: Any) -> Any:
    """Return g / cosh(x)², which keeps its digits where 1 - tanh(x)² has none left (from x = 19 on, in float32 from
    9)."""
    if x.__class__ is np.ndarray:
        c = np.cosh(x)
        return g / c / c
    return g / np.square(np.cosh(x)) if np.iscomplexobj(x) else g * sech_squared(x)


tanh = row(
    np.tanh,
    "Return the hyperbolic tangent.",
    _tanh_vjp,
    math.tanh,
    method=True,
    complex=True,
    formula=("1 − {y}²",),
    saturates=True,
)


def _root_of_square_plus_one(x: Any) -> Any:
    return np.sqrt(1.0 + x * x) if np.iscomplexobj(x) else np.hypot(x, 1.0)


arcsinh = row(
    np.arcsinh,
    "Return the inverse hyperbolic sine.",
    lambda g, x: g / _root_of_square_plus_one(x),
    math.asinh,
    complex=True,
)
arccosh = row(
    np.arccosh,
    "Return the inverse hyperbolic cosine.",
    lambda g, x: g / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)),
    math.acosh,
    singular=True,
    domain=(1.0, math.inf),
    complex=True,
    points=(Point((1.0,), (INF,), "infinite"),),
    guard="x > 1",
)
arctanh = row(
    np.arctanh,
    "Return the inverse hyperbolic tangent.",
    lambda g, x: g / ((1.0 - x) * (1.0 + x)),
    math.atanh,
    singular=True,
    domain=(-1.0, 1.0),
    complex=True,
    points=(Point((1.0,), (INF,), "infinite"),),
    guard="abs(x) < 1",
)
