"""Values of the incomplete gamma functions and of their density on flat float64 arrays. Numbers in, numbers out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels import _erfc_double
from ..blocks import by_regime, horner
from .gamma import FAR, gamma, gammaln, tail

CLOSE = 3e-16  # a continued fraction ends at the first factor as near to 1 as that


def log1p_minus(u: Any) -> Any:
    """Return log(1 + u) - u, by its series near 0 in v = u / (2 + u): log(1 + u) = 2 artanh(v), u = 2 v / (1 - v)."""
    near = np.abs(u) < 0.3
    v = np.where(near, u, 0.0) / (2.0 + np.where(near, u, 0.0))
    square = v * v
    series = horner(tuple([2.0 / k for k in range(21, 1, -2)]), square)
    return np.where(near, v * square * series - v * np.where(near, u, 0.0), np.log1p(u) - u)


def poisson_weight(a: Any, x: Any) -> Any:
    """Return x**a exp(-x) / gamma(a + 1), by powers where they do not overflow: they lose no digit to a large exponent.
    """
    near = (a < 90.0) & (x < 1400.0)

    def by_logarithm(a: Any, x: Any) -> Any:
        u = (x - a) / a
        return np.exp(a * np.where(u < -0.3, np.log(x / a) - u, log1p_minus(u)) - tail(a)) / np.sqrt(2 * math.pi * a)

    def by_power(a: Any, x: Any) -> Any:
        half = np.exp(-0.5 * x)  # exp(-x) itself is subnormal from 708 on, and one rounding less before
        power = x**a
        return np.where(x < 700.0, power * np.exp(-x), power * half * half) / gamma(a + 1.0)

    def by_shift(a: Any, x: Any) -> Any:
        """Go down from FAR or beyond, without the rounding of gamma(a + 1), which is 8 ulp there."""
        steps, back = np.ceil(FAR - a), np.ones_like(x)
        for k in range(1, 5):
            back = back * np.where(k <= steps, (a + k) / x, 1.0)
        return by_logarithm(a + steps, x) * back

    shifts = near & (a >= FAR - 4.0) & (a < FAR) & (x > 1e-20)
    return by_regime(
        (near & ~shifts, by_power),
        (shifts, by_shift),
        (~near & (a >= FAR), by_logarithm),
        (~near & (a < FAR), lambda a, x: np.where(np.isnan(x), np.nan, 0.0)),
        x=(a, x),
    )


def _gamma_series(a: Any, x: Any) -> Any:
    """Return P(a, x) for x < a + 1 (DLMF 8.11.4)."""
    total, term, k = np.ones_like(x), np.ones_like(x), 0
    while k < 100_000:
        k += 1
        term = term * (x / (a + k))
        total = total + term
        if k % 8 == 0 and not (term > 1e-17 * total).any():  # terms below that add nothing
            break
    return np.where(term > 1e-17 * total, np.nan, poisson_weight(a, x) * total)


def _gamma_fraction(a: Any, x: Any) -> Any:
    """Return Q(a, x) for x >= a + 1, by the continued fraction (DLMF 8.9.2) in Lentz's form."""
    b = x + 1.0 - a
    c, d = np.full_like(x, 1e300), 1.0 / b
    h, k, done = d, 0, np.isnan(x)  # a settled element is not changed: each further step would round it once more
    while k < 100_000:
        k += 1
        an = -k * (k - a)
        b = b + 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        step = np.where(done, 1.0, c * d)
        h = h * step
        done = done | ~(np.abs(step - 1.0) >= CLOSE)  # a NaN has settled as well
        if k % 4 == 0 and done.all():
            break
    return np.where(done, poisson_weight(a, x) * a * h, np.nan)


def _gamma_small(a: Any, x: Any) -> Any:
    """Return Q(a, x) for a < 1 and x < 1.5, where 1 - P would cancel: 1 - x**a / gamma(1 + a), plus the series."""
    near = -np.expm1(a * np.log(x) - gammaln(1.0 + a))
    total, term = np.zeros_like(x), np.ones_like(x)
    for k in range(1, 28):
        term = term * (-x / k)
        total = total + term / (a + k)
    return near - x**a / gamma(1.0 + a) * a * total


# by powers of eta (DLMF 8.12.10): eta is below 0.04 where the exponential is not 0
_UNIFORM = (-139 / 777600, 1 / 2835, 1 / 864, -2 / 135, 1 / 12, -1 / 3)


def _gamma_uniform(a: Any, x: Any, upper: bool) -> Any:
    """Return Q or P for a > 1e6 (Temme 1979; DLMF 8.12.3-4): a tail of the normal distribution, and terms of size
    1 / sqrt(a) and a**-1.5 / 540, which still shows in the last digits."""
    u = (x - a) / a
    fall = -a * np.where(u < -0.3, np.log(x / a) - u, log1p_minus(u))
    y = np.copysign(np.sqrt(fall), u)  # eta sqrt(a / 2)
    eta = y / np.sqrt(0.5 * a)
    eta = np.clip(eta, -0.1, 0.1)  # further out the exponential is 0
    rest = np.exp(-fall) / np.sqrt(2.0 * math.pi * a) * (horner(_UNIFORM, eta) - (1 / 540 + eta / 288) / a)
    return 0.5 * _erfc_double(y) + rest if upper else 0.5 * _erfc_double(-y) - rest


def _incomplete_gamma(a: Any, x: Any, upper: bool) -> Any:
    ordinary = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    large = ordinary & (a > 1e6)
    ordinary = ordinary & ~large
    small = ordinary & (a < 1) & (x < 1.5)
    series, fraction = ordinary & (x < a + 1.0) & ~small, ordinary & (x >= a + 1.0) & ~small
    ends = np.where(upper, 1.0, 0.0)
    return by_regime(
        (large, lambda a, x: _gamma_uniform(a, x, upper)),
        (small, _gamma_small if upper else _gamma_series),
        (series, (lambda a, x: 1.0 - _gamma_series(a, x)) if upper else _gamma_series),
        (fraction, _gamma_fraction if upper else lambda a, x: 1.0 - _gamma_fraction(a, x)),
        ((a > 0) & (x == 0) | np.isposinf(a) & np.isfinite(x) & (x >= 0), lambda a, x: np.full_like(x, ends)),
        ((a >= 0) & np.isfinite(a) & np.isposinf(x) | (a == 0) & (x > 0), lambda a, x: np.full_like(x, 1.0 - ends)),
        x=(a, x),
    )


def gammainc(a: Any, x: Any) -> Any:
    return _incomplete_gamma(a, x, upper=False)


def gammaincc(a: Any, x: Any) -> Any:
    return _incomplete_gamma(a, x, upper=True)
