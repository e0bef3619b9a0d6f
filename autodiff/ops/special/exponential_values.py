"""Values of exponential integrals, the dilogarithm and log1p(u)/u on flat float64 arrays. Numbers in, numbers out.

Near 0 by power series, further out by continued fractions, evaluated from a depth that each element chooses, far out by
asymptotic series.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import by_regime, horner
from .gamma_values import BERNOULLI, beta

EULER = 0.5772156649015329


def expn(x: Any, n: int) -> Any:
    """The exponential integral of order n >= 0, x >= 0."""
    if n == 0:
        return np.exp(-x) / x

    def near(x: Any) -> Any:
        """DLMF 8.19.8; 0 < x <= 1."""
        harmonic = sum([1.0 / k for k in range(1, n)])
        total, term = np.zeros_like(x), np.ones_like(x)
        for k in range(max(24, n + 12)):
            if k == n - 1:
                total = total + term * (harmonic - EULER - np.log(x))
            else:
                total = total - term / (k - n + 1)
            term = term * (-x / (k + 1))
        return total

    def fraction(x: Any) -> Any:
        """DLMF 8.19.17, every second convergent; from 1 on."""
        depth = np.ceil(10.0 + 90.0 / x)
        quotient = np.zeros_like(x)
        for k in range(int(np.max(depth, initial=0.0)), 0, -1):
            quotient = np.where(k <= depth, k * (n - 1.0 + k) / (x + n + 2.0 * k - quotient), 0.0)
        return np.exp(-x) / (x + n - quotient)

    at_zero = np.inf if n == 1 else 1.0 / (n - 1)
    return by_regime(
        ((x > 0) & (x <= 1), near),
        ((x > 1) & np.isfinite(x), fraction),
        (np.isposinf(x), np.zeros_like),
        (x == 0, lambda x: np.full_like(x, at_zero)),
        x=(x,),
    )


def expi(x: Any) -> Any:
    """The principal value of the integral of exp(t) / t up to x."""

    def near(x: Any) -> Any:
        total, term = np.zeros_like(x), np.ones_like(x)
        for k in range(1, 130):
            term = term * x / k
            total = total + term / k
        return total + (EULER + np.log(x))

    def far(x: Any) -> Any:
        term, total = np.ones_like(x), np.ones_like(x)
        for k in range(1, 40):
            term = term * np.minimum(k / x, 1.0)
            total = total + term
        half = np.exp(0.5 * x)  # exp(x) would overflow before the quotient does
        return half * (half / x * total)

    return by_regime(
        (x < 0, lambda x: -expn(-x, 1)),
        ((x > 0) & (x <= 40), near),
        ((x > 40) & np.isfinite(x), far),
        (np.isposinf(x), lambda x: x),
        (x == 0, lambda x: np.full_like(x, -np.inf)),
        x=(x,),
    )


def sine_and_cosine_integral(x: Any) -> tuple[Any, Any]:
    """Si(x) and Ci(x), x > 0: by series up to 2.5, then from E1(i x) by its continued fraction (DLMF 6.5.6, 6.9.1)."""
    near = x <= 2.5
    small = np.where(near, x, 1.0)
    square, term = -small * small, np.ones_like(x)
    si, ci = np.ones_like(x), np.zeros_like(x)
    for k in range(1, 22):
        term = term * square / (2 * k * (2 * k - 1))
        ci = ci + term / (2 * k)
        si = si + term / ((2 * k + 1) * (2 * k + 1))
    si, ci = small * si, ci + (EULER + np.log(small))
    large = np.where((x > 2.5) & np.isfinite(x), x, 5.0)
    depth, z, quotient = np.ceil(10.0 + 400.0 / large), 1j * large, np.zeros_like(x, dtype=complex)
    for k in range(int(np.max(depth, initial=0.0)), 0, -1):
        quotient = np.where(k <= depth, k * k / (z + (2.0 * k + 1.0) - quotient), 0.0)
    far = (np.cos(large) - 1j * np.sin(large)) / (z + 1.0 - quotient)
    infinite = np.isinf(x)
    si = np.where(near, si, np.where(infinite, 0.5 * math.pi, 0.5 * math.pi + far.imag))
    ci = np.where(near, ci, np.where(infinite, 0.0, -far.real))
    return np.where(np.isnan(x), np.nan, si), np.where(np.isnan(x), np.nan, ci)


def sine_integral(x: Any) -> Any:
    size = np.abs(x)
    y = sine_and_cosine_integral(np.where(size == 0, 1.0, size))[0]
    return np.copysign(np.where(size == 0, 0.0, y), x)


def cosine_integral(x: Any) -> Any:
    """NaN on the left, where it is complex, as SciPy's is."""
    y = sine_and_cosine_integral(np.where(x > 0, x, 1.0))[1]
    return np.where(x > 0, y, np.where(x == 0, -np.inf, np.nan))


# B(2j) / (2j + 1)!: the coefficients of Debye's function, which is the dilogarithm of 1 - exp(w)
_DEBYE = tuple([b / math.factorial(2 * j + 1) for j, b in enumerate(BERNOULLI, 1)])


def spence(x: Any) -> Any:
    """The dilogarithm of 1 - x, the integral of log(t) / (1 - t) over 1..x; x >= 0."""

    def near(x: Any) -> Any:
        """1/2 <= x <= 2, by powers of log(x), which is below 0.7."""
        w = -np.log1p(x - 1.0)
        square = w * w
        return w - 0.25 * square + w * square * horner(_DEBYE[::-1], square)

    def left(x: Any) -> Any:
        small = np.where(x == 0, 1.0, x)
        product = np.where(x == 0, 0.0, np.log(small) * np.log1p(-x))
        return math.pi * math.pi / 6.0 - product - near_or_more(1.0 - x)

    def near_or_more(x: Any) -> Any:
        return near(np.maximum(x, 0.5))

    def right(x: Any) -> Any:
        return -spence(1.0 / x) - 0.5 * np.log(x) ** 2

    return by_regime(
        ((x >= 0) & (x < 0.5), left),
        ((x >= 0.5) & (x <= 2), near),
        ((x > 2) & np.isfinite(x), right),
        (np.isposinf(x), lambda x: -x),
        x=(x,),
    )


def log1p_over(u: Any, m: int) -> Any:
    """The m-th derivative of log1p(u) / u, (-1)**m m! times the integral of t**m / (1 + u t)**(m + 1) over 0..1."""

    def near(u: Any) -> Any:
        total, term = np.zeros_like(u), np.full_like(u, math.factorial(m))
        for k in range(75 + 8 * m):
            total = total + term / (m + k + 1)
            term = term * (-u * ((m + k + 1) / (k + 1)))
        return (-1.0) ** m * total

    def far(u: Any) -> Any:
        y = np.log1p(u) / u
        for k in range(1, m + 1):
            y = ((-1.0) ** (k - 1) * math.factorial(k - 1) / (1.0 + u) ** k - k * y) / u
        return y

    return by_regime(
        (np.abs(u) <= 0.6, near),
        ((np.abs(u) > 0.6) & (u >= -1) & np.isfinite(u), far),
        (np.isposinf(u), np.zeros_like),
        x=(u,),
    )


def binom(n: Any, k: Any) -> Any:
    """The binomial coefficient for 0 <= k <= n; whole where it must be."""
    inside = (k >= 0) & (k <= n)
    n, k = np.where(inside, n, 1.0), np.where(inside, k, 0.0)
    y = 1.0 / ((n + 1.0) * beta(n - k + 1.0, k + 1.0))
    whole = (n == np.rint(n)) & (k == np.rint(k)) & (y < 2.0**40)
    return np.where(inside, np.where(whole, np.rint(y), y), np.nan)
