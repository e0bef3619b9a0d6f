"""Distributions of positive numbers: durations, sizes, extremes. Each by its formulas, as in ``continuous``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from ..ops.shape import operand
from ..ops.special.exponential import log1p_over
from ..other_arrays import ones_like_value
from ..variable import plain
from .continuous import HALF_LOG_2PI, POSITIVE, odds_cdf, odds_sf
from .distribution import Continuous, log_erfc, log_i0

TINY = float(np.finfo(np.float64).tiny)
ABOVE = (TINY, math.inf)  # the density has a logarithm of z in it, and no value at 0


# ---- powers and roots of a gamma variable
def area_of_power(z: Any, a: Any, c: Any, rate: Any = 1.0, above: bool = False) -> Any:
    """Return the area up to z, or above it, where rate * z**c has the gamma distribution with the parameter a.

    Where the power is 0 and a < 1 the derivative would be inf * 0; there it is that of the first term of the series.
    """
    end = np.equal(plain(rate) * plain(z) ** plain(c), 0) & np.less(plain(a), 1)
    one = ones_like_value((), operand(plain(z)).dtype, plain(z))  # float32 stays
    a = a * one if a.__class__ is float else a
    first = np.where(end, z, 0.0) ** (a * c) * np.where(end, rate, one) ** a * np.exp(-special.gammaln(a + 1.0))
    area = (special.gammaincc if above else special.gammainc)(a, rate * np.where(end, 1.0, z) ** c)
    return np.where(end, 1.0 - first if above else first, area)


def _root_of_gamma(name: str, shapes: str, logpdf: Any, a: Any, rate: Any, power: Any) -> Continuous:
    """Return a distribution of z whose rate * z**2 has the gamma distribution with the parameter a."""
    return Continuous(
        name, shapes, logpdf,
        lambda z, *s: area_of_power(z, a(*s), 2.0, rate(*s)),
        lambda z, *s: area_of_power(z, a(*s), 2.0, rate(*s), above=True), POSITIVE, 1.0,
        ppf=lambda q, *s: np.sqrt(special.gammaincinv(a(*s), q) / rate(*s)),
        isf=lambda q, *s: np.sqrt(special.gammainccinv(a(*s), q) / rate(*s)), powers=lambda z, *s: [(power(*s), z)],
    )  # fmt: skip


chi = _root_of_gamma(
    "chi", "df",
    lambda z, df: (1.0 - 0.5 * df) * math.log(2.0) - special.gammaln(0.5 * df) - 0.5 * z * z,
    lambda df: 0.5 * df, lambda df: 0.5, lambda df: df - 1.0,
)  # fmt: skip
maxwell = _root_of_gamma(
    "maxwell", "", lambda z: 0.5 * math.log(2.0 / math.pi) - 0.5 * z * z,
    lambda: 1.5, lambda: 0.5, lambda: 2.0,
)  # fmt: skip
nakagami = _root_of_gamma(
    "nakagami", "nu",
    lambda z, nu: math.log(2.0) + special.xlogy(nu, nu) - special.gammaln(nu) - nu * z * z,
    lambda nu: nu, lambda nu: nu, lambda nu: 2.0 * nu - 1.0,
)  # fmt: skip
rayleigh = Continuous(
    "rayleigh", "", lambda z: -0.5 * z * z, lambda z: -np.expm1(-0.5 * z * z),
    lambda z: np.exp(-0.5 * z * z), POSITIVE, 1.0, logsf=lambda z: -0.5 * z * z,
    ppf=lambda q: np.sqrt(-2.0 * np.log1p(-q)), isf=lambda q: np.sqrt(-2.0 * np.log(q)),
    powers=lambda z: [(1.0, z)],
)  # fmt: skip
rice = Continuous(
    "rice", "b", lambda z, b: -0.5 * np.square(z - b) + log_i0(z * b), support=POSITIVE, inside=1.0,
    powers=lambda z, b: [(1.0, z)],
)  # fmt: skip
levy = Continuous(
    "levy", "", lambda z: -HALF_LOG_2PI - 1.5 * np.log(z) - 0.5 / z, lambda z: special.erfc(np.sqrt(0.5 / z)),
    lambda z: special.erf(np.sqrt(0.5 / z)), ABOVE, 1.0,
    logcdf=lambda z: log_erfc(np.sqrt(0.5 / z)),
    ppf=lambda q: 0.5 / np.square(special.erfcinv(q)), isf=lambda q: 0.5 / np.square(special.erfinv(q)),
)  # fmt: skip
invgauss = Continuous(
    "invgauss", "mu",
    lambda z, mu: -HALF_LOG_2PI - 1.5 * np.log(z) - 0.5 * np.square(z / mu - 1.0) / z, support=ABOVE, inside=1.0,
)  # fmt: skip


# ---- by the logarithm of the survival function
def _by_survival(
    name: str, shapes: str, logpdf: Any, logsf: Any, inverse: Any, support: Any = POSITIVE, inside: Any = 1.0,
    powers: Any = None,
) -> Continuous:
    """Return a distribution with the survival function exp(logsf(z)); inverse: z at which -logsf is the given number.
    """
    return Continuous(
        name, shapes, logpdf,
        lambda z, *s: -np.expm1(logsf(z, *s)), lambda z, *s: np.exp(logsf(z, *s)), support, inside, logsf=logsf,
        ppf=lambda q, *s: inverse(-np.log1p(-q), *s), isf=lambda q, *s: inverse(-np.log(q), *s), powers=powers,
    )  # fmt: skip


def _log1p_power(z: Any, c: Any) -> Any:
    """Return log(1 + z**c), where the power may overflow."""
    low = np.less(plain(z), 1)
    small, large = np.where(low, z, 1.0), np.where(low, 1.0, z)
    return np.where(low, np.log1p(small**c), c * np.log(large) + np.log1p(large**-c))


lomax = _by_survival(
    "lomax", "c", lambda z, c: np.log(c) - (c + 1.0) * np.log1p(z), lambda z, c: -c * np.log1p(z),
    lambda h, c: np.expm1(h / c),
)  # fmt: skip
gompertz = _by_survival(
    "gompertz", "c", lambda z, c: np.log(c) + z - c * np.expm1(z), lambda z, c: -c * np.expm1(z),
    lambda h, c: np.log1p(h / c),
)  # fmt: skip
burr12 = _by_survival(
    "burr12", "c d",
    lambda z, c, d: np.log(c) + np.log(d) - (d + 1.0) * _log1p_power(z, c),
    lambda z, c, d: -d * _log1p_power(z, c), lambda h, c, d: np.expm1(h / d) ** (1.0 / c),
    powers=lambda z, c, d: [(c - 1.0, z)],
)  # fmt: skip


def end_power(base: Any, p: Any, end: Any) -> tuple[Any, Any]:
    """Return exponent and base of a factor of the density at an end of the support, where base is 0 but for roundings;
    elsewhere 1."""
    return np.where(end, p, 1.0), np.where(end, base - plain(base), 1.0)


def power_at_end(base: Any, p: Any, end: Any) -> Any:
    p, base = end_power(base, p, end)
    return base**p


def growth(size: Any, c: Any) -> Any:
    """Return (exp(c size) - 1) / c, smooth at c = 0, with its limits at an infinite size."""
    infinite = np.isinf(plain(size))
    bounded = infinite & np.less(plain(c) * np.sign(plain(size)), 0)
    limit = np.where(bounded, -1.0 / np.where(bounded, c, 1.0), plain(size))
    size = np.where(infinite, 0.0, size)
    return np.where(infinite, limit, size * special.exprel(c * size))


def _pareto_end(z: Any, c: Any) -> Any:
    return np.less_equal(1.0 + plain(c) * plain(z), 0)


def _pareto_logsf(z: Any, c: Any) -> Any:
    """Return -log(1 + c z) / c, smooth at c = 0."""
    z = np.where(_pareto_end(z, c), 0.0, z)
    return -(z * log1p_over(c * z))


def _pareto_sf(z: Any, c: Any) -> Any:
    end = _pareto_end(z, c)
    tail = power_at_end(1.0 + c * z, -1.0 / np.where(end, c, 1.0), end)
    return np.where(end, tail, np.exp(_pareto_logsf(z, c)))


genpareto = Continuous(
    "genpareto", "c", lambda z, c: (c + 1.0) * _pareto_logsf(z, c),
    lambda z, c: np.where(_pareto_end(z, c), 1.0 - _pareto_sf(z, c), -np.expm1(_pareto_logsf(z, c))), _pareto_sf,
    lambda c: (0.0, np.where(c < 0, -1.0 / np.where(c < 0, c, 1.0), math.inf)),
    lambda c: np.where(c < 0, -0.5 / np.where(c < 0, c, 1.0), 1.0),
    logsf=lambda z, c: np.where(_pareto_end(z, c), -math.inf, _pareto_logsf(z, c)),
    ppf=lambda q, c: growth(-np.log1p(-q), c), isf=lambda q, c: growth(-np.log(q), c),
    powers=lambda z, c: [end_power(1.0 + c * z, -1.0 - 1.0 / np.where(plain(c) == 0, 1.0, c), _pareto_end(z, c))],
)  # fmt: skip


# ---- powers, and bounded ones
def _fisk_area(z: Any, c: Any, above: bool) -> Any:
    """Return z**c / (1 + z**c), or the rest, by the power that does not overflow."""
    low = np.less(plain(z), 1)
    small = np.where(low, np.where(low, z, 1.0) ** c, np.where(low, 1.0, z) ** -c)
    return np.where(low != above, small, 1.0) / (1.0 + small)


fisk = Continuous(
    "fisk", "c", lambda z, c: np.log(c) - 2.0 * _log1p_power(z, c),
    lambda z, c: _fisk_area(z, c, False), lambda z, c: _fisk_area(z, c, True), POSITIVE, 1.0,
    logcdf=lambda z, c: special.log_expit(c * np.log(z)), logsf=lambda z, c: -_log1p_power(z, c),
    ppf=lambda q, c: np.exp(special.logit(q) / c), isf=lambda q, c: np.exp(-special.logit(q) / c),
    powers=lambda z, c: [(c - 1.0, z)],
)  # fmt: skip
invweibull = Continuous(
    "invweibull", "c", lambda z, c: np.log(c) - (c + 1.0) * np.log(z) - z**-c, lambda z, c: np.exp(-(z**-c)),
    lambda z, c: -np.expm1(-(z**-c)), ABOVE, 1.0, logcdf=lambda z, c: -(z**-c),
    ppf=lambda q, c: (-np.log(q)) ** (-1.0 / c), isf=lambda q, c: (-np.log1p(-q)) ** (-1.0 / c),
)  # fmt: skip
betaprime = Continuous(
    "betaprime", "a b",
    lambda z, a, b: -(a + b) * np.log1p(z) - special.betaln(a, b),
    odds_cdf, odds_sf,
    POSITIVE, 1.0, powers=lambda z, a, b: [(a - 1.0, z)],
)  # fmt: skip


def _powerlaw_sf(z: Any, a: Any) -> Any:
    """Return 1 - z**a: near 1 with all its digits, and differentiated at 0."""
    small = np.less(plain(z), 0.5)
    return np.where(small, 1.0 - np.where(small, z, 0.5) ** a, -np.expm1(a * np.log(np.where(small, 0.5, z))))


powerlaw = Continuous(
    "powerlaw", "a", lambda z, a: np.log(a), lambda z, a: z**a,
    _powerlaw_sf, (0.0, 1.0), 0.5,
    logcdf=lambda z, a: a * np.log(z), ppf=lambda q, a: q ** (1.0 / a),
    isf=lambda q, a: np.exp(np.log1p(-q) / a), powers=lambda z, a: [(a - 1.0, z)],
)  # fmt: skip
loguniform = Continuous(
    "loguniform", "a b", lambda z, a, b: -np.log(z) - np.log(np.log(b / a)),
    lambda z, a, b: np.log(z / a) / np.log(b / a), lambda z, a, b: np.log(b / z) / np.log(b / a),
    lambda a, b: (a, b), lambda a, b: np.sqrt(a * b),
    ppf=lambda q, a, b: a * np.exp(q * np.log(b / a)), isf=lambda q, a, b: b * np.exp(-q * np.log(b / a)),
)  # fmt: skip
gengamma = Continuous(
    "gengamma", "a c",
    lambda z, a, c: np.log(c) - special.gammaln(a) - z**c,
    area_of_power, lambda z, a, c: area_of_power(z, a, c, above=True), POSITIVE, 1.0,
    ppf=lambda q, a, c: special.gammaincinv(a, q) ** (1.0 / c),
    isf=lambda q, a, c: special.gammainccinv(a, q) ** (1.0 / c), powers=lambda z, a, c: [(c * a - 1.0, z)],
)  # fmt: skip


def _log_share(z: Any, c: Any) -> Any:
    """Return log(1 - exp(-z**c)) less c log z: a smooth function of the power. At 0 it is a constant: the power may
    have an infinite derivative, and what it is multiplied with is 0 of a higher order."""
    return np.log(special.exprel(-(np.where(np.equal(plain(z), 0), 0.0, z) ** c)))


def _exponweib_logcdf(z: Any, a: Any, c: Any) -> Any:
    far = np.greater(plain(z), 1)
    near, tail = np.where(far, 1.0, z), np.where(far, z, 1.0)
    return a * np.where(far, np.log1p(-np.exp(-(tail**c))), c * np.log(near) + _log_share(near, c))


def _exponweib_cdf(z: Any, a: Any, c: Any) -> Any:
    far = np.greater(plain(z), 1)
    near, tail = np.where(far, 1.0, z), np.where(far, z, 1.0)
    return np.where(far, (-np.expm1(-(tail**c))) ** a, near ** (a * c) * np.exp(a * _log_share(near, c)))


def _exponweib_sf(z: Any, a: Any, c: Any) -> Any:
    far = np.greater(plain(z), 1)
    tail = np.where(far, z, 1.0)
    return np.where(far, -np.expm1(a * np.log1p(-np.exp(-(tail**c)))), 1.0 - _exponweib_cdf(z, a, c))


exponweib = Continuous(
    "exponweib", "a c",
    lambda z, a, c: np.log(a) + np.log(c) + (a - 1.0) * _log_share(z, c) - z**c,
    _exponweib_cdf, _exponweib_sf, POSITIVE, 1.0, logcdf=_exponweib_logcdf, powers=lambda z, a, c: [(a * c - 1.0, z)],
    ppf=lambda q, a, c: (-np.log1p(-(q ** (1.0 / a)))) ** (1.0 / c),
    isf=lambda q, a, c: (-np.log(-np.expm1(np.log1p(-q) / a))) ** (1.0 / c),
)  # fmt: skip
exponpow = _by_survival(
    "exponpow", "b", lambda z, b: 1.0 + np.log(b) + z**b - np.exp(z**b),
    lambda z, b: -np.expm1(z**b), lambda h, b: np.log1p(h) ** (1.0 / b), powers=lambda z, b: [(b - 1.0, z)],
)  # fmt: skip
def _halflogistic_logsf(z: Any) -> Any:
    near = np.less(plain(z), 1)
    tail = math.log(2.0) + special.log_expit(-np.where(near, 1.0, z))
    return np.where(near, -np.log1p(0.5 * np.expm1(np.where(near, z, 0.0))), tail)


halflogistic = Continuous(
    "halflogistic", "", lambda z: math.log(2.0) + special.log_expit(z) + special.log_expit(-z),
    lambda z: np.tanh(0.5 * z), lambda z: 2.0 * special.expit(-z), POSITIVE, 1.0,
    logsf=_halflogistic_logsf,
    ppf=lambda q: 2.0 * np.arctanh(q), isf=lambda q: np.log((2.0 - q) / q),
)  # fmt: skip
foldnorm = Continuous(
    "foldnorm", "c", lambda z, c: -HALF_LOG_2PI - 0.5 * np.square(z - c) + np.log1p(np.exp(-2.0 * c * z)),
    lambda z, c: special.ndtr(z - c) - special.ndtr(-c - z), lambda z, c: special.ndtr(c - z) + special.ndtr(-c - z),
    POSITIVE, 1.0,
)  # fmt: skip
def _loglaplace_area(z: Any, c: Any, above: bool) -> Any:
    low = np.less(plain(z), 1)
    beyond = 0.5 * np.where(low, np.where(low, z, 1.0) ** c, np.where(low, 1.0, z) ** -c)
    return np.where(low != above, beyond, 1.0 - beyond)


loglaplace = Continuous(
    "loglaplace", "c", lambda z, c: np.log(0.5 * c) + 0.0 * z,
    lambda z, c: _loglaplace_area(z, c, False), lambda z, c: _loglaplace_area(z, c, True), POSITIVE, 1.5,
    powers=lambda z, c: [(np.where(np.less(plain(z), 1), c, -c) - 1.0, z)],
    ppf=lambda q, c: np.where(np.less(plain(q), 0.5), 2.0 * q, 0.5 / (1.0 - q)) ** (1.0 / c),
    isf=lambda q, c: np.where(np.less(plain(q), 0.5), 0.5 / q, 2.0 * (1.0 - q)) ** (1.0 / c),
)  # fmt: skip
wald = Continuous(
    "wald", "", lambda z: -HALF_LOG_2PI - 1.5 * np.log(z) - 0.5 * np.square(z - 1.0) / z, support=ABOVE, inside=1.0,
)  # fmt: skip
weibull_max = Continuous(
    "weibull_max", "c", lambda z, c: np.log(c) - (-z) ** c,
    lambda z, c: np.exp(-((-z) ** c)), lambda z, c: -np.expm1(-((-z) ** c)), (-math.inf, 0.0), -1.0,
    logcdf=lambda z, c: -((-z) ** c),
    ppf=lambda q, c: -((-np.log(q)) ** (1.0 / c)), isf=lambda q, c: -((-np.log1p(-q)) ** (1.0 / c)),
    powers=lambda z, c: [(c - 1.0, -z)],
)  # fmt: skip
