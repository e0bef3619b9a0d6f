"""Values of the classical orthogonal polynomials, of Legendre functions on the sphere, and of spherical Bessel
functions, on flat float64 arrays. Numbers in, numbers out. By their recurrences in the degree (NIST DLMF 18.9), which
are stable inside the interval of orthogonality.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..blocks import by_regime


def _climb(n: int, first: Any, step: Callable[[int, Any, Any], Any]) -> Any:
    """Return the polynomial of degree n: 1, then ``first``, then step(k, of degree k, of degree k - 1) of degree k + 1.
    """
    below, here = np.ones_like(first), first
    for k in range(1, n):
        below, here = here, step(k, here, below)
    y = here if n > 0 else np.full_like(first, float(n == 0))  # of a negative degree, as it comes from derivatives: 0
    return np.where(np.isnan(first), np.nan, y)


def jacobi(x: Any, n: int, a: float, b: float) -> Any:
    def step(k: int, here: Any, below: Any) -> Any:
        c = 2.0 * k + a + b
        rise = (c + 1.0) * ((c + 2.0) * c * x + (a - b) * (a + b))
        fall = 2.0 * (k + a) * (k + b) * (c + 2.0)
        return (rise * here - fall * below) / (2.0 * (k + 1.0) * (k + 1.0 + a + b) * c)

    return _climb(n, (a + 1.0) + 0.5 * (a + b + 2.0) * (x - 1.0), step)


def gegenbauer(x: Any, n: int, a: float) -> Any:
    return _climb(
        n, 2.0 * a * x, lambda k, here, below: (2.0 * (k + a) * x * here - (k - 1.0 + 2.0 * a) * below) / (k + 1.0)
    )


def chebyshev(x: Any, n: int) -> Any:
    return _climb(n, x, lambda k, here, below: 2.0 * x * here - below)


def hermite(x: Any, n: int) -> Any:
    return _climb(n, 2.0 * x, lambda k, here, below: 2.0 * (x * here - k * below))


def hermite_normal(x: Any, n: int) -> Any:
    return _climb(n, x, lambda k, here, below: x * here - k * below)


def laguerre(x: Any, n: int, a: float) -> Any:
    return _climb(n, 1.0 + a - x, lambda k, here, below: ((2.0 * k + 1.0 + a - x) * here - (k + a) * below) / (k + 1.0))


# ---- on the sphere
def sphere(angle: Any, n: int, m: int) -> Any:
    """Return the Legendre function of degree n and order m of cos(angle), scaled as in a spherical harmonic."""
    size, cosine, sine = abs(m), np.cos(angle), np.sin(angle)
    if size > n:
        return 0.0 * angle
    here = np.full_like(angle, 0.5 / math.sqrt(math.pi))
    for k in range(1, size + 1):
        here = -math.sqrt((2 * k + 1) / (2 * k)) * sine * here
    below = np.zeros_like(angle)
    for d in range(size + 1, n + 1):
        square = d * d - size * size
        fall = math.sqrt((2 * d + 1) / (2 * d - 3) * ((d - 1) ** 2 - size * size) / square) if d > 1 else 0.0
        below, here = here, math.sqrt((4 * d * d - 1) / square) * cosine * here - fall * below
    return -here if m < 0 and size % 2 else here


# ---- spherical Bessel functions
def spherical_jn(x: Any, n: int) -> Any:
    """Return the spherical Bessel function of the first kind and order n: by powers of x near 0, up from the orders 0
    and 1 far out, and between by the recurrence down from a much higher order, whose sum of squares is 1 (DLMF
    10.60.12).
    """

    def series(x: Any) -> Any:
        half, term, total = -0.5 * x * x, np.ones_like(x), np.ones_like(x)
        for k in range(1, 30):
            term = term * half / (k * (2 * n + 2 * k + 1))
            total = total + term
        power = np.ones_like(x)
        for k in range(1, n + 1):
            power = power * (x / (2 * k + 1))
        return power * total

    def up(x: Any) -> Any:
        here = np.sin(x) / x
        below = np.cos(x) / x  # of order -1
        for k in range(n):
            below, here = here, (2 * k + 1) / x * here - below
        return here

    def down(x: Any) -> Any:
        above, here, total, wanted = np.zeros_like(x), np.full_like(x, 1e-150), np.zeros_like(x), np.zeros_like(x)
        zeroth = first = here
        for k in range(int(np.max(x)) + n + 50, -1, -1):
            wanted = here if k == n else wanted
            total = total + (2 * k + 1) * here * here
            first, zeroth = zeroth, here
            above, here = here, (2 * k + 1) / x * here - above
            large = np.abs(here) > 1e100
            if large.any():
                shrink = np.where(large, 1e-100, 1.0)
                above, here, wanted, zeroth, first = (v * shrink for v in (above, here, wanted, zeroth, first))
                total = total * shrink * shrink
        one = np.sin(x) / x - np.cos(x)  # x times that of order 1
        sign = np.where(np.abs(np.sin(x)) > np.abs(one), np.sign(np.sin(x) * zeroth), np.sign(one * first))
        return wanted / np.sqrt(total) * sign

    size = np.abs(x)
    early = size * size < 2.0 * n + 3.0
    far = ~early & (size > n)
    y = by_regime(
        (early, series),
        (~early & ~far & ~np.isnan(size), down),
        (far & np.isfinite(size), up),
        (np.isinf(size), np.zeros_like),
        x=(size,),
    )
    return np.where(x < 0, (-1.0) ** n * y, y)


def spherical_yn(x: Any, n: int) -> Any:
    """Return the spherical Bessel function of the second kind and order n, up from the orders -1 and 0."""
    size = np.abs(x)
    below, here = np.sin(size) / size, -np.cos(size) / size
    for k in range(n):
        below, here = here, (2 * k + 1) / size * here - below
    y = np.where(np.isinf(size), 0.0, np.where((size == 0) | np.isnan(here) & ~np.isnan(size), -np.inf, here))
    return np.where(x < 0, (-1.0) ** (n + 1) * y, y)
