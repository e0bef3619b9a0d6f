"""Continuous distributions, each by its formulas in the standard variable z and its shape parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from ..variable import plain
from .distribution import Continuous, both_sides, distance, log_erfc, log_i0

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
POSITIVE = (0.0, math.inf)
norm = Continuous(
    "norm", "", lambda z: -0.5 * np.square(z) - HALF_LOG_2PI, special.ndtr, lambda z: special.ndtr(-z),
    logcdf=special.log_ndtr, logsf=lambda z: special.log_ndtr(-z), ppf=special.ndtri, isf=lambda q: -special.ndtri(q),
)  # fmt: skip
expon = Continuous(
    "expon", "", lambda z: -z, lambda z: -np.expm1(-z), lambda z: np.exp(-z), POSITIVE, 1.0,
    logsf=lambda z: -z, ppf=lambda q: -np.log1p(-q), isf=lambda q: -np.log(q),
)  # fmt: skip
gamma = Continuous(
    "gamma", "a", lambda z, a: -z - special.gammaln(a),
    lambda z, a: special.gammainc(a, z), lambda z, a: special.gammaincc(a, z), POSITIVE, 1.0,
    ppf=lambda q, a: special.gammaincinv(a, q), isf=lambda q, a: special.gammainccinv(a, q),
    powers=lambda z, a: [(a - 1.0, z)],
)  # fmt: skip
chi2 = Continuous(
    "chi2", "df",
    lambda z, df: -0.5 * z - special.gammaln(0.5 * df) - math.log(2.0),
    lambda z, df: special.gammainc(0.5 * df, 0.5 * z), lambda z, df: special.gammaincc(0.5 * df, 0.5 * z),
    POSITIVE, 1.0,
    ppf=lambda q, df: 2.0 * special.gammaincinv(0.5 * df, q),
    isf=lambda q, df: 2.0 * special.gammainccinv(0.5 * df, q), powers=lambda z, df: [(0.5 * df - 1.0, 0.5 * z)],
)  # fmt: skip
beta = Continuous(
    "beta", "a b",
    lambda z, a, b: -special.betaln(a, b),
    lambda z, a, b: special.betainc(a, b, z), lambda z, a, b: special.betaincc(a, b, z),
    (0.0, 1.0), 0.5,
    ppf=lambda q, a, b: special.betaincinv(a, b, q), isf=lambda q, a, b: special.betainccinv(a, b, q),
    powers=lambda z, a, b: [(a - 1.0, z), (b - 1.0, 1.0 - z)],
)  # fmt: skip


def _f_odds(z: Any, m: Any, n: Any) -> Any:
    """Return m z / n; at z = 0 it is a constant in m and n, because the density may be infinite there."""
    return z * np.where(np.equal(plain(z), 0), plain(m / n), m / n)


def _share_of(odds: Any) -> Any:
    """Return odds / (1 + odds) with one use of odds: at 0 the density may be infinite, and two paths inf - inf."""
    return -np.expm1(-np.log1p(odds))


def odds_cdf(odds: Any, a: Any, b: Any) -> Any:
    """Return the area of a beta distribution up to odds / (1 + odds), by the smaller of this and 1 / (1 + odds)."""
    low = np.less(plain(odds), 1)
    small, large = np.where(low, odds, 1.0), np.where(low, 1.0, odds)
    return np.where(low, special.betainc(a, b, _share_of(small)), special.betaincc(b, a, 1.0 / (1.0 + large)))


def odds_sf(odds: Any, a: Any, b: Any) -> Any:
    """Return the area of a beta distribution above odds / (1 + odds)."""
    low = np.less(plain(odds), 1)
    small, large = np.where(low, odds, 1.0), np.where(low, 1.0, odds)
    return np.where(low, special.betaincc(a, b, _share_of(small)), special.betainc(b, a, 1.0 / (1.0 + large)))


def _f_quantile(x: Any, rest: Any, m: Any, n: Any) -> Any:
    """Return n x / (m (1 - x)) by the smaller of x and rest, which is 1 - x."""
    low = np.less(plain(x), 0.5)
    x, rest = np.where(low, x, 0.5), np.where(low, 0.5, rest)
    return n / m * np.where(low, x / (1.0 - x), (1.0 - rest) / rest)


f = Continuous(
    "f", "dfn dfd",
    lambda z, m, n: special.xlogy(0.5 * m, m) + special.xlogy(0.5 * n, n)
    - 0.5 * (m + n) * np.log(n + m * z) - special.betaln(0.5 * m, 0.5 * n),
    lambda z, m, n: odds_cdf(_f_odds(z, m, n), 0.5 * m, 0.5 * n),
    lambda z, m, n: odds_sf(_f_odds(z, m, n), 0.5 * m, 0.5 * n), POSITIVE, 1.0,
    ppf=lambda q, m, n: _f_quantile(
        special.betaincinv(0.5 * m, 0.5 * n, q), special.betainccinv(0.5 * n, 0.5 * m, q), m, n
    ),
    isf=lambda q, m, n: _f_quantile(
        special.betainccinv(0.5 * m, 0.5 * n, q), special.betaincinv(0.5 * n, 0.5 * m, q), m, n
    ),
    powers=lambda z, m, n: [(0.5 * m - 1.0, z)],
)  # fmt: skip
t = Continuous(
    "t", "df",
    lambda z, df: -0.5 * (df + 1.0) * np.log1p(z * z / df) - 0.5 * np.log(df) - special.betaln(0.5 * df, 0.5),
    lambda z, df: special.stdtr(df, z), lambda z, df: special.stdtr(df, -z),
    ppf=lambda q, df: special.stdtrit(df, q), isf=lambda q, df: -special.stdtrit(df, q),
)  # fmt: skip
uniform = Continuous(
    "uniform", "", lambda z: 0.0 * z, lambda z: z, lambda z: 1.0 - z, (0.0, 1.0), 0.5,
    ppf=lambda q: q, isf=lambda q: 1.0 - q,
)  # fmt: skip


def _laplace_logcdf(z: Any) -> Any:
    return np.where(plain(z) > 0, np.log1p(-0.5 * np.exp(-distance(z))), -distance(z) - math.log(2.0))


def _laplace_cdf(z: Any) -> Any:
    return both_sides(z, 0.5 * np.exp(-distance(z)))


def _laplace_quantile(q: Any) -> Any:
    return np.where(plain(q) > 0.5, -np.log(2.0 * (1.0 - q)), np.log(2.0 * q))


laplace = Continuous(
    "laplace", "", lambda z: -np.abs(z) - math.log(2.0),
    _laplace_cdf, lambda z: _laplace_cdf(-z),
    logcdf=_laplace_logcdf, logsf=lambda z: _laplace_logcdf(-z),
    ppf=_laplace_quantile, isf=lambda q: -_laplace_quantile(q),
)  # fmt: skip
logistic = Continuous(
    "logistic", "", lambda z: special.log_expit(z) + special.log_expit(-z), special.expit,
    lambda z: special.expit(-z), logcdf=special.log_expit, logsf=lambda z: special.log_expit(-z), ppf=special.logit,
    isf=lambda q: -special.logit(q),
)  # fmt: skip


def _cauchy_quantile(q: Any) -> Any:
    """Return -1 / tan(pi q), which near q = 1/2 has all the digits of q - 1/2."""
    near = np.abs(plain(q) - 0.5) < 0.25
    centred = np.where(near, q, 0.5) - 0.5
    edge = np.where(near, 0.25, np.where(plain(q) > 0.5, q - 1.0, q))  # tan has the period pi
    return np.where(near, np.tan(math.pi * centred), -1.0 / np.tan(math.pi * edge))


cauchy = Continuous(
    "cauchy", "", lambda z: -2.0 * np.log(np.hypot(1.0, z)) - math.log(math.pi),
    lambda z: np.arctan2(1.0, -z) / math.pi, lambda z: np.arctan2(1.0, z) / math.pi,
    ppf=_cauchy_quantile, isf=lambda q: -_cauchy_quantile(q),
)  # fmt: skip
lognorm = Continuous(
    "lognorm", "s",
    lambda z, s: -0.5 * np.square(np.log(z) / s) - np.log(s * z) - HALF_LOG_2PI,
    lambda z, s: special.ndtr(np.log(z) / s), lambda z, s: special.ndtr(-np.log(z) / s),
    (np.finfo(np.float64).tiny, math.inf), 1.0,
    logcdf=lambda z, s: special.log_ndtr(np.log(z) / s), logsf=lambda z, s: special.log_ndtr(-np.log(z) / s),
    ppf=lambda q, s: np.exp(s * special.ndtri(q)), isf=lambda q, s: np.exp(-s * special.ndtri(q)),
)  # fmt: skip
halfnorm = Continuous(
    "halfnorm", "", lambda z: -0.5 * np.square(z) - HALF_LOG_2PI + math.log(2.0),
    lambda z: special.erf(math.sqrt(0.5) * z), lambda z: 2.0 * special.ndtr(-z), POSITIVE, 1.0,
    logsf=lambda z: log_erfc(math.sqrt(0.5) * z), ppf=lambda q: math.sqrt(2.0) * special.erfinv(q),
    isf=lambda q: math.sqrt(2.0) * special.erfcinv(q),
)  # fmt: skip
weibull_min = Continuous(
    "weibull_min", "c", lambda z, c: np.log(c) - z**c,
    lambda z, c: -np.expm1(-(z**c)), lambda z, c: np.exp(-(z**c)), POSITIVE, 1.0,
    logsf=lambda z, c: -(z**c), ppf=lambda q, c: (-np.log1p(-q)) ** (1.0 / c),
    isf=lambda q, c: (-np.log(q)) ** (1.0 / c), powers=lambda z, c: [(c - 1.0, z)],
)  # fmt: skip
pareto = Continuous(
    "pareto", "b", lambda z, b: np.log(b) - (b + 1.0) * np.log(z),
    lambda z, b: -np.expm1(-b * np.log(z)), lambda z, b: np.exp(-b * np.log(z)), (1.0, math.inf), 2.0,
    logsf=lambda z, b: -b * np.log(z), ppf=lambda q, b: np.exp(-np.log1p(-q) / b),
    isf=lambda q, b: np.exp(-np.log(q) / b),
)  # fmt: skip
def _gumbel_logsf(z: Any) -> Any:
    """Return log(1 - exp(-exp(-z))), whose inner exponential underflows on the right."""
    right = np.greater(plain(z), 0)
    tail = np.where(right, z, 0.0)
    left = np.maximum(np.where(right, 0.0, z), -600.0)  # it is 0 beyond
    return np.where(right, np.log(special.exprel(-np.exp(-tail))) - tail, np.log1p(-np.exp(-np.exp(-left))))


gumbel_r = Continuous(
    "gumbel_r", "", lambda z: -z - np.exp(-z), lambda z: np.exp(-np.exp(-z)), lambda z: -np.expm1(-np.exp(-z)),
    logcdf=lambda z: -np.exp(-z), logsf=_gumbel_logsf, ppf=lambda q: -np.log(-np.log(q)),
    isf=lambda q: -np.log(-np.log1p(-q)),
)  # fmt: skip
gumbel_l = Continuous(
    "gumbel_l", "", lambda z: z - np.exp(z), lambda z: -np.expm1(-np.exp(z)), lambda z: np.exp(-np.exp(z)),
    logsf=lambda z: -np.exp(z), ppf=lambda q: np.log(-np.log1p(-q)), isf=lambda q: np.log(-np.log(q)),
)  # fmt: skip
invgamma = Continuous(
    "invgamma", "a", lambda z, a: -(a + 1.0) * np.log(z) - special.gammaln(a) - 1.0 / z,
    lambda z, a: special.gammaincc(a, 1.0 / z), lambda z, a: special.gammainc(a, 1.0 / z),
    (np.finfo(np.float64).tiny, math.inf), 1.0,
    ppf=lambda q, a: 1.0 / special.gammainccinv(a, q), isf=lambda q, a: 1.0 / special.gammaincinv(a, q),
)  # fmt: skip
halfcauchy = Continuous(
    "halfcauchy", "", lambda z: math.log(2.0 / math.pi) - 2.0 * np.log(np.hypot(1.0, z)),
    lambda z: np.arctan(z) * (2.0 / math.pi), lambda z: np.arctan2(1.0, z) * (2.0 / math.pi), POSITIVE, 1.0,
    ppf=lambda q: np.tan(0.5 * math.pi * q),
    isf=lambda q: 1.0 / np.tan(0.5 * math.pi * q),
)  # fmt: skip
# the period is 2 pi: x of any size, as in SciPy; sin(z / 2)**2 keeps the digits of 1 - cos(z)
vonmises = Continuous(
    "vonmises", "kappa",
    lambda z, kappa: -2.0 * kappa * np.square(np.sin(0.5 * z)) - log_i0(kappa) - math.log(2.0 * math.pi),
    periodic=True,
)  # fmt: skip


def _log_between(a: Any, b: Any) -> Any:
    """Return log(ndtr(b) - ndtr(a)) for a < b: on one side of 0 by logarithms of tails, which do not underflow."""
    right = np.greater(plain(a), 0)  # the same interval, mirrored: both bounds in the left tail
    a, b = np.where(right, -b, a), np.where(right, -a, b)
    both = np.greater_equal(plain(b), 0)
    low, high = np.where(both, a, -1.0), np.where(both, b, 1.0)
    area = 0.5 * (special.erf(math.sqrt(0.5) * high) - special.erf(math.sqrt(0.5) * low))  # of the same sign: a sum
    wide = np.greater(plain(area), 0.5)
    rest = np.where(wide, special.ndtr(low) + special.ndtr(-high), 0.0)
    middle = np.where(wide, np.log1p(-rest), np.log(np.where(wide, 1.0, area)))
    infinite = np.isneginf(plain(a))
    high = np.where(both, -1.0, b)
    low = np.where(both | infinite, plain(high) - 1.0, a)
    top = special.log_ndtr(high)
    tail = top + np.where(infinite, 0.0, np.log(-np.expm1(special.log_ndtr(low) - top)))
    return np.where(both, middle, tail)


def _share(low: Any, high: Any, a: Any, b: Any) -> Any:
    """Return the part of the area from a to b that lies from low to high; between equal bounds by the difference."""
    empty, whole = np.equal(plain(low), plain(high)), _log_between(a, b)
    right = np.greater(plain(low), 0)
    left, end = np.where(right, -high, low), np.where(right, -low, high)
    nothing = (special.ndtr(np.where(empty, end, 0.0)) - special.ndtr(np.where(empty, left, 0.0))) * np.exp(-whole)
    return np.where(empty, nothing, np.exp(_log_between(np.where(empty, low - 1.0, low), high) - whole))


def _truncated_quantile(log_low: Any, log_high: Any, a: Any, b: Any) -> Any:
    """Return x at which the normal distribution is exp(log_low) ndtr(a) + exp(log_high) ndtr(b), by the tail of x."""
    left = np.logaddexp(log_low + special.log_ndtr(a), log_high + special.log_ndtr(b))
    right = np.logaddexp(log_low + special.log_ndtr(-a), log_high + special.log_ndtr(-b))
    lower = np.less(plain(left), plain(right))
    x = special.ndtri_exp(np.where(lower, left, right))
    return np.where(lower, x, -x)


truncnorm = Continuous(
    "truncnorm", "a b", lambda z, a, b: -0.5 * np.square(z) - HALF_LOG_2PI - _log_between(a, b),
    lambda z, a, b: _share(a, z, a, b), lambda z, a, b: _share(z, b, a, b),
    lambda a, b: (a, b), lambda a, b: np.where(np.isfinite(a), a, np.where(np.isfinite(b), b, 0.0)),
    logcdf=lambda z, a, b: _log_between(a, z) - _log_between(a, b),
    logsf=lambda z, a, b: _log_between(z, b) - _log_between(a, b),
    ppf=lambda q, a, b: _truncated_quantile(np.log1p(-q), np.log(q), a, b),
    isf=lambda q, a, b: _truncated_quantile(np.log(q), np.log1p(-q), a, b),
)  # fmt: skip
