"""Values of the inverses of the incomplete gamma and beta functions and of Student's distribution, on flat float64
arrays. Numbers in, numbers out.

Each solves for the smaller one of the two tails, by Halley's method on its logarithm as a function of the logarithm of
x (beta: of x / (1 - x)). There the densities are logarithmically concave, so both tails are (Bagnoli and Bergstrom
2005, https://doi.org/10.1007/s00199-004-0514-4), and four or five steps are enough. A last step in x itself corrects
the rounding of the logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..blocks import by_regime
from .gamma import betaln, gammaln
from .incomplete_beta import _beta_weight, _incomplete_beta
from .incomplete_gamma import gammainc, gammaincc, poisson_weight
from .normal import ndtri

TINY = -39.0  # e**-39 added to 1 changes nothing: the first term of a series is the whole


def _root(gap: Callable[..., tuple[Any, Any, Any]], u: Any, low: Any, high: Any, done: Any, *operands: Any) -> Any:
    """Return the root of a growing function between low and high, by Halley's method.

    gap(u, *operands): its value, its slope, and the slope's own over it. A step that leaves the bracket, or that is no
    number, is half of the bracket.
    """
    u, low, high = u.copy(), low.copy(), high.copy()
    at = np.flatnonzero(~done)
    for _ in range(100):
        if not at.size:
            break
        here = u[at]
        value, slope, bend = gap(here, *[a[at] for a in operands])
        low[at] = below = np.where(value < 0, here, low[at])
        high[at] = above = np.where(value > 0, here, high[at])
        step = value / slope
        new = here - step / np.maximum(1.0 - 0.5 * step * bend, 0.5)
        settled = np.abs(new - here) < 1e-7  # the next error is about the third power of that
        u[at] = np.where(settled | ((new >= below) & (new <= above)), new, 0.5 * (below + above))
        at = at[~(settled | (above - below < 1e-15))]
    return u


def _gamma_quantile(a: Any, p: Any, q: Any) -> Any:
    """Return x at which gammainc is p and gammaincc is q = 1 - p."""
    good = (a > 0) & np.isfinite(a) & (p > 0) & (q > 0)
    ends = np.where((a > 0) & (p == 0), 0.0, np.where((a > 0) & (q == 0), np.inf, np.nan))
    a, p, q = np.where(good, a, 1.0), np.where(good, p, 0.5), np.where(good, q, 0.5)
    lower = p <= q
    tail = np.where(lower, p, q)
    size, log_tail = -np.log(tail), np.log(tail)
    # the first term of the series is an upper bound of p, so its root is a lower bound of x; the tails beyond inner and
    # outer are smaller than p and q (Boucheron, Lugosi and Massart 2013, Concentration Inequalities, 2.4)
    first = (np.where(lower, log_tail, math.log(0.5)) + gammaln(a + 1.0)) / a
    inner, outer = a - np.sqrt(2.0 * a * size), a + np.sqrt(2.0 * a * size) + size
    low = np.maximum(first, np.where(lower & (inner > 0), np.log(np.maximum(inner, 1e-300)), first))
    high = np.where(lower, np.log(a), np.log(outer))
    high = np.maximum(high, low)

    def tail_of(a: Any, x: Any, lower: Any) -> Any:
        return by_regime((lower, gammainc), (~lower, gammaincc), x=(a, x))

    def gap(u: Any, a: Any, log_tail: Any, lower: Any) -> tuple[Any, Any, Any]:
        x = np.exp(u)
        y = tail_of(a, x, lower)
        sign, slope = np.where(lower, 1.0, -1.0), a * poisson_weight(a, x) / y
        return sign * (np.log(y) - log_tail), slope, a - x - sign * slope

    done = lower & (first < TINY)
    x = np.exp(_root(gap, np.where(lower, low, high), low, high, done, a, log_tail, lower))
    rest = np.where(lower, 1.0, -1.0) * (tail - tail_of(a, x, lower)) / (a * poisson_weight(a, x))
    return np.where(good, x * np.where(np.abs(rest) < 1e-6, 1.0 + rest, 1.0), ends)


def gammaincinv(a: Any, y: Any) -> Any:
    return _gamma_quantile(a, y, 1.0 - y)


def gammainccinv(a: Any, y: Any) -> Any:
    return _gamma_quantile(a, 1.0 - y, y)


def _beta_logit(a: Any, b: Any, p: Any) -> tuple[Any, Any]:
    """Return u = log(x / (1 - x)) at which I_x(a, b) is p <= 1/2, and its error e: x / (1 - x) is exp(u) (1 + e)."""
    log_p, log_beta = np.log(p), betaln(a, b)
    low = (log_p + np.log(a) + log_beta) / a  # the first term of the series in x / (1 - x), an upper bound of p
    high = np.maximum(-(math.log(0.5) + np.log(b) + log_beta) / b, low)  # the same from the other end, for the median
    start = np.log(a / b) + ndtri(p) * np.sqrt(1.0 / a + 1.0 / b)
    done = low + np.log1p(a + b) < TINY
    start = np.where((a > 1.0) & (b > 1.0) & ~done, np.clip(start, low, high), low)

    def gap(u: Any, a: Any, b: Any, log_p: Any) -> tuple[Any, Any, Any]:
        x, rest = 1.0 / (1.0 + np.exp(-u)), 1.0 / (1.0 + np.exp(u))
        y = _incomplete_beta(a, b, x, rest)
        slope = _beta_weight(a, b, x, rest) / y
        return np.log(y) - log_p, slope, a * rest - b * x - slope

    u = _root(gap, start, low, high, done, a, b, log_p)
    odds = np.exp(u)
    x, rest = odds / (1.0 + odds), 1.0 / (1.0 + odds)
    more = (p - _incomplete_beta(a, b, x, rest)) / _beta_weight(a, b, x, rest)
    return u, np.where(np.abs(more) < 1e-6, more, 0.0)


def _beta_quantile(a: Any, b: Any, p: Any, q: Any) -> tuple[Any, Any, Any]:
    """Return log(x / (1 - x)), x and 1 - x, at which I_x(a, b) is p, and q is 1 - p."""
    good = (a > 0) & (b > 0) & np.isfinite(a + b) & (p > 0) & (q > 0)
    end = np.where((a > 0) & (b > 0), np.where(p == 0, 0.0, np.where(q == 0, 1.0, np.nan)), np.nan)
    a, b, p, q = (np.where(good, v, c) for v, c in ((a, 1.0), (b, 1.0), (p, 0.5), (q, 0.5)))
    lower = p <= q
    u, more = _beta_logit(np.where(lower, a, b), np.where(lower, b, a), np.where(lower, p, q))
    odds = np.exp(u) * (1.0 + more)
    x, rest = odds / (1.0 + odds), 1.0 / (1.0 + odds)
    x, rest = np.where(lower, x, rest), np.where(lower, rest, x)
    return np.where(lower, u, -u), np.where(good, x, end), np.where(good, rest, 1.0 - end)


def betaincinv(a: Any, b: Any, y: Any) -> Any:
    return _beta_quantile(a, b, y, 1.0 - y)[1]


def betainccinv(a: Any, b: Any, y: Any) -> Any:
    return _beta_quantile(a, b, 1.0 - y, y)[1]


def stdtrit(df: Any, p: Any) -> Any:
    """Return t at which Student's distribution is p: twice the small tail is I_x(df/2, 1/2) at x = df / (df + t*t)."""
    tail = np.where(p < 0.5, p, 1.0 - p)
    u, x, rest = _beta_quantile(0.5 * df, np.full_like(df, 0.5), 2.0 * tail, np.abs(1.0 - 2.0 * p))
    size = np.where(x > 1e-290, np.sqrt(df * (rest / x)), np.sqrt(df) * np.exp(-0.5 * u))
    size = np.where(tail == 0, np.inf, size)
    size = np.where((df > 0) & (p >= 0) & (p <= 1), size, np.nan)
    return np.where(np.isposinf(df), ndtri(p), np.copysign(size, p - 0.5))
