"""Moments of log t under the gamma density up to x: the derivatives of the incomplete gamma function in its first
argument. Numbers in, numbers out.

    L_k(a, x) = 1/gamma(a) times the integral of t**(a - 1) exp(-t) (log t - digamma(a))**k over 0..x

dL_k/da is L_(k+1) - k polygamma(1, a) L_(k-1), so that with L_0 = gammainc all orders exist. Below exp(digamma(a)) the
factor log t - digamma(a) has one sign, above it the other: the side of x is integrated on which nothing cancels, and
the other side is the whole, a central moment of log t, less that. With t = x exp(u) the integrand is entire.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..blocks import horner, integral, tanh_sinh
from .gamma import digamma, polygamma
from .incomplete_gamma import poisson_weight

NODES, WEIGHTS = tanh_sinh(1 / 16)
_EXPONENTIAL = tuple([1.0 / math.factorial(k) for k in range(16, 1, -1)])


def expm1_minus(u: Any) -> Any:
    """Return exp(u) - 1 - u."""
    near = np.abs(u) < 0.7
    y = np.expm1(u) - u
    small = u[near]
    y[near] = small * small * horner(_EXPONENTIAL, small)
    return y


def _central_moment(a: Any, k: int) -> Any:
    """Return L_k(a, inf), from the cumulants of log t, which are polygammas."""
    cumulants = [np.zeros_like(a), np.zeros_like(a), *[polygamma(a, n) for n in range(1, k)]]
    moments = [np.ones_like(a)]
    for n in range(1, k + 1):
        moments.append(sum(math.comb(n - 1, j - 1) * cumulants[j] * moments[n - j] for j in range(1, n + 1)))
    return moments[k]


def _reach(a: Any, x: Any, below: Any, sign: Any) -> Any:
    """Return the length at which the integrand is e**-45 of its start, by Newton's method from above: the fall is
    convex."""
    excess = x - a
    length = np.where(
        below,
        np.minimum(45.0 / np.maximum(-excess, 1e-300), (45.0 + x) / a),
        np.minimum(np.sqrt(90.0 / x) + 1.0 / x, np.log(180.0 / x + 5.0) + 1.0),
    )
    for _ in range(14):
        u = sign * length
        growth = np.expm1(u)
        fall = excess * u + x * (growth - u) - 45.0
        slope = sign * (excess + x * growth)
        length = np.maximum(length - fall / np.maximum(slope, 1e-300), 1e-12)
    return length


def _integral(a: Any, x: Any, mean: Any, reach: Any, k: int) -> Any:
    """Return the size of the integral from x to x exp(reach)."""

    def integrand(x: Any, excess: Any, gap: Any, reach: Any) -> Any:
        u = NODES * reach
        return np.exp(-(excess * u) - x * expm1_minus(u)) * (gap + u) ** k

    y = integral(integrand, WEIGHTS, x, x - a, np.log(x) - mean, reach)
    return y * np.abs(reach) * a * poisson_weight(a, x)


def log_moment(a: Any, x: Any, k: int) -> Any:
    """Return L_k(a, x) for k >= 1."""
    good = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    whole = np.isposinf(x) & (a > 0) & np.isfinite(a)
    end = np.where((a > 0) & (x == 0), 0.0, np.nan)
    safe = np.where((a > 0) & np.isfinite(a), a, 1.0)
    total = _central_moment(safe, k)
    given, a, x = good, safe, np.where(good, x, 1.0)
    mean = digamma(a)
    below = np.log(x) < mean
    sign = np.where(below, -1.0, 1.0)
    # far below the place where the density turns down, the way up to there and the way on are two integrals: the nodes
    # lie close together at the ends only
    turn = np.maximum(a, 1.0)
    at = np.flatnonzero(~below & (turn > math.e * x))
    start = x.copy()
    start[at] = turn[at]
    y = _integral(a, start, mean, sign * _reach(a, start, below, sign), k)
    y[at] += _integral(a[at], x[at], mean[at], np.log(turn[at] / x[at]), k)
    y = np.where(below, y, total - y)
    return np.where(given, y, np.where(whole, total, end))
