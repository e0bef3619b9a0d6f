"""Distributions on the whole line with a parameter for their skewness or their tails; built as in ``continuous``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from ..ops.special.exponential import log1p_over
from ..variable import plain
from .continuous import HALF_LOG_2PI
from .distribution import Continuous, both_sides, distance, log_erfc
from .lifetimes import area_of_power, end_power, growth, power_at_end


# ---- extremes
def _log_hazard(z: Any, c: Any) -> Any:
    """Return log(1 - c z) / c, smooth at c = 0, where it is -z."""
    return -z * log1p_over(-c * z)


def _extreme_end(z: Any, c: Any) -> Any:
    """Return whether z is the upper end, 1 / c, where the hazard is 0."""
    return np.less_equal(1.0 - plain(c) * plain(z), 0)


def _hazard(z: Any, c: Any) -> Any:
    end = _extreme_end(z, c)
    tail = power_at_end(1.0 - c * z, 1.0 / np.where(end, c, 1.0), end)
    return np.where(end, tail, np.exp(_log_hazard(np.where(end, 0.0, z), c)))


def _extreme_logpdf(z: Any, c: Any) -> Any:
    """Return the logarithm of the density but for its power at the upper end."""
    return (1.0 - c) * _log_hazard(np.where(_extreme_end(z, c), 0.0, z), c) - _hazard(z, c)


def _extreme_support(c: Any) -> tuple[Any, Any]:
    """Return the ends; the lower one itself is outside: its logarithms are infinite."""
    end = 1.0 / np.where(c == 0, 1.0, c)
    return np.where(c < 0, np.nextafter(end, np.zeros_like(end)), -math.inf), np.where(c > 0, end, math.inf)


genextreme = Continuous(
    "genextreme", "c", _extreme_logpdf, lambda z, c: np.exp(-_hazard(z, c)), lambda z, c: -np.expm1(-_hazard(z, c)),
    _extreme_support, lambda c: 0.0 * c, logcdf=lambda z, c: -_hazard(z, c),
    ppf=lambda q, c: -growth(np.log(-np.log(q)), c), isf=lambda q, c: -growth(np.log(-np.log1p(-q)), c),
    powers=lambda z, c: [end_power(1.0 - c * z, 1.0 / np.where(plain(c) == 0, 1.0, c) - 1.0, _extreme_end(z, c))],
)  # fmt: skip
loggamma = Continuous(
    "loggamma", "c", lambda z, c: c * z - np.exp(z) - special.gammaln(c), lambda z, c: special.gammainc(c, np.exp(z)),
    lambda z, c: special.gammaincc(c, np.exp(z)),
    ppf=lambda q, c: np.log(special.gammaincinv(c, q)), isf=lambda q, c: np.log(special.gammainccinv(c, q)),
)  # fmt: skip
moyal = Continuous(
    "moyal", "", lambda z: -0.5 * (z + np.exp(-z)) - HALF_LOG_2PI,
    lambda z: special.erfc(math.sqrt(0.5) * np.exp(-0.5 * z)), lambda z: special.erf(math.sqrt(0.5) * np.exp(-0.5 * z)),
    logcdf=lambda z: log_erfc(math.sqrt(0.5) * np.exp(-0.5 * z)),
    ppf=lambda q: -np.log(2.0 * np.square(special.erfcinv(q))),
    isf=lambda q: -np.log(2.0 * np.square(special.erfinv(q))),
)  # fmt: skip


# ---- of the normal family
def _log_mixed_tail(z: Any, rate: Any) -> Any:
    """Return log(exp(rate (rate / 2 - z)) ndtr(z - rate)): the part of the tail that the exponential variable adds."""
    return rate * (0.5 * rate - z) + special.log_ndtr(z - rate)


exponnorm = Continuous(
    "exponnorm", "K", lambda z, k: _log_mixed_tail(z, 1.0 / k) - np.log(k),
    sf=lambda z, k: special.ndtr(-z) + np.exp(_log_mixed_tail(z, 1.0 / k)),
)  # fmt: skip
skewnorm = Continuous(
    "skewnorm", "a", lambda z, a: math.log(2.0) - HALF_LOG_2PI - 0.5 * z * z + special.log_ndtr(a * z),
)  # fmt: skip
johnsonsu = Continuous(
    "johnsonsu", "a b",
    lambda z, a, b: -HALF_LOG_2PI - 0.5 * np.square(a + b * np.arcsinh(z)) + np.log(b) - 0.5 * np.log1p(z * z),
    lambda z, a, b: special.ndtr(a + b * np.arcsinh(z)), lambda z, a, b: special.ndtr(-(a + b * np.arcsinh(z))),
    logcdf=lambda z, a, b: special.log_ndtr(a + b * np.arcsinh(z)),
    logsf=lambda z, a, b: special.log_ndtr(-(a + b * np.arcsinh(z))),
    ppf=lambda q, a, b: np.sinh((special.ndtri(q) - a) / b), isf=lambda q, a, b: np.sinh(-(special.ndtri(q) + a) / b),
)  # fmt: skip


# ---- two exponential or power tails
def _gennorm_cdf(z: Any, beta: Any) -> Any:
    return both_sides(z, 0.5 * area_of_power(distance(z), 1.0 / beta, beta, above=True))


def _gennorm_quantile(q: Any, beta: Any) -> Any:
    right = np.greater(plain(q), 0.5)
    size = special.gammainccinv(1.0 / beta, 2.0 * np.where(right, 1.0 - q, q)) ** (1.0 / beta)
    return np.where(right, size, -size)


gennorm = Continuous(
    "gennorm", "beta",
    lambda z, beta: np.log(0.5 * beta) - special.gammaln(1.0 / beta) - np.abs(z) ** beta,
    _gennorm_cdf, lambda z, beta: _gennorm_cdf(-z, beta),
    ppf=_gennorm_quantile, isf=lambda q, beta: -_gennorm_quantile(q, beta),
)  # fmt: skip
laplace_asymmetric = Continuous(
    "laplace_asymmetric", "kappa",
    lambda z, kappa: -np.log(kappa + 1.0 / kappa) + np.where(np.less(plain(z), 0), z / kappa, -z * kappa),
)  # fmt: skip
# 1 + c*c - 2 c cos(z), without its cancellation
wrapcauchy = Continuous(
    "wrapcauchy", "c",
    lambda z, c: np.log1p(-c * c) - math.log(2.0 * math.pi)
    - np.log(np.square(1.0 - c) + 4.0 * c * np.square(np.sin(0.5 * z))),
    support=(0.0, 2.0 * math.pi), inside=1.0,
)  # fmt: skip
def _hypsecant_cdf(z: Any) -> Any:
    return both_sides(z, (2.0 / math.pi) * np.arctan(np.exp(-distance(z))))


def _hypsecant_logcdf(z: Any) -> Any:
    right = np.greater(plain(z), 0)
    tail = np.exp(np.where(right, 0.0, z))
    small = np.less(plain(tail), 1e-4)  # arctan(e) / e, where the exponential e may underflow
    share = np.where(small, 1.0 - tail * tail / 3.0, np.arctan(tail) / np.where(small, 1.0, tail))
    left = math.log(2.0 / math.pi) + np.where(right, 0.0, z) + np.log(share)
    return np.where(right, np.log1p(-(2.0 / math.pi) * np.arctan(np.exp(-distance(z)))), left)


hypsecant = Continuous(
    "hypsecant", "", lambda z: math.log(2.0 / math.pi) - np.logaddexp(z, -z),
    _hypsecant_cdf, lambda z: _hypsecant_cdf(-z), logcdf=_hypsecant_logcdf, logsf=lambda z: _hypsecant_logcdf(-z),
    ppf=lambda q: np.log(np.tan(0.5 * math.pi * q)), isf=lambda q: -np.log(np.tan(0.5 * math.pi * q)),
)  # fmt: skip
genlogistic = Continuous(
    "genlogistic", "c", lambda z, c: np.log(c) + c * special.log_expit(z) + special.log_expit(-z),
    lambda z, c: special.expit(z) ** c, lambda z, c: -np.expm1(c * special.log_expit(z)),
    logcdf=lambda z, c: c * special.log_expit(z),
    ppf=lambda q, c: -np.log(np.expm1(-np.log(q) / c)), isf=lambda q, c: -np.log(np.expm1(-np.log1p(-q) / c)),
)  # fmt: skip
norminvgauss = Continuous(  # of Barndorff-Nielsen, with tails exp(-(a ± b) |z|)
    "norminvgauss", "a b",
    lambda z, a, b: np.log(a / math.pi) - 0.5 * np.log1p(z * z) + np.log(special.k1e(a * np.sqrt(1.0 + z * z)))
    - a * np.sqrt(1.0 + z * z) + np.sqrt((a - b) * (a + b)) + b * z,
)  # fmt: skip
def _dgamma_cdf(z: Any, a: Any) -> Any:
    return both_sides(z, 0.5 * special.gammaincc(a, distance(z)))


dgamma = Continuous(
    "dgamma", "a", lambda z, a: -np.abs(z) - math.log(2.0) - special.gammaln(a),
    _dgamma_cdf, lambda z, a: _dgamma_cdf(-z, a), powers=lambda z, a: [(a - 1.0, np.abs(z))],
)  # fmt: skip
def _dweibull_cdf(z: Any, c: Any) -> Any:
    return both_sides(z, 0.5 * np.exp(-(distance(z) ** c)))


def _dweibull_logcdf(z: Any, c: Any) -> Any:
    size = distance(z) ** c
    return np.where(np.greater(plain(z), 0), np.log1p(-0.5 * np.exp(-size)), -size - math.log(2.0))


dweibull = Continuous(
    "dweibull", "c",
    lambda z, c: np.log(0.5 * c) - np.abs(z) ** c,
    _dweibull_cdf, lambda z, c: _dweibull_cdf(-z, c), logcdf=_dweibull_logcdf,
    logsf=lambda z, c: _dweibull_logcdf(-z, c), powers=lambda z, c: [(c - 1.0, np.abs(z))],
)  # fmt: skip
