"""Values of the complete elliptic integrals and of their derivatives. Numbers in, numbers out.

With t = tan(angle) both are integrals over t of powers of 1 + t*t and 1 + p t*t, p = 1 - m; a derivative in m brings a
factor t*t / (1 + p t*t). On the scale of log t the integrand falls exponentially on both sides, is positive, and its
nearest singularities are pi/2 away: the trapezoidal rule is exact to rounding (Trefethen and Weideman 2014,
https://doi.org/10.1137/130932132).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..blocks import integral

PLACES = np.arange(-180, 181)[:, None] / 180.0


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

    factor = 1.0
    for k in range(n):
        factor *= k + (-0.5 if second else 0.5)
    y = factor * reach / 180.0 * integral(integrand, np.ones_like(PLACES), p, reach)
    return np.where(good, y, end)
