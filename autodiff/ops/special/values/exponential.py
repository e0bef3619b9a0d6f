"""Values of exponential integrals, the dilogarithm and log1p(u)/u on flat float64 arrays. Numbers in, numbers out.

Near 0 by power series, further out by continued fractions, evaluated from a depth that each element chooses, far out by
asymptotic series.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..blocks import by_regime, horner, integral, tanh_sinh
from .gamma import BERNOULLI, beta

EULER = 0.5772156649015329


def expn(x: Any, n: int) -> Any:
    """Return the exponential integral of order n >= 0, x >= 0."""
    if n == 0:
        return np.exp(-x) / x

    def near(x: Any) -> Any:
        """Sum the series DLMF 8.19.8; 0 < x <= 1."""
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
        """Evaluate the continued fraction DLMF 8.19.17, every second convergent; from 1 on."""
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
    """Return the principal value of the integral of exp(t) / t up to x."""

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


_COARSE, (_FINE, _FINE_WEIGHTS) = tanh_sinh(1 / 8), tanh_sinh(1 / 24)


def _quarter_turns(x: Any) -> tuple[Any, Any]:
    """Return f and g of DLMF 6.7.13-14, integrals of exp(-x t) / (1 + t*t), and of t times that, over 0..inf; x > 2."""
    length = 45.0 / x

    def integrand(power: int) -> Callable[..., Any]:
        def of(x: Any, length: Any) -> Any:
            t = _FINE * length
            return np.exp(-x * t) * t**power / (1.0 + t * t)

        return of

    return tuple(length * integral(integrand(power), _FINE_WEIGHTS, x, length) for power in (0, 1))


def sine_integral(x: Any) -> Any:
    """Return Si, by its series up to 2.5, then pi/2 - f cos(x) - g sin(x) (DLMF 6.5.5)."""

    def near(x: Any) -> Any:
        return x * horner(_SINE_SERIES, x * x)

    def far(x: Any) -> Any:
        size = np.abs(x)
        f, g = _quarter_turns(size)
        return np.copysign(0.5 * math.pi - (f * np.cos(size) + g * np.sin(size)), x)

    return by_regime(
        (np.abs(x) <= 2.5, near),
        ((np.abs(x) > 2.5) & np.isfinite(x), far),
        (np.isinf(x), lambda x: np.copysign(0.5 * math.pi, x)),
        x=(x,),
    )


def cosine_integral(x: Any) -> Any:
    """Return Ci, as SciPy's NaN on the left, where it is complex: f sin(x) - g cos(x) from 2.5 on (DLMF 6.5.6)."""

    def near(x: Any) -> Any:
        square = x * x
        return square * horner(_COSINE_SERIES, square) + (EULER + np.log(x))

    def far(x: Any) -> Any:
        f, g = _quarter_turns(x)
        return f * np.sin(x) - g * np.cos(x)

    return by_regime(
        ((x >= 0) & (x <= 2.5), near),
        ((x > 2.5) & np.isfinite(x), far),
        (np.isposinf(x), np.zeros_like),
        x=(x,),
    )


# of Si(x) / x and (Ci(x) - euler_gamma - log x) / x**2, in x**2 (DLMF 6.6.5-6)
_SINE_SERIES = tuple([(-1.0) ** k / ((2 * k + 1) * math.factorial(2 * k + 1)) for k in range(16, -1, -1)])
_COSINE_SERIES = tuple([(-1.0) ** k / (2 * k * math.factorial(2 * k)) for k in range(16, 0, -1)])

# B(2j) / (2j + 1)!: the coefficients of Debye's function, which is the dilogarithm of 1 - exp(w)
_DEBYE = tuple([b / math.factorial(2 * j + 1) for j, b in enumerate(BERNOULLI, 1)])


def spence(x: Any) -> Any:
    """Return the dilogarithm of 1 - x, the integral of log(t) / (1 - t) over 1..x; x >= 0."""

    def near(x: Any) -> Any:
        """Sum, for 1/2 <= x <= 2, powers of log(x), which is below 0.7."""
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
    """Return the m-th derivative of log1p(u) / u, (-1)**m m! times the integral of t**m / (1 + u t)**(m + 1) over 0..1.
    """
    nodes, weights = _COARSE

    def near(u: Any) -> Any:
        def integrand(u: Any) -> Any:
            once = 1.0 / (1.0 + u * nodes)
            y = once
            for _ in range(m):
                y = y * once
            return y

        return (-1.0) ** m * math.factorial(m) * integral(integrand, weights * nodes**m, u)

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
    """Return the binomial coefficient for 0 <= k <= n; whole where it must be."""
    inside = (k >= 0) & (k <= n)
    n, k = np.where(inside, n, 1.0), np.where(inside, k, 0.0)
    y = 1.0 / ((n + 1.0) * beta(n - k + 1.0, k + 1.0))
    whole = (n == np.rint(n)) & (k == np.rint(k)) & (y < 2.0**40)
    return np.where(inside, np.where(whole, np.rint(y), y), np.nan)


# ---- Fresnel's integrals
def quarter_wave(x: Any, turns: int) -> Any:
    """Return cos(pi / 2 (x*x + turns)), by a square in two parts: the first is exact, without its whole turns."""
    high = x.astype(np.float32).astype(np.float64)
    high = np.where(np.abs(x) < 1e18, high, 0.0)
    low = (x - high) * (x + high)
    quarters = np.remainder(high * high, 4.0)
    whole = np.rint(quarters + low)
    angle = 0.5 * math.pi * ((quarters - whole) + low)
    way = np.remainder(whole + turns % 4, 4.0)
    y = np.where(way % 2.0 == 0, np.cos(angle), np.sin(angle))
    return np.where((way == 1.0) | (way == 2.0), -y, y)


def _fresnel_rest(x: Any) -> tuple[Any, Any]:
    """Return f and g of DLMF 7.2(iv), x > 1: sqrt(2) / pi times the integrals of exp(-pi (x r)**2 / 2) / (1 + r**4)
    over 0..inf, and of r*r times that (DLMF 7.7.10-11 with t = r*r)."""
    length = math.sqrt(90.0 / math.pi) / x

    def integrand(power: int) -> Callable[..., Any]:
        def of(x: Any, length: Any) -> Any:
            r = _FINE * length
            square = r * r
            return np.exp(-0.5 * math.pi * (x * x) * square) * square**power / (1.0 + square * square)

        return of

    parts = [length * integral(integrand(power), _FINE_WEIGHTS, x, length) for power in (0, 1)]
    return parts[0] * (math.sqrt(2.0) / math.pi), parts[1] * (math.sqrt(2.0) / math.pi)


def fresnel(x: Any, turns: int) -> Any:
    """Return the integral of cos(pi / 2 (t*t + turns)) over 0..x: the cosine integral for 0, the sine integral for 3.
    """

    def near(x: Any) -> Any:
        if turns == 3:
            return x**3 * horner(_FRESNEL_SINE, x**4)
        return x * horner(_FRESNEL_COSINE, x**4)

    def far(x: Any) -> Any:
        size = np.abs(x)
        f, g = _fresnel_rest(size)
        y = 0.5 + f * quarter_wave(size, 3 + turns) - g * quarter_wave(size, turns)
        return np.copysign(y, x)

    return by_regime(
        (np.abs(x) <= 1.3, near),
        ((np.abs(x) > 1.3) & np.isfinite(x), far),
        (np.isinf(x), lambda x: np.copysign(0.5, x)),
        x=(x,),
    )


_HALF_PI = 0.5 * math.pi
_FRESNEL_SINE = tuple(
    [(-1.0) ** k * _HALF_PI ** (2 * k + 1) / (math.factorial(2 * k + 1) * (4 * k + 3)) for k in range(13, -1, -1)]
)
_FRESNEL_COSINE = tuple(
    [(-1.0) ** k * _HALF_PI ** (2 * k) / (math.factorial(2 * k) * (4 * k + 1)) for k in range(13, -1, -1)]
)
