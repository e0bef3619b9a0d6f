"""Rows of the gamma family: gamma, its logarithm and the derivatives of that, zeta, beta, and the incomplete gamma
functions.

Signatures are SciPy's. Every derivative is a row again, so that all orders exist: digamma, polygamma, and for beta the
difference of two of them, which no subtraction can give when one argument is much larger.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import MissingRuleError
from ...registry import op
from ...variable import Variable, is_live, plain
from ..shape import operand
from .blocks import evaluate, special_row
from .entropy import xlogy
from .values import gamma as values
from .values import incomplete_gamma as incomplete
from .values.gamma_moments import log_moment

POSITIVE = (0.0, math.inf)


def constant(function: str, argument: str, value: Any) -> Any:
    """Return the value of an argument that has no derivative; raise when it is recorded."""
    if isinstance(value, Variable):
        if is_live(value):
            raise MissingRuleError(
                f"{function} has no derivative in its argument {argument}, and the one given is recorded. "
                f"Write {argument}.data to hold it constant; the derivative in the last argument is kept."
            )
        return plain(value)
    return value


def weak(x: Any) -> Any:
    """Return a Python number as it is, which promotes nothing, anything else as an array or a handle."""
    return x if isinstance(x, (int, float)) else operand(x)


def order(function: str, n: Any) -> int:
    """Return an order as an int; raise TypeError when it is none."""
    value = n.item() if isinstance(n, (np.ndarray, np.generic)) and np.size(n) == 1 else n
    if isinstance(value, (int, float)) and float(value).is_integer():
        return int(value)
    raise TypeError(f"{function}: the order must be one whole number, which is not differentiated; got {n!r}.")


# ---- gamma, its logarithm, and the derivatives of that
gammaln = special_row(
    values.gammaln,
    "Return log |gamma(x)|, within 2 ulp for x > 0 (``scipy.special.gammaln``; NIST DLMF 5.2, 5.11).",
    lambda g, x: g * digamma(x),
    domain=POSITIVE,
)
gamma = special_row(
    values.gamma,
    "Return the gamma function, within 4 ulp (``scipy.special.gamma``; NIST DLMF 5.2).",
    lambda g, y, x: g * y * digamma(x),
    domain=POSITIVE,
)
digamma: Any = special_row(
    values.digamma,
    "Return the derivative of gammaln, within 2 ulp for x > 0 (``scipy.special.digamma``; NIST DLMF 5.2.2).",
    lambda g, x: g * _polygamma_row(x, n=1),
    domain=POSITIVE,
)


def _polygamma(x: Any, n: int = 1) -> Any:
    return evaluate(values.polygamma, x, n=n)


_polygamma_row: Any = op(
    _polygamma,
    name="polygamma",
    vjp=lambda g, x, n: g * _polygamma_row(x, n=n + 1),
    elementwise=True,
    public=False,
    singular=True,
    domain=POSITIVE,
    samples=((((3,),), {}), (((2,),), {"n": 2})),
    doc="Return the n-th derivative of digamma.",
)


def polygamma(n: Any, x: Any) -> Any:
    """Evaluate the n-th derivative of digamma, within 8 ulp for x > 0 (``scipy.special.polygamma``).

    n: one whole number, 0 or more. x: any shape. By Hurwitz's zeta (NIST DLMF 25.11.12). Raises TypeError or ValueError
    for another n.

    >>> import autodiff as ad
    >>> round(float(ad.special.polygamma(1, 1.0)), 4)
    1.6449
    """
    whole = order("polygamma", n)
    if whole < 0:
        raise ValueError(f"polygamma: n must be 0 or more; got {n!r}.")
    return digamma(x) if whole == 0 else _polygamma_row(x, n=whole)


def _polygamma_difference(a: Any, b: Any, n: int = 0) -> Any:
    return evaluate(values.polygamma_difference, a, b, n=n)


polygamma_difference: Any = op(
    _polygamma_difference,
    name="polygamma_difference",
    vjp=(lambda g, a, b, n: g * polygamma_difference(a, b, n=n + 1), lambda g, a, b, n: g * polygamma(n + 1, a + b)),
    elementwise=True,
    public=False,
    singular=True,
    domain=(POSITIVE, POSITIVE),
    samples=((((3,), (3,)), {}), (((2,), ()), {"n": 1})),
    doc="Return polygamma(n, a + b) - polygamma(n, a) without cancellation: the derivatives of betaln.",
)


_rgamma_row: Any = special_row(
    values.rgamma,
    "Return 1 / gamma(x), x > 0.",
    lambda g, y, x: -g * y * digamma(x),
    domain=POSITIVE,
)


def rgamma(x: Any) -> Any:
    """Return 1 / gamma(x), within 8 ulp: 0, with a derivative, at the poles of gamma (``scipy.special.rgamma``).

    >>> import autodiff as ad
    >>> x = ad.tensor([-1.0, 0.0, 3.0])
    >>> ad.special.rgamma(x).sum().backward(); x.grad.round(4)
    array([-1.    ,  1.    , -0.4614])
    """
    x = operand(x)
    right = np.greater_equal(x, 0.5)
    y = _rgamma_row(np.where(right, x, 1.0))
    whole = np.where(right, 0.0, np.rint(plain(x)))[()]
    left = np.where(right, 0.25, x)
    sine = np.sin(math.pi * (left - whole)) * (1.0 - 2.0 * np.abs(np.fmod(whole, 2.0)))
    return np.where(right, y, sine * gamma(1.0 - left) * (1.0 / math.pi))  # by reflection (NIST DLMF 5.5.3)


_poch_row: Any = special_row(
    values.poch,
    "Return gamma(z + m) / gamma(z), for z > 0 and m >= 0.",
    (lambda g, y, z, m: g * y * polygamma_difference(z, m), lambda g, y, z, m: g * y * digamma(z + m)),
    inputs="z m",
    domain=(POSITIVE, POSITIVE),
)


def poch(z: Any, m: Any) -> Any:
    """Return gamma(z + m) / gamma(z) for z > 0 and z + m > 0, NaN elsewhere (``scipy.special.poch``; NIST DLMF 5.2.5).

    z, m: broadcast; both are differentiated. Within 8 ulp for z + m < 170, beyond within the size of the logarithm.

    >>> import autodiff as ad
    >>> z = ad.tensor(3.0)
    >>> ad.special.poch(z, 2.0).backward(); round(z.grad.item(), 4)
    7.0
    """
    z, m = weak(z), weak(m)
    down = np.less(plain(m), 0)  # 1 over the way back up
    y = _poch_row(z if down is np.False_ else np.where(down, z + m, z), np.abs(m))
    return np.where(down, 1.0 / y, y)


def multigammaln(a: Any, d: int) -> Any:
    """Evaluate the logarithm of the multivariate gamma function of dimension d (``scipy.special.multigammaln``).

    a: any shape, above (d - 1) / 2. d: a whole number, 1 or more. Raises ValueError for other values.

    >>> import autodiff as ad
    >>> round(float(ad.special.multigammaln(2.5, 2)), 4)
    0.857
    """
    d = order("multigammaln", d)
    outside = np.less_equal(plain(a), 0.5 * (d - 1))
    single = isinstance(outside, (bool, np.bool_, np.ndarray))  # and not a value of every example in vmap
    if d < 1 or (single and np.any(outside)):
        raise ValueError(f"multigammaln: a must be above (d - 1) / 2 = {0.5 * (d - 1)}; got {a!r}.")
    y = gammaln(a) + 0.25 * d * (d - 1) * math.log(math.pi)
    for j in range(1, d):
        y = y + gammaln(a - 0.5 * j)
    return y if single else np.where(outside, np.nan, y)


def _zeta(x: Any, q: Any, m: int = 0) -> Any:
    return evaluate(values.zeta_log_moment, x, q, m=m) if m else evaluate(values.zeta, x, q)


def _zeta_in_q(g: Any, x: Any, q: Any, m: int) -> Any:
    y = -x * _zeta_row(x + 1.0, q, m=m)
    return g * (y + m * _zeta_row(x + 1.0, q, m=m - 1) if m else y)


_zeta_row: Any = op(
    _zeta,
    name="zeta",
    inputs="x q",
    vjp=(lambda g, x, q, m: -g * _zeta_row(x, q, m=m + 1), _zeta_in_q),
    elementwise=True,
    public=False,
    singular=True,
    domain=((1.0, math.inf), POSITIVE),
    samples=((((3,), (3,)), {}), (((2,), ()), {"m": 1}), (((2,), (2,)), {"m": 2})),
    doc="Return Hurwitz's zeta function, the sum of (q + k)**-x over k = 0, 1, 2, ..., m times differentiated in -x.",
)


def zeta(x: Any, q: Any = 1.0) -> Any:
    """Evaluate Hurwitz's zeta function, for q = 1 Riemann's, within 8 ulp (``scipy.special.zeta``; NIST DLMF 25.11).

    x: above 1. q: above 0. Both are differentiated: the exponent of a Zipf distribution is fitted with it.

    >>> import autodiff as ad
    >>> x = ad.tensor(2.0)
    >>> ad.special.zeta(x).backward(); round(x.grad.item(), 4)
    -0.9375
    """
    return _zeta_row(x, q)


# ---- beta
beta = special_row(
    values.beta,
    "Return gamma(a) gamma(b) / gamma(a + b): within 8 ulp for a + b < 170, beyond that within |betaln| ulp "
    "(``scipy.special.beta``; NIST DLMF 5.12).",
    (lambda g, y, a, b: -g * y * polygamma_difference(a, b), lambda g, y, a, b: -g * y * polygamma_difference(b, a)),
    domain=(POSITIVE, POSITIVE),
)
betaln = special_row(
    values.betaln,
    "Return log |beta(a, b)| without cancellation of the gammas (``scipy.special.betaln``; NIST DLMF 5.12).",
    (lambda g, a, b: -g * polygamma_difference(a, b), lambda g, a, b: -g * polygamma_difference(b, a)),
    domain=(POSITIVE, POSITIVE),
)

# ---- incomplete integrals and their densities
poisson_weight = special_row(
    incomplete.poisson_weight,
    "Return x**a exp(-x) / gamma(a + 1), a > -1.",
    (lambda g, y, a, x: g * (xlogy(y, x) - y * digamma(a + 1.0)), lambda g, y, a, x: g * y * (a - x) / x),
    name="poisson_weight",
    inputs="a x",
    domain=(POSITIVE, POSITIVE),
)


def _log_moment(a: Any, x: Any, k: int = 1) -> Any:
    return evaluate(log_moment, a, x, k=k)


def _log_moment_of(a: Any, x: Any, k: int) -> Any:
    return gammainc(a, x) if k == 0 else log_moment_row(a, x, k=k)


log_moment_row: Any = op(
    _log_moment,
    name="gamma_log_moment",
    inputs="a x",
    vjp=(
        lambda g, a, x, k: g * (_log_moment_of(a, x, k + 1) - k * polygamma(1, a) * _log_moment_of(a, x, k - 1)),
        lambda g, a, x, k: g * poisson_weight(a - 1.0, x) * (np.log(x) - digamma(a)) ** k,
    ),
    elementwise=True,
    public=False,
    singular=True,
    domain=(POSITIVE, POSITIVE),
    samples=((((3,), (3,)), {}), (((2,), ()), {"k": 2})),
    doc="Return the k-th moment of log t under the gamma density, up to x: for k = 1 the derivative of gammainc in a.",
)
gammainc: Any = special_row(
    incomplete.gammainc,
    "Return the regularized lower incomplete gamma function, a > 0 and x >= 0, both differentiated; within 16 ulp for "
    "a < 90, beyond that within the size of the result's logarithm; the derivative in a within 64 ulp or four times "
    "that size (``scipy.special.gammainc``; NIST DLMF 8.2.4, 8.11.4).",
    (lambda g, a, x: g * log_moment_row(a, x), lambda g, a, x: g * poisson_weight(a - 1.0, x)),
    inputs="a x",
    domain=(POSITIVE, POSITIVE),
)
gammaincc = special_row(
    incomplete.gammaincc,
    "Return the regularized upper incomplete gamma function, 1 - gammainc without the cancellation "
    "(``scipy.special.gammaincc``).",
    (lambda g, a, x: -g * log_moment_row(a, x), lambda g, a, x: -g * poisson_weight(a - 1.0, x)),
    inputs="a x",
    domain=(POSITIVE, POSITIVE),
)
