"""Values of elliptic integrals, complete and incomplete, and of their derivatives. Numbers in, numbers out.

With t = tan(angle) both are integrals over t of powers of 1 + t*t and 1 + p t*t, p = 1 - m; a derivative in m brings a
factor t*t / (1 + p t*t). On the scale of log t the integrand falls exponentially on both sides, is positive, and its
nearest singularities are pi/2 away: the trapezoidal rule is exact to rounding (Trefethen and Weideman 2014,
https://doi.org/10.1137/130932132).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..blocks import integral, tanh_sinh

PLACES = np.arange(-180, 181)[:, None] / 180.0


def _power(n: int, second: bool) -> float:
    """Return the factor that n derivatives in m bring."""
    factor = 1.0
    for k in range(n):
        factor *= k + (-0.5 if second else 0.5)
    return factor


def elliptic(p: Any, n: int, second: bool) -> Any:
    """Return the n-th derivative in m = 1 - p of the complete integral of the first kind, or of the second."""
    good = (p > 1e-17) & (p < 1e17)
    zero = 1.0 if second and n == 0 else -np.inf if second else np.inf
    end = np.where(p == 0, zero, np.nan)
    p = np.where(good, p, 1.0)
    reach = 38.0 + 0.25 * np.abs(np.log(p))

    def integrand(p: Any, reach: Any) -> Any:
        square = np.exp(2.0 * reach * PLACES) / np.sqrt(p)  # of t
        one, other = 1.0 + square, 1.0 + p * square
        last = np.sqrt(other / one) / one if second else 1.0 / np.sqrt(one * other)
        return np.sqrt(square) * last * (square / other) ** n

    y = _power(n, second) * reach / 180.0 * integral(integrand, np.ones_like(PLACES), p, reach)
    return np.where(good, y, end)


NODES, WEIGHTS = tanh_sinh(1 / 160)  # in the middle a quarter apart on the scale of log t


def _from(t: Any, p: Any, n: int, second: bool, up: Any) -> Any:
    """Return the same integral from t up to infinity, or from t down to 0. On the scale of log t the integrand is flat
    between the two places where it turns, and falls beyond."""
    low, high = np.minimum(1.0, 1.0 / np.sqrt(p)), np.maximum(1.0, 1.0 / np.sqrt(p))
    reach = 40.0 + np.maximum(0.0, np.where(up, np.log(high / t), np.log(t / low)))

    def integrand(t: Any, p: Any, reach: Any) -> Any:
        size = t * np.exp(reach * NODES)
        square = size * size
        one, other = 1.0 + square, 1.0 + p * square
        last = np.sqrt(other / one) / one if second else 1.0 / np.sqrt(one * other)
        return size * last * (square / other) ** n

    return reach * integral(integrand, WEIGHTS, t, p, np.where(up, reach, -reach))


def elliptic_part(angle: Any, m: Any, n: int, second: bool) -> Any:
    """Return the n-th derivative in m of the incomplete integral of the first kind up to an angle, or of the second."""
    p = 1.0 - m
    good = (p > 1e-17) & (p < 1e17) & np.isfinite(angle)
    p, angle = np.where(good, p, 1.0), np.where(good, angle, 1.0)
    turns = np.rint(angle / math.pi)
    rest = angle - turns * math.pi
    t = np.clip(np.abs(np.tan(rest)), 1e-300, 1e300)
    # where the two parts, up to t and from t on, are about equal: at the middle of the flat part, or at its upper end
    up = t > np.where((p < 1) & (n > 0), p**-0.5, p**-0.25)
    half = elliptic(p, n, second)
    part = _power(n, second) * _from(t, p, n, second, up)
    part = np.where(up, half - part, part)
    return np.where(good, part * np.sign(rest) + 2.0 * turns * half, np.nan)
