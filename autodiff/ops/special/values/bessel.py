"""Values of Bessel functions of the first and second kind, of whole and of any real order, on flat float64 arrays.
Numbers in, numbers out. Near 0 by series, then by the recurrence down from a much higher order, far out by asymptotic
series.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..blocks import by_regime, horner
from .gamma import gamma
from .incomplete_gamma import poisson_weight

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


def _hankel_series(v: Any, x: Any) -> tuple[Any, Any]:
    """Return the factors of cosine and sine in the expansion of order v for large x (DLMF 10.17.3-4)."""
    p, q, term = np.ones_like(x), np.zeros_like(x), np.ones_like(x)
    for k in range(1, 24):
        term = term * ((4.0 * v * v - (2 * k - 1) ** 2) / (8.0 * k)) / x
        if k % 2:
            q = q + (term if k % 4 == 1 else -term)
        else:
            p = p + (term if k % 4 == 0 else -term)
    return p, q


def _hankel(x: Any, n: int) -> tuple[Any, Any]:
    """Return the functions of the first and of the second kind of order n = 0 or 1, for large x (DLMF 10.17.3-4)."""
    p, q = _hankel_series(n, x)
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


# ---- of any real order
LARGEST_ORDER = 1e4  # recurrences take a step for each order
# 1 / gamma(1 + m) = 1 + EULER m + ..., by powers of m (DLMF 5.7.1): of odd ones, then of even ones
RGAMMA = (
    (0.5772156649015329, -0.04200263503409524, -0.04219773455554433, 0.0072189432466631, -0.00021524167411495098,
     -2.013485478078824e-05, 1.133027231981696e-06, 6.116095104481416e-09, -1.18127457048702e-09,
     7.782263439905071e-12),
    (1.0, -0.6558780715202539, 0.16653861138229148, -0.009621971527876973, -0.0011651675918590652,
     0.0001280502823881162, -1.2504934821426706e-06, -2.056338416977607e-07, 5.002007644469223e-09,
     1.0434267116911005e-10, -3.696805618642206e-12),
)  # fmt: skip


def _of_pi(v: Any) -> tuple[Any, Any]:
    """Return the sine and the cosine of pi v, exact where they are 0 or 1."""
    half = np.rint(2.0 * v)
    rest, turn = math.pi * (v - 0.5 * half), np.mod(half, 4.0)
    s, c = np.sin(rest), np.cos(rest)
    s, c = np.where(turn % 2 == 0, s, c), np.where(turn % 2 == 0, c, -s)
    return np.where(turn < 2, s, -s), np.where(turn < 2, c, -c)


def _series_of(v: Any, x: Any) -> Any:
    """Sum powers of x for J, where the terms fall from the start; the first is (x / 2)**v / gamma(v + 1)."""
    quarter = -0.25 * x * x
    term, total = np.ones_like(x), np.ones_like(x)
    for k in range(1, 30):
        term = term * quarter / (k * (v + k))
        total = total + term
    whole, half = np.floor(v), 0.5 * x
    rest, low = v - whole, v < 170.0
    lead = half**rest / gamma(1.0 + rest)
    for k in range(1, int(np.max(np.where(low, whole, 0.0), initial=0.0)) + 1):  # each rounds once; gamma more
        lead = np.where(k <= whole, lead * (half / (rest + k)), lead)
    return np.where(low, lead, poisson_weight(v, half) * np.exp(half)) * total


def _miller(m: Any, n: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return J of the orders m, m + 1 and m + n, |m| <= 1/2, by the recurrence down; the scale is that of the sum of
    (m + 2 k) gamma(m + k) / k! J of order m + 2 k, which is (x / 2)**m (DLMF 10.23.15)."""
    start = 2.0 * np.floor((np.maximum(n, np.floor(x)) + 60.0) / 2.0)
    weights = [gamma(1.0 + m)]  # gamma(m + k) / k!, from k = 1 on
    for k in range(1, int(np.max(start)) // 2 + 1):
        weights.append(weights[-1] * ((m + k) / (k + 1.0)))
    above, here, total, wanted, first = (np.zeros_like(x) for _ in range(5))
    for k in range(int(np.max(start)), -1, -1):
        here = np.where(k == start, 1e-300, here)  # of order m + k
        wanted = np.where(k == n, here, wanted)
        if k % 2 == 0:
            total = total + here * (weights[0] if k == 0 else (m + k) * weights[k // 2 - 1])
        first = here if k == 1 else first
        if k:
            above, here = here, 2.0 * (m + k) / x * here - above
        large = np.abs(here) > 1e200
        if large.any():
            shrink = np.where(large, 1e-250, 1.0)
            above, here, total, wanted, first = (a * shrink for a in (above, here, total, wanted, first))
    scale = (0.5 * x) ** m / total
    return here * scale, first * scale, wanted * scale


def _temme(m: Any, x: Any) -> tuple[Any, Any]:
    """Return Y of the orders m and m + 1, |m| <= 1/2, for x <= 2 (Temme 1976, J. Comput. Phys. 21, 343)."""
    square, log = m * m, np.log(2.0 / x)
    odd, even = -horner(RGAMMA[0][::-1], square), horner(RGAMMA[1][::-1], square)
    sine = np.where(m == 0, 1.0, np.sin(math.pi * m) / np.where(m == 0, 1.0, math.pi * m))
    sigma = m * log
    ratio = np.where(sigma == 0, 1.0, np.sinh(sigma) / np.where(sigma == 0, 1.0, sigma))
    f = (2.0 / math.pi) / sine * (np.cosh(sigma) * odd + ratio * log * even)
    p, q = np.exp(sigma) / (math.pi * (even - m * odd)), np.exp(-sigma) / (math.pi * (even + m * odd))
    bend = np.where(m == 0, 0.0, 2.0 * np.sin(0.5 * math.pi * m) ** 2 / np.where(m == 0, 1.0, m))
    c, low, high = np.ones_like(x), f + bend * q, p
    for k in range(1, 25):
        f = (k * f + p + q) / (k * k - square)
        p, q, c = p / (k - m), q / (k + m), c * (-0.25 * x * x / k)
        g = f + bend * q
        low, high = low + c * g, high + c * (p - k * g)
    return -low, -high * 2.0 / x


def _steed(m: Any, x: Any, zeroth: Any, first: Any) -> tuple[Any, Any]:
    """Return Y of the orders m and m + 1 from J of them, for x >= 2: the logarithmic slope of J + i Y is a continued
    fraction (Temme 1976; its imaginary part is that of the Wronskian)."""
    tail = np.zeros(x.shape, complex)
    for k in range(80, 0, -1):
        tail = ((k - 0.5) ** 2 - m * m) / (2.0 * (x + 1j * k) + tail)
    slope = -0.5 / x + 1j + 1j / x * tail
    p, q = slope.real, slope.imag
    changed = m / x * zeroth - first  # the derivative of J
    y = (p * zeroth - changed) / q
    return y, m / x * y - (q * zeroth + p * y)


def _hankel_of(v: Any, x: Any) -> tuple[Any, Any]:
    """Return J and Y of order v for x far beyond v*v (DLMF 10.17.3-4)."""
    p, q = _hankel_series(v, x)
    s, c = _of_pi(0.5 * v + 0.25)
    cosine, sine = np.cos(x) * c + np.sin(x) * s, np.sin(x) * c - np.cos(x) * s
    root = np.sqrt(2.0 / (math.pi * x))
    return (p * cosine - q * sine) * root, (p * sine + q * cosine) * root


def _up(n: Any, m: Any, x: Any, low: Any, high: Any) -> Any:
    """Return the function of order m + n from those of orders m and m + 1."""
    low = np.where(n < 0, 2.0 * m / x * low - high, low)  # of order m - 1; n is -1 or more
    for k in range(1, int(np.max(n, initial=0.0)) + 1):
        low, high = np.where(k <= n, high, low), np.where(k < n, 2.0 * (m + k) / x * high - low, high)
    return np.where(np.isnan(low) & ~np.isnan(x), -np.inf, low)  # inf - inf, for a tiny x


def _both(v: Any, x: Any) -> tuple[Any, Any]:
    """Return J and Y of orders v >= 0, for finite x > 0."""
    n = np.rint(v)
    m = v - n
    early, far = x * x < 4.0 * (v + 1.0), x > np.maximum(FAR, n)
    j, y = np.zeros_like(x), np.zeros_like(x)
    at = (~far & (x >= 2.0)).nonzero()[0]
    if at.size:
        low, high, j[at] = _miller(m[at], n[at], x[at])
        y[at] = _up(n[at], m[at], x[at], *_steed(m[at], x[at], low, high))
    at = (x > FAR).nonzero()[0]
    if at.size:
        (low, below), (high, above) = _hankel_of(m[at], x[at]), _hankel_of(m[at] + 1.0, x[at])
        j[at] = np.where(far[at], _up(n[at], m[at], x[at], low, high), j[at])
        y[at] = _up(n[at], m[at], x[at], below, above)
    j[early] = _series_of(v[early], x[early])
    at = (x < 2.0).nonzero()[0]
    if at.size:
        y[at] = _up(n[at], m[at], x[at], *_temme(m[at], x[at]))
    return j, y


def _of_any_order(v: Any, x: Any, second: bool) -> Any:
    """Return J or Y by those of order |v|, with a turn for negative orders (DLMF 10.4.6-7)."""

    def turned(v: Any, x: Any) -> Any:
        j, y = _both(np.abs(v), x)
        s, c = _of_pi(np.abs(v))
        s, c = np.where(v < 0, s, 0.0), np.where(v < 0, c, 1.0)
        a, b = (y, j) if second else (j, -y)
        return np.where(c == 0, 0.0, c * a) + np.where(s == 0, 0.0, s * b)

    good = (np.abs(v) <= LARGEST_ORDER) & np.isfinite(x) & (x > 0)
    return by_regime((good, turned), (np.isposinf(x) & np.isfinite(v), lambda v, x: np.zeros_like(x)), x=(v, x))


def jv(v: Any, x: Any) -> Any:
    """Return the Bessel function of the first kind of real order v; NaN for x < 0 and an order that is not whole."""
    whole = v == np.rint(v)
    odd = np.where(whole & (np.mod(v, 2.0) == 1.0), -1.0, 1.0)
    y = _of_any_order(v, np.where(whole, np.abs(x), x), second=False) * np.where(x < 0, odd, 1.0)
    sign = np.where(np.mod(np.floor(v), 2.0) == 0, 1.0, -1.0)  # of gamma(v + 1), for v < 0
    start = np.where(v == 0, 1.0, np.where((v > 0) | whole, 0.0, -sign * np.inf))
    return np.where((x == 0) & (np.abs(v) <= LARGEST_ORDER), start, y)


def yv(v: Any, x: Any) -> Any:
    """Return the Bessel function of the second kind of real order v, for x >= 0."""
    y = _of_any_order(v, x, second=True)
    _, c = _of_pi(v)
    start = np.where(v >= 0, -np.inf, np.where(c == 0, 0.0, -c * np.inf))
    return np.where((x == 0) & (np.abs(v) <= LARGEST_ORDER), start, y)
