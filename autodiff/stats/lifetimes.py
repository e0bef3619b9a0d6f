"""Distributions of positive numbers: durations, sizes, extremes. Each by its formulas, as in ``continuous``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from ..ops.special.exponential import log1p_over
from ..variable import plain
from .continuous import HALF_LOG_2PI, POSITIVE
from .distribution import Continuous

TINY = float(np.finfo(np.float64).tiny)
ABOVE = (TINY, math.inf)  # the density has a logarithm of z in it, and no value at 0


# ---- powers and roots of a gamma variable
def _root_of_gamma(name: str, shapes: str, logpdf: Any, a: Any, rate: Any, power: Any) -> Continuous:
    """Return a distribution of z whose rate * z**2 has the gamma distribution with the parameter a."""
    return Continuous(
        name, shapes, logpdf,
        lambda z, *s: special.gammainc(a(*s), rate(*s) * z * z),
        lambda z, *s: special.gammaincc(a(*s), rate(*s) * z * z), POSITIVE, 1.0,
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
    "rice", "b", lambda z, b: -0.5 * np.square(z - b) + np.log(special.i0e(z * b)), support=POSITIVE, inside=1.0,
    powers=lambda z, b: [(1.0, z)],
)  # fmt: skip
levy = Continuous(
    "levy", "", lambda z: -HALF_LOG_2PI - 1.5 * np.log(z) - 0.5 / z, lambda z: special.erfc(np.sqrt(0.5 / z)),
    lambda z: special.erf(np.sqrt(0.5 / z)), ABOVE, 1.0,
    ppf=lambda q: 0.5 / np.square(special.erfcinv(q)), isf=lambda q: 0.5 / np.square(special.erfinv(q)),
)  # fmt: skip
invgauss = Continuous(
    "invgauss", "mu",
    lambda z, mu: -HALF_LOG_2PI - 1.5 * np.log(z) - 0.5 * np.square((z - mu) / mu) / z, support=ABOVE, inside=1.0,
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
    lambda z, c, d: np.log(c) + np.log(d) - (d + 1.0) * np.log1p(z**c),
    lambda z, c, d: -d * np.log1p(z**c), lambda h, c, d: np.expm1(h / d) ** (1.0 / c),
    powers=lambda z, c, d: [(c - 1.0, z)],
)  # fmt: skip
genpareto = _by_survival(  # the logarithm of 1 + c z over c, smooth at c = 0
    "genpareto", "c", lambda z, c: -(c + 1.0) * (z * log1p_over(c * z)), lambda z, c: -(z * log1p_over(c * z)),
    lambda h, c: h * special.exprel(c * h),
    lambda c: (0.0, np.where(c < 0, -1.0 / np.where(c < 0, c, 1.0), math.inf)),
    lambda c: np.where(c < 0, -0.5 / np.where(c < 0, c, 1.0), 1.0),
)  # fmt: skip

# ---- powers, and bounded ones
fisk = Continuous(
    "fisk", "c", lambda z, c: np.log(c) + special.xlogy(c - 1.0, z) - 2.0 * np.log1p(z**c),
    lambda z, c: special.expit(c * np.log(z)), lambda z, c: special.expit(-c * np.log(z)), ABOVE, 1.0,
    logcdf=lambda z, c: special.log_expit(c * np.log(z)), logsf=lambda z, c: special.log_expit(-c * np.log(z)),
    ppf=lambda q, c: np.exp(special.logit(q) / c), isf=lambda q, c: np.exp(-special.logit(q) / c),
)  # fmt: skip
invweibull = Continuous(
    "invweibull", "c", lambda z, c: np.log(c) - (c + 1.0) * np.log(z) - z**-c, lambda z, c: np.exp(-(z**-c)),
    lambda z, c: -np.expm1(-(z**-c)), ABOVE, 1.0, logcdf=lambda z, c: -(z**-c),
    ppf=lambda q, c: (-np.log(q)) ** (-1.0 / c), isf=lambda q, c: (-np.log1p(-q)) ** (-1.0 / c),
)  # fmt: skip
betaprime = Continuous(
    "betaprime", "a b",
    lambda z, a, b: -(a + b) * np.log1p(z) - special.betaln(a, b),
    lambda z, a, b: special.betainc(a, b, z / (1.0 + z)), lambda z, a, b: special.betainc(b, a, 1.0 / (1.0 + z)),
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
    lambda z, a, c: special.gammainc(a, z**c), lambda z, a, c: special.gammaincc(a, z**c), POSITIVE, 1.0,
    ppf=lambda q, a, c: special.gammaincinv(a, q) ** (1.0 / c),
    isf=lambda q, a, c: special.gammainccinv(a, q) ** (1.0 / c), powers=lambda z, a, c: [(c * a - 1.0, z)],
)  # fmt: skip
exponweib = Continuous(
    "exponweib", "a c",
    lambda z, a, c: np.log(a) + np.log(c) + (a - 1.0) * np.log(-np.expm1(-(z**c))) - z**c + special.xlogy(c - 1.0, z),
    lambda z, a, c: (-np.expm1(-(z**c))) ** a, lambda z, a, c: -np.expm1(a * np.log(-np.expm1(-(z**c)))), ABOVE, 1.0,
    logcdf=lambda z, a, c: a * np.log(-np.expm1(-(z**c))),
    ppf=lambda q, a, c: (-np.log1p(-(q ** (1.0 / a)))) ** (1.0 / c),
    isf=lambda q, a, c: (-np.log(-np.expm1(np.log1p(-q) / a))) ** (1.0 / c),
)  # fmt: skip
exponpow = _by_survival(
    "exponpow", "b", lambda z, b: 1.0 + np.log(b) + z**b - np.exp(z**b),
    lambda z, b: -np.expm1(z**b), lambda h, b: np.log1p(h) ** (1.0 / b), powers=lambda z, b: [(b - 1.0, z)],
)  # fmt: skip
halflogistic = Continuous(
    "halflogistic", "", lambda z: math.log(2.0) + special.log_expit(z) + special.log_expit(-z),
    lambda z: np.tanh(0.5 * z), lambda z: 2.0 * special.expit(-z), POSITIVE, 1.0,
    logsf=lambda z: math.log(2.0) + special.log_expit(-z),
    ppf=lambda q: 2.0 * np.arctanh(q), isf=lambda q: np.log((2.0 - q) / q),
)  # fmt: skip
foldnorm = Continuous(
    "foldnorm", "c", lambda z, c: -HALF_LOG_2PI - 0.5 * np.square(z - c) + np.log1p(np.exp(-2.0 * c * z)),
    lambda z, c: special.ndtr(z - c) - special.ndtr(-c - z), lambda z, c: special.ndtr(c - z) + special.ndtr(-c - z),
    POSITIVE, 1.0,
)  # fmt: skip
loglaplace = Continuous(
    "loglaplace", "c", lambda z, c: np.log(0.5 * c) - np.log(z) - c * np.abs(np.log(z)),
    lambda z, c: np.where(np.less(plain(z), 1), 0.5 * z**c, 1.0 - 0.5 * z**-c),
    lambda z, c: np.where(np.less(plain(z), 1), 1.0 - 0.5 * z**c, 0.5 * z**-c), ABOVE, 1.5,
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
