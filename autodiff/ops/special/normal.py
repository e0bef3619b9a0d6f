"""Rows of the normal family: the error function and others, the normal distribution and its inverse, logit, exprel.

Signatures are SciPy's. The derivative of a row is another row whose digits are right, never a difference: the Gaussian
with an exact square, the repeated integrals of erfc, moments of an exponential.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...registry import op
from ..kernels import erf as _erf
from ..kernels import erfc as _erfc
from .blocks import evaluate, special_row
from .values import normal as values

ROOT_HALF = math.sqrt(0.5)
UNIT = (0.0, 1.0)


def _exp_square(x: Any, factor: float = -1.0) -> Any:
    return evaluate(values.exp_square, x, single=values.exp_square_single, factor=factor)


exp_square = op(
    _exp_square,
    name="exp_square",
    vjp=lambda g, y, x, factor: (2.0 * factor) * g * y * x,
    elementwise=True,
    public=False,
    singular=True,
    samples=((((3,),), {}), (((2,),), {"factor": -0.5})),
    doc="Return exp(factor x²) without the rounding of the square.",
)


def density(x: Any) -> Any:
    """Return the normal density exp(-x²/2) / sqrt(2 pi)."""
    return exp_square(x, factor=-0.5) * (1.0 / math.sqrt(2.0 * math.pi))


# ---- the error function
erf = op(
    _erf,
    name="erf",
    vjp=lambda g, x: g * ((2.0 / math.sqrt(math.pi)) * exp_square(x)),
    elementwise=True,
    scalar=math.erf,
    doc="Return the error function 2/sqrt(pi) ∫ exp(-t²), within 2 ulp (``scipy.special.erf``).",
    saturates=True,
)
erfc = op(
    _erfc,
    name="erfc",
    vjp=lambda g, x: g * ((-2.0 / math.sqrt(math.pi)) * exp_square(x)),
    elementwise=True,
    scalar=math.erfc,
    reference=lambda x: 1.0 - erf(x),
    doc="Return 1 - erf(x) without cancellation, within 6 ulp where it does not underflow (``scipy.special.erfc``).",
    saturates=True,
)
erfcx = special_row(
    values.erfcx,
    "Return exp(x²) erfc(x), within 3 ulp (``scipy.special.erfcx``; NIST DLMF 7.2).",
    lambda g, x: -2.0 * g * scaled_integral(x, n=1),
)


def _scaled_integral(x: Any, n: int = 1) -> Any:
    return evaluate(values.scaled_integral, x, n=n)


scaled_integral: Any = op(
    _scaled_integral,
    name="erfc_integral_scaled",
    vjp=lambda g, x, n: -2.0 * (n + 1) * g * scaled_integral(x, n=n + 1),
    elementwise=True,
    public=False,
    singular=True,
    samples=((((3,),), {}), (((2,),), {"n": 2})),
    doc="Return exp(x²) times the n-th repeated integral of erfc (NIST DLMF 7.18).",
)


def _dawsn(x: Any, m: int = 0) -> Any:
    return evaluate(values.dawsn, x, m=m)


_dawsn_row: Any = op(
    _dawsn,
    name="dawsn",
    vjp=lambda g, x, m: g * _dawsn_row(x, m=m + 1),
    elementwise=True,
    public=False,
    samples=((((3,),), {}), (((2,),), {"m": 1}), (((2,),), {"m": 2})),
    doc="Return Dawson's integral, m times differentiated.",
)


def dawsn(x: Any) -> Any:
    """Return exp(-x²) times the integral of exp(t²) over 0..x, within 4 ulp (``scipy.special.dawsn``; NIST DLMF 7.2.5).

    >>> import autodiff as ad
    >>> x = ad.tensor([0.0, 2.0])
    >>> ad.special.dawsn(x).sum().backward(); x.grad.round(4)
    array([ 1.    , -0.2054])
    """
    return _dawsn_row(x)


# ---- the normal distribution
ndtr = special_row(
    values.ndtr,
    "Return the normal distribution Φ(x), within 4 ulp as far as it does not underflow (``scipy.special.ndtr``).",
    lambda g, x: g * density(x),
    single=values.ndtr_single,
    saturates=True,
)
def _log_ndtr_vjp(g: Any, x: Any) -> Any:
    """Return density(x) / Φ(x), on the left by erfcx, which does not underflow there and overflows on the right."""
    right = np.greater(x, 0.0)
    low, high = np.where(right, -1.0, x), np.where(right, x, 1.0)
    return g * np.where(right, density(high) / ndtr(high), math.sqrt(2.0 / math.pi) / erfcx(-ROOT_HALF * low))


log_ndtr = special_row(
    values.log_ndtr,
    "Return log Φ(x), within 4 ulp (``scipy.special.log_ndtr``).",
    _log_ndtr_vjp,
)
ndtri_slope = special_row(
    values.ndtri_slope,
    "Return the derivative of ndtri.",
    lambda g, y, x: g * ndtri(x) * y * y,
    domain=UNIT,
)
ndtri: Any = special_row(
    values.ndtri,
    "Return the inverse of Φ, within 8 ulp (``scipy.special.ndtri``; Wichura 1988, Algorithm AS 241).",
    lambda g, x: g * ndtri_slope(x),
    domain=UNIT,
)
ndtri_exp = special_row(
    values.ndtri_exp,
    "Return the inverse of log_ndtr, within 8 ulp (``scipy.special.ndtri_exp``).",
    lambda g, y: g * (math.sqrt(0.5 * math.pi) * erfcx(-ROOT_HALF * y)),
    domain=(-math.inf, 0.0),
    example=""">>> import autodiff as ad
>>> y = ad.tensor([-1000.0, -1.0])
>>> ad.special.ndtri_exp(y).sum().backward(); y.grad.round(4)
array([0.0224, 0.9762])""",
)
erfinv = special_row(
    values.erfinv,
    "Return the inverse of erf, within 8 ulp (``scipy.special.erfinv``).",
    lambda g, y: g * ((0.5 * math.sqrt(math.pi)) * exp_square(y, factor=1.0)),
    domain=(-1.0, 1.0),
)
erfcinv = special_row(
    values.erfcinv,
    "Return the inverse of erfc, within 8 ulp (``scipy.special.erfcinv``).",
    lambda g, x: g * (-0.5 * ROOT_HALF) * ndtri_slope(0.5 * x),
    domain=(0.0, 2.0),
)


owens_t = special_row(
    values.owens_t,
    "Return Owen's T, the probability that X > h and 0 < Y < a X for two independent normal numbers, within 8 ulp "
    "(``scipy.special.owens_t``; Owen 1956, https://doi.org/10.1214/aoms/1177728074): the skew normal distribution's "
    "cdf is ndtr(x) - 2 owens_t(x, shape).",
    (
        lambda g, h, a: -0.5 * g * density(h) * erf(ROOT_HALF * (a * h)),
        lambda g, h, a: (
            g * (1.0 / (2.0 * math.pi)) * exp_square(h, factor=-0.5) * exp_square(a * h, factor=-0.5) / (1.0 + a * a)
        ),
    ),
    inputs="h a",
)


# ---- logit and exprel
def _logit(x: Any) -> Any:
    """Return log(x / (1 - x)); near 1/2, where the quotient is near 1, by its difference from 1."""
    return np.where(np.abs(x - 0.5) < 0.2, np.log1p((2.0 * x - 1.0) / (1.0 - x)), np.log(x / (1.0 - x)))


logit = special_row(
    _logit,
    "Return log(x / (1 - x)), the inverse of expit, within 4 ulp (``scipy.special.logit``).",
    lambda g, x: g / (x * (1.0 - x)),
    name="logit",
    domain=UNIT,
    guard="(x > 0) & (x < 1)",
)


def _exp_moment(x: Any, m: int = 0) -> Any:
    return evaluate(values.exp_integral, x, m=m)


_exp_moment_row: Any = op(
    _exp_moment,
    name="exp_moment",
    vjp=lambda g, x, m: g * _exp_moment_row(x, m=m + 1),
    elementwise=True,
    public=False,
    singular=True,
    samples=((((3,),), {}), (((2,),), {"m": 2})),
    doc="Return ∫ t**m exp(x t) over 0..1.",
)
exprel = special_row(
    lambda x: values.exp_integral(x, 0),
    "Return (exp(x) - 1) / x, 1 at 0, within 8 ulp (``scipy.special.exprel``).",
    lambda g, x: g * _exp_moment_row(x, m=1),
    name="exprel",
)
