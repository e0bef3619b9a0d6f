"""Values of Bessel functions on flat float64 arrays. Numbers in, numbers out.

The modified ones by the trapezoidal rule on their integrals over a period (DLMF 10.32.2): on a periodic analytic
function it converges geometrically (Trefethen and Weideman 2014, https://doi.org/10.1137/130932132), and here every
term is positive, so that nothing cancels; large arguments by their asymptotic series (DLMF 10.40). A further factor
cos(t) or 1 - cos(t) under the integral is a further derivative, which is how the rows get all orders.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import by_regime

FAR = 25.0  # where the asymptotic series take over
NODES = 64  # over a full period: exact to 1e-17 for arguments up to 25 (the error is the Bessel function of order 64)


def _scaled_far(x: Any, m: int) -> Any:
    """``scaled`` for large x: the sum over k of (1/2)_k / (k! 2**k) gamma(m + k + 1/2) / x**(m + k + 1/2)."""
    term = math.gamma(m + 0.5) / (math.pi * math.sqrt(2.0)) * x ** -(m + 0.5)
    total = term
    for k in range(30):
        term = term * ((k + 0.5) * (m + k + 0.5) / (2.0 * (k + 1))) / x
        total = total + term
    return total


def scaled(x: Any, m: int) -> Any:
    """1/pi times the integral of exp(-x (1 - cos t)) (1 - cos t)**m over 0..pi: i0e and its derivatives, x >= 0."""

    def near(x: Any) -> Any:
        total = np.zeros_like(x)
        for j in range(NODES // 2):
            s = 2.0 * math.sin(math.pi * (j + 0.5) / NODES) ** 2
            total += np.exp(-s * x) * s**m
        return total * (2.0 / NODES)

    return by_regime((x <= FAR, near), (x > FAR, lambda x: _scaled_far(x, m)), x=(x,))


def i0e(x: Any) -> Any:
    return scaled(np.abs(x), 0)


def i1e(x: Any) -> Any:
    """exp(-|x|) i1(x): as ``modified``, the exponential taken into the integral."""

    def near(x: Any) -> Any:
        total = np.zeros_like(x)
        for j in range(NODES // 4):
            c = math.cos(2.0 * math.pi * (j + 0.5) / NODES)
            total -= np.exp((c - 1.0) * x) * np.expm1(-2.0 * c * x) * c
        return total * (2.0 / NODES)

    size = np.abs(x)
    y = by_regime((size <= FAR, near), (size > FAR, lambda x: _scaled_far(x, 0) - _scaled_far(x, 1)), x=(size,))
    return np.copysign(y, x)


def modified(x: Any, m: int) -> Any:
    """1/pi times the integral of exp(x cos t) cos(t)**m over 0..pi: the m-th derivative of i0; 0 is i0, 1 is i1."""

    def near(x: Any) -> Any:
        total, wave = np.zeros_like(x), np.sinh if m % 2 else np.cosh
        for j in range(NODES // 4):
            c = math.cos(2.0 * math.pi * (j + 0.5) / NODES)
            total += wave(x * c) * c**m
        return total * (4.0 / NODES)

    def far(x: Any) -> Any:
        size = np.abs(x)
        y = sum(math.comb(m, j) * (-1.0) ** j * _scaled_far(size, j) for j in range(m, -1, -1))
        half = np.exp(0.5 * size)  # exp(x) would overflow before the product does
        return np.where(x < 0, (-1.0) ** m, 1.0) * (y * half) * half

    return by_regime((np.abs(x) <= FAR, near), (np.abs(x) > FAR, far), x=(x,))


# ---- of the first kind
def _series(x: Any, n: int) -> Any:
    """By powers of x (DLMF 10.2.2), where the terms fall from the start."""
    quarter = -0.25 * x * x
    term, total = np.ones_like(x), np.ones_like(x)
    for k in range(1, 25):
        term = term * quarter / (k * (n + k))
        total = total + term
    if n > 170:  # n! is no float64
        return total * np.exp(n * np.log(0.5 * x) - math.lgamma(n + 1.0))
    return total * ((0.5 * x) ** n / math.factorial(n))


def _down(x: Any, n: int) -> Any:
    """By the recurrence from a much higher order (Miller; DLMF 3.6), normalised by j0 + 2 j2 + 2 j4 + ... = 1."""
    start = 2.0 * np.floor((np.maximum(n, np.floor(x)) + 60.0) / 2.0)  # each element's own
    above, here = np.zeros_like(x), np.zeros_like(x)
    total, wanted = np.zeros_like(x), np.zeros_like(x)
    for k in range(int(np.max(start)), 0, -1):
        here = np.where(k == start, 1e-300, here)
        above, here = here, 2.0 * k / x * here - above  # of order k - 1
        total = total + (0.0 if (k - 1) % 2 else here if k == 1 else 2.0 * here)
        if k - 1 == n:
            wanted = here
        large = np.abs(here) > 1e200
        if large.any():
            shrink = np.where(large, 1e-250, 1.0)
            above, here, total, wanted = above * shrink, here * shrink, total * shrink, wanted * shrink
    return wanted / total


def _hankel(x: Any, n: int) -> Any:
    """j0 or j1 for large x (DLMF 10.17.3)."""
    p, q, term = np.ones_like(x), np.zeros_like(x), np.ones_like(x)
    for k in range(1, 24):
        term = term * ((4.0 * n * n - (2 * k - 1) ** 2) / (8.0 * k)) / x
        if k % 2:
            q = q + (term if k % 4 == 1 else -term)
        else:
            p = p + (term if k % 4 == 0 else -term)
    s, c = np.sin(x), np.cos(x)
    cosine, sine = (c + s, s - c) if n == 0 else (s - c, -(s + c))  # of x - n pi/2 - pi/4, times sqrt(2)
    return (p * cosine - q * sine) / np.sqrt(math.pi * x)


def _far(x: Any, n: int) -> Any:
    """From j0 and j1 up, which is stable as long as the order is below x."""
    below, here = _hankel(x, 0), _hankel(x, 1)
    if n == 0:
        return below
    for k in range(1, n):
        below, here = here, 2.0 * k / x * here - below
    return here


def jn(x: Any, n: int) -> Any:
    """Return the Bessel function of the first kind of integer order n."""
    if n < 0:
        return (-1.0) ** n * jn(x, -n)
    size = np.abs(x)
    early = (size < 2.0) | (size * size < 4.0 * (n + 1))
    far = ~early & (size > FAR) & (size > n)
    y = by_regime(
        (early, lambda x: _series(x, n)),
        (~early & ~far & (size < 1e6), lambda x: _down(x, n)),
        (far & np.isfinite(size), lambda x: _far(x, n)),
        (np.isinf(size), np.zeros_like),
        x=(size,),
    )
    return np.where(x < 0, (-1.0) ** n * y, y)
