"""Values of modified Bessel functions, and of Airy functions, on flat float64 arrays. Numbers in, numbers out.

Those of order 0 and 1 and of the second kind by the trapezoidal rule on their integrals (DLMF 10.32): on a periodic
analytic function it converges geometrically (Trefethen and Weideman 2014, https://doi.org/10.1137/130932132), and here
every term is positive, so that nothing cancels; large arguments by their asymptotic series (DLMF 10.40). A further
factor cos(t) or 1 - cos(t) under the integral is a further derivative, which is how the rows get all orders.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..blocks import by_regime, integral, tanh_sinh
from .incomplete_gamma import poisson_weight

FAR = 25.0  # where the asymptotic series take over
NODES = 64  # over a full period: exact to 1e-17 for arguments up to 25 (the error is the Bessel function of order 64)
_ANGLES = 2.0 * math.pi / NODES * (np.arange(NODES // 4)[:, None] + 0.5)  # of a quarter, which stand for all


def _scaled_far(x: Any, m: int) -> Any:
    """Return ``scaled`` for large x: the sum over k of (1/2)_k / (k! 2**k) gamma(m + k + 1/2) / x**(m + k + 1/2)."""
    term = math.gamma(m + 0.5) / (math.pi * math.sqrt(2.0)) * x ** -(m + 0.5)
    total = term
    for k in range(30):
        term = term * ((k + 0.5) * (m + k + 0.5) / (2.0 * (k + 1))) / x
        total = total + term
    return total


def scaled(x: Any, m: int) -> Any:
    """Return 1/pi times the integral of exp(-x (1 - cos t)) (1 - cos t)**m over 0..pi, x >= 0: i0e and its derivatives.
    """

    def near(x: Any) -> Any:
        s = 2.0 * np.sin(math.pi / NODES * (np.arange(NODES // 2)[:, None] + 0.5)) ** 2
        return integral(lambda x: np.exp(-s * x), s**m, x) * (2.0 / NODES)

    return by_regime((x <= FAR, near), (x > FAR, lambda x: _scaled_far(x, m)), x=(x,))


def i0e(x: Any) -> Any:
    return scaled(np.abs(x), 0)


def scaled_first(x: Any, m: int) -> Any:
    """Return 1/pi times the integral of exp(-x (1 - cos t)) cos(t) (1 - cos t)**m over 0..pi, x >= 0: i1e and its
    derivatives.

    Where m is 0 the nodes t and pi - t come together, since their difference is small for small x; later sums are not.
    """

    def near(x: Any) -> Any:
        c = np.cos(_ANGLES)
        if m == 0:
            total = integral(lambda x: -np.exp((c - 1.0) * x) * np.expm1(-2.0 * c * x), c, x)
        else:
            early, late = (1.0 - c) ** m, (1.0 + c) ** m
            total = integral(lambda x: np.exp((c - 1.0) * x) * early - np.exp((-c - 1.0) * x) * late, c, x)
        return total * (2.0 / NODES)

    return by_regime((x <= FAR, near), (x > FAR, lambda x: _scaled_far(x, m) - _scaled_far(x, m + 1)), x=(x,))


def modified(x: Any, m: int) -> Any:
    """Return 1/pi times the integral of exp(x cos t) cos(t)**m over 0..pi: the m-th derivative of i0."""

    def near(x: Any) -> Any:
        c, wave = np.cos(_ANGLES), np.sinh if m % 2 else np.cosh
        return integral(lambda x: wave(x * c), c**m, x) * (4.0 / NODES)

    def far(x: Any) -> Any:
        size = np.abs(x)
        y = sum(math.comb(m, j) * (-1.0) ** j * _scaled_far(size, j) for j in range(m, -1, -1))
        half = np.exp(0.5 * size)  # exp(x) would overflow before the product does
        return np.where(x < 0, (-1.0) ** m, 1.0) * (y * half) * half

    return by_regime((np.abs(x) <= FAR, near), (np.abs(x) > FAR, far), x=(x,))


# ---- modified, of the second kind
def macdonald(v: Any, x: Any, m: int, p: int, scaled: bool) -> Any:
    """Return the integral of exp(-x cosh t) cosh(v t) cosh(t)**m t**p over 0..inf (DLMF 10.32.9), for an odd p with
    sinh(v t): kv, m times differentiated in -x and p times in v. scaled: times exp(x), with cosh(t) - 1 for cosh(t).

    By the trapezoidal rule, whose error falls faster than any power as the integrand does, and all of whose terms are
    positive. Each element has a step and an end of its own: the step follows the width of the peak.
    """
    v = np.abs(v)
    sign = np.where(v == 0, 0.0, 1.0) if p % 2 else 1.0
    good = (x > 0) & np.isfinite(x) & (v <= 1e5) & np.isfinite(v / x)
    low = (x >= 0) & (v <= 1e5) & ~np.isfinite(v / x)  # 0, or so small that the value overflows
    end_value = np.where(low, np.inf, np.where(np.isposinf(x) & np.isfinite(v), 0.0, np.nan))
    x, v = np.where(good, x, 1.0), np.where(good, v, 1.0)
    peak = np.arcsinh(v / x)
    below = x * (2.0 * np.sinh(0.5 * peak) ** 2) - v * peak + (50.0 + (m + p) * 8.0)
    end = peak + 1.0
    for _ in range(8):  # where the integrand is e**-50 of its peak, by the growth of x (cosh t - 1)
        end = 2.0 * np.arcsinh(math.sqrt(0.5) * np.sqrt(np.maximum(below + v * end, 0.0)) / np.sqrt(x))
    step = np.minimum(0.15, 0.5 / np.sqrt(np.hypot(x, v + (m + p)) + 1.0))

    def integrand(v: Any, x: Any, step: Any, end: Any) -> Any:
        t = places * step
        half = np.sinh(0.5 * t)
        rise = 2.0 * half * half  # cosh(t) - 1
        wave = 0.5 * (-np.expm1(-2.0 * v * t) if p % 2 else 1.0 + np.exp(-2.0 * v * t))
        term = np.exp((v * t - 2.0 * (x * half) * half) - (0.0 if scaled else x)) * wave
        factor = rise if scaled else rise + 1.0
        return np.where(t <= end, term * factor**m * t**p, 0.0)

    total = np.zeros_like(x)
    # groups of places, the small terms first: those beyond an element's own end add exactly nothing
    for group in range(int(np.max(end / step, initial=0.0)) // 16, -1, -1):
        places = np.arange(16 * group, 16 * group + 16)[:, None]
        total += integral(integrand, np.where(places == 0, 0.5, 1.0), v, x, step, end)
    y = total * step * sign
    return np.where(good, y, end_value)


# ---- modified, of the first kind and any real order
def _positive_series(ratio: Callable[[int], Any], lost: Any) -> tuple[Any, Any]:
    """Return the sum of 1 and of terms that are ratio(k) times the one before, and its power of e.

    lost: the power to begin with; powers that are taken out of a large sum are added to it.
    """
    term = total = np.ones_like(lost)
    for k in range(1, 100_001):
        term = term * ratio(k)
        total = total + term
        if k % 16 == 0:
            large = total > 1e200
            if large.any():
                shrink = np.where(large, math.exp(-400.0), 1.0)
                term, total, lost = term * shrink, total * shrink, lost + np.where(large, 400.0, 0.0)
            if not (term > 1e-17 * total).any():
                break
    return total, lost


def _first_series(v: Any, x: Any, scaled: bool) -> Any:
    """Sum powers of x (DLMF 10.25.2), all terms positive for v >= 0: the first is a Poisson weight times exp(x / 2)."""
    quarter = 0.25 * x * x
    total, lost = _positive_series(lambda k: quarter / (k * (v + k)), np.zeros_like(x))
    exponent = 0.5 * (lost + (-0.5 * x if scaled else 0.5 * x))  # in two halves: one of them would overflow earlier
    return poisson_weight(v, 0.5 * x) * np.exp(exponent) * total * np.exp(exponent)


def _first_far(v: Any, x: Any, m: int) -> Any:
    """Return the m-th derivative of exp(-x) times it, by the asymptotic series (DLMF 10.40.1), term by term."""
    term = np.full_like(x, 1.0 / math.sqrt(2.0 * math.pi))
    for j in range(m):
        term = term * -(j + 0.5)
    term = term * x ** -(m + 0.5)
    total, k, ended = term, 0, np.zeros(x.shape, bool)
    while k < 60:
        k += 1
        step = -(4.0 * v * v - (2 * k - 1) ** 2) / (8.0 * k) / x * ((k + m - 0.5) / (k - 0.5))
        ended = ended | (np.abs(step) > 1.0) & (k > v)  # from here on the terms would grow
        term = np.where(ended, 0.0, term * step)
        total = total + term
    return total


def _first_slope(v: Any, x: Any) -> Any:
    """Return the derivative of exp(-x) I_v(x), v >= 0: that of the power less a Kummer function (DLMF 10.39.5,
    13.2.39), whose terms are positive. The sum of neighbours would cancel for large x.
    """
    ratio = lambda k: 2.0 * x * (v + 0.5 + (k - 1)) / ((2.0 * v + 2.0 + (k - 1)) * k)
    total, lost = _positive_series(ratio, -1.5 * x)
    return v / x * _first_series(v, x, True) - poisson_weight(v, 0.5 * x) * np.exp(lost) * total


def first(v: Any, x: Any, m: int, scaled: bool) -> Any:
    """Return I_v(x), scaled: the m-th derivative of exp(-x) I_v(x); any real v, x >= 0, and below for whole orders."""

    def positive(v: Any, x: Any) -> Any:
        if m == 0:
            return _first_series(v, x, scaled)
        if m == 1:
            return _first_slope(v, x)
        n, (below, y, above) = m - 2, (first(v, x, k, True) if k >= 0 else 0.0 for k in (m - 3, m - 2, m - 1))
        above = (2.0 * n * x + 2.0 * x * x + x) * above  # Bessel's equation, differentiated n times
        y = (n * (n - 1) + n * (4.0 * x + 1.0) + x - v * v) * y
        return -(above + y + (2 * n * (n - 1) + n) * below) / (x * x)

    def negative(v: Any, x: Any) -> Any:
        """Return it for v < 0 (DLMF 10.27.2); derivatives by the neighbours."""
        if m:
            up, down = first(v + 1.0, x, m - 1, scaled), first(v - 1.0, x, m - 1, scaled)
            return 0.5 * (up + down) - first(v, x, m - 1, scaled)
        other = macdonald(v, x, 0, 0, scaled) * (np.exp(-2.0 * x) if scaled else 1.0)
        half = np.rint(v)
        sine = np.sin(math.pi * (half - v)) * (1.0 - 2.0 * np.abs(np.fmod(half, 2.0)))
        return _first_series(-v, x, scaled) + (2.0 / math.pi) * sine * other

    def far(v: Any, x: Any) -> Any:
        y = _first_far(v, x, m)
        return y if scaled else y * np.exp(0.5 * x) * np.exp(0.5 * x)

    whole = v == np.rint(v)
    v = np.where(whole, np.abs(v), v)
    sign = np.where((x < 0) & (np.mod(v + m, 2.0) != 0), -1.0, 1.0)
    x = np.where((x < 0) & whole, -x, x)
    good, late = (x > 0) & np.isfinite(x + v), (x > 30.0) & (v * v < 2.0 * x)
    return sign * by_regime(
        (good & late, far),
        (good & ~late & (v >= 0), positive),
        (good & ~late & (v < 0), negative),
        (np.isposinf(x) & np.isfinite(v), lambda v, x: np.full_like(x, 0.0 if scaled else np.inf)),
        ((x == 0) & np.isfinite(v), lambda v, x: _first_at_zero(v, m, scaled)),
        x=(v, x),
    )


def _first_at_zero(v: Any, m: int, scaled: bool) -> Any:
    if m:
        up, down = (_first_at_zero(v + k, m - 1, scaled) for k in (1.0, -1.0))
        return 0.5 * (up + down) - _first_at_zero(v, m - 1, scaled)
    whole = v == np.rint(v)
    sign = np.where(np.mod(np.floor(v), 2.0) == 0, 1.0, -1.0)  # of gamma(v + 1), for v < 0
    return np.where(v == 0, 1.0, np.where((v > 0) | whole, 0.0, -sign * np.inf))


# ---- Airy functions, from Bessel functions of order 1/3 and 2/3 (DLMF 9.6)
AIRY_NODES, AIRY_WEIGHTS = tanh_sinh(1 / 32)


def _third(y: Any, order: float) -> Any:
    """Return the Hankel function of the first kind of order 1/3 or 2/3 for y > 0, by K of an imaginary argument: its
    integral (DLMF 10.32.8, turned) with t = r**6, in which nothing is singular near the positive axis.
    """
    power = order - 0.5
    length = 45.0 ** (1.0 / 6.0)
    r = AIRY_NODES * length
    t = r**6
    weights = AIRY_WEIGHTS * (6.0 * length * np.exp(-t) * r ** (5.0 + 6.0 * power))

    def part(name: str) -> Any:
        return integral(lambda y: getattr((1.0 + t * 1j / (2.0 * y)) ** power, name), weights, y)

    total = part("real") + 1j * part("imag")
    k = np.sqrt(math.pi / (2.0 * y)) * total / math.gamma(order + 0.5)  # times exp(i (pi/4 + y))
    phase = y + 0.25 * math.pi - 0.5 * math.pi * (1.0 + order)
    return (2.0 / math.pi) * k * (np.cos(phase) + 1j * np.sin(phase))


def airy(x: Any, which: int) -> Any:
    """Return Ai, its derivative, Bi and its derivative, for which = 0, 1, 2, 3 (DLMF 9.6)."""
    prime, second = which % 2, which // 2
    order = (1.0 + prime) / 3.0

    def right(x: Any) -> Any:
        zeta = x * np.sqrt(x) * (2.0 / 3.0)
        v = np.full_like(x, order)
        k = macdonald(v, zeta, 0, 0, False)
        size = x / math.sqrt(3.0) if prime else np.sqrt(x / 3.0)
        if not second:
            return (-1.0 if prime else 1.0) / math.pi * size * k
        return size * (2.0 * first(v, zeta, 0, False) + math.sqrt(3.0) / math.pi * k)

    def left(x: Any) -> Any:
        size = -x
        zeta = size * np.sqrt(size) * (2.0 / 3.0)
        turn = math.pi / 6.0 * ((-1.0 if prime else 1.0) + 3.0 * second)
        wave = _third(zeta, order) * (math.cos(turn) + 1j * math.sin(turn))
        return (size / math.sqrt(3.0) if prime else np.sqrt(size / 3.0)) * wave.real

    def near(x: Any) -> Any:
        """Sum powers of x (DLMF 9.4)."""
        cube = x * x * x
        f, g = np.zeros_like(x), np.zeros_like(x)
        a, b = np.ones_like(x), np.ones_like(x)
        for k in range(24):
            f = f + (a * 3 * k if prime else a)
            g = g + (b * (3 * k + 1) if prime else b)
            a, b = a * cube / ((3 * k + 2) * (3 * k + 3)), b * cube / ((3 * k + 3) * (3 * k + 4))
        f, g = (np.where(x == 0, 0.0, f / np.where(x == 0, 1.0, x)), g) if prime else (f, x * g)
        c, d = 1.0 / (3.0 ** (2 / 3) * math.gamma(2 / 3)), 1.0 / (3.0 ** (1 / 3) * math.gamma(1 / 3))
        return math.sqrt(3.0) * (c * f + d * g) if second else c * f - d * g

    end = np.inf if second else 0.0
    return by_regime(
        ((x > 0.5) & np.isfinite(x), right),
        (np.abs(x) <= 0.5, near),
        ((x < -0.5) & np.isfinite(x), left),
        (np.isposinf(x), lambda x: np.full_like(x, end)),
        (np.isneginf(x), np.zeros_like),
        x=(x,),
    )
