"""Values of Bessel functions of the first and second kind, of whole order, on flat float64 arrays. Numbers in, numbers
out. Near 0 by series, then by the recurrence down from a much higher order, far out by asymptotic series.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..blocks import by_regime

FAR = 25.0  # where the asymptotic series take over


# ---- of the first kind
def _series(x: Any, n: int) -> Any:
    """Sum powers of x (DLMF 10.2.2), where the terms fall from the start."""
    quarter = -0.25 * x * x
    term, total = np.ones_like(x), np.ones_like(x)
    for k in range(1, 25):
        term = term * quarter / (k * (n + k))
        total = total + term
    if n > 170:  # n! is no float64
        return total * np.exp(n * np.log(0.5 * x) - math.lgamma(n + 1.0))
    return total * ((0.5 * x) ** n / math.factorial(n))


def _down(x: Any, n: int) -> Any:
    """Run the recurrence from a much higher order (Miller; DLMF 3.6), normalised by j0 + 2 j2 + 2 j4 + ... = 1."""
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


def _hankel(x: Any, n: int) -> tuple[Any, Any]:
    """Return the functions of the first and of the second kind of order n = 0 or 1, for large x (DLMF 10.17.3-4)."""
    p, q, term = np.ones_like(x), np.zeros_like(x), np.ones_like(x)
    for k in range(1, 24):
        term = term * ((4.0 * n * n - (2 * k - 1) ** 2) / (8.0 * k)) / x
        if k % 2:
            q = q + (term if k % 4 == 1 else -term)
        else:
            p = p + (term if k % 4 == 0 else -term)
    s, c = np.sin(x), np.cos(x)
    cosine, sine = (c + s, s - c) if n == 0 else (s - c, -(s + c))  # of x - n pi/2 - pi/4, times sqrt(2)
    root = np.sqrt(math.pi * x)
    return (p * cosine - q * sine) / root, (p * sine + q * cosine) / root


def _far(x: Any, n: int) -> Any:
    """Run the recurrence from j0 and j1 up, which is stable as long as the order is below x."""
    below, here = _hankel(x, 0)[0], _hankel(x, 1)[0]
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


# ---- of the second kind
EULER = 0.5772156649015329


def _neumann(x: Any, n: int) -> Any:
    """Return y0 for x <= 25 from the even orders of the first kind (DLMF 10.8.2, 10.23.16), y1 from the odd ones as its
    derivative; the orders come from the recurrence down, as in ``_down``."""
    start = int(2 * np.floor((np.floor(np.max(x, initial=0.0)) + 60.0) / 2.0))
    above, here = np.zeros_like(x), np.full_like(x, 1e-300)
    total, rest, wanted, zeroth = (np.zeros_like(x) for _ in range(4))
    for k in range(start, 0, -1):
        above, here = here, 2.0 * k / x * here - above  # of order k - 1
        m, odd = divmod(k - 1, 2)
        if not odd:
            total = total + (here if m == 0 else 2.0 * here)
        if odd == n and m:
            rest = rest + (-1.0) ** m * here * ((m + 0.5) / (m * (m + 1)) if n else 1.0 / m)
        if k - 1 == n:
            wanted = here
        if k == 1:
            zeroth = here
        large = np.abs(here) > 1e200
        if large.any():
            shrink = np.where(large, 1e-250, 1.0)
            parts = above, here, total, rest, wanted, zeroth
            above, here, total, rest, wanted, zeroth = (a * shrink for a in parts)
    first = (np.log(0.5 * x) + (EULER - n)) * (wanted / total)
    return (2.0 / math.pi) * (first - 2.0 * (rest / total) - (zeroth / total / x if n else 0.0))


def yn(x: Any, n: int) -> Any:
    """Return the Bessel function of the second kind of integer order n: from orders 0 and 1 up, which is stable."""
    if n < 0:
        return (-1.0) ** n * yn(x, -n)

    def upwards(x: Any, base: Any) -> Any:
        below = base(x, 0)
        if n == 0:
            return below
        here = base(x, 1)
        for k in range(1, n):
            below, here = here, 2.0 * k / x * here - below
        return np.where(np.isnan(here) & ~np.isnan(x), -np.inf, here)  # inf - inf, for a tiny x

    return by_regime(
        ((x > 0) & (x <= FAR), lambda x: upwards(x, _neumann)),
        ((x > FAR) & np.isfinite(x), lambda x: upwards(x, lambda x, n: _hankel(x, n)[1])),
        (np.isposinf(x), np.zeros_like),
        (x == 0, lambda x: np.full_like(x, -np.inf)),
        x=(x,),
    )
