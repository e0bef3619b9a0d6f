"""Rows of the exponential integrals and related ones, and of the power transforms of Box and Cox, as in SciPy.

Their derivatives are elementary, but for log1p(u) / u, whose derivatives are rows of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...registry import op
from ...variable import plain
from ..shape import operand
from .blocks import evaluate, special_row
from .gamma import POSITIVE, digamma, gamma, gammaln, order, poch, polygamma_difference, weak
from .normal import exprel
from .values import exponential as values


def _expn(x: Any, n: int = 1) -> Any:
    return evaluate(values.expn, x, n=n)


_expn_row: Any = op(
    _expn,
    name="expn",
    vjp=lambda g, y, x, n: -g * (_expn_row(x, n=n - 1) if n else y * (1.0 + 1.0 / x)),
    elementwise=True,
    public=False,
    singular=True,
    domain=POSITIVE,
    samples=((((3,),), {}), (((2,),), {"n": 0}), (((2,),), {"n": 4})),
    doc="Return the exponential integral of order n.",
)


def expn(n: Any, x: Any) -> Any:
    """Evaluate the integral of exp(-x t) / t**n over 1..inf (``scipy.special.expn``; NIST DLMF 8.19), within 4 ulp.

    n: one whole number, 0 or more. x: any shape, 0 or more. Raises TypeError or ValueError for another n.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0, 2.0])
    >>> ad.special.expn(2, x).sum().backward(); x.grad.round(4)
    array([-0.2194, -0.0489])
    """
    whole = order("expn", n)
    if whole < 0:
        raise ValueError(f"expn: n must be 0 or more; got {n!r}.")
    return _expn_row(x, n=whole)


exp1 = special_row(
    lambda x: values.expn(x, 1),
    "Return the exponential integral E1, of exp(-t) / t over x..inf, within 4 ulp (``scipy.special.exp1``; "
    "NIST DLMF 6.2).",
    lambda g, x: -g * np.exp(-x) / x,
    name="exp1",
    domain=POSITIVE,
)
expi = special_row(
    values.expi,
    "Return the exponential integral Ei, of exp(t) / t over -inf..x; an absolute error of 4 ulp of 1 near its zero "
    "(``scipy.special.expi``; NIST DLMF 6.2).",
    lambda g, x: g * np.exp(x) / x,
    domain=POSITIVE,
)
_sine_integral = special_row(
    values.sine_integral, "Return the sine integral.", lambda g, x: g * np.sinc(x * (1.0 / np.pi)), name="sine_integral"
)
_cosine_integral = special_row(
    values.cosine_integral,
    "Return the cosine integral.",
    lambda g, x: g * np.cos(x) / x,
    name="cosine_integral",
    domain=POSITIVE,
)


def sici(x: Any) -> tuple[Any, Any]:
    """Return the sine integral, of sin(t) / t over 0..x, and the cosine integral, euler_gamma + log(x) + that of
    (cos(t) - 1) / t (``scipy.special.sici``; NIST DLMF 6.2).

    x: any shape, real; the cosine integral is NaN on the left. Absolute errors of 4 ulp.

    >>> import autodiff as ad
    >>> si, ci = ad.special.sici(ad.tensor([1.0]))
    >>> si.data.round(4), ci.data.round(4)
    (array([0.9461]), array([0.3374]))
    """
    return _sine_integral(x), _cosine_integral(x)


def _quarter_wave(x: Any, turns: int = 0) -> Any:
    return evaluate(values.quarter_wave, x, turns=turns)


_quarter_wave_row: Any = op(
    _quarter_wave,
    name="quarter_wave",
    vjp=lambda g, x, turns: g * (np.pi * x) * _quarter_wave_row(x, turns=turns + 1),
    elementwise=True,
    public=False,
    samples=((((3,),), {}), (((2,),), {"turns": 3})),
    doc="Return cos(pi / 2 (x² + turns)), with the digits of x².",
)


def _fresnel(x: Any, turns: int = 0) -> Any:
    return evaluate(values.fresnel, x, turns=turns)


_fresnel_row: Any = op(
    _fresnel,
    name="fresnel",
    vjp=lambda g, x, turns: g * _quarter_wave_row(x, turns=turns),
    elementwise=True,
    public=False,
    samples=((((3,),), {}), (((2,),), {"turns": 3})),
    doc="Return a Fresnel integral.",
)


def fresnel(x: Any) -> tuple[Any, Any]:
    """Return Fresnel's integrals, of sin(pi t²/2) and of cos(pi t²/2) over 0..x (``scipy.special.fresnel``; NIST DLMF
    7.2.7-8), with an absolute error of 2 ulp.

    >>> import autodiff as ad
    >>> x = ad.tensor([1.0])
    >>> s, c = ad.special.fresnel(x)
    >>> s.backward(); x.grad
    array([1.])
    """
    return _fresnel_row(x, turns=3), _fresnel_row(x)


# ---- log1p(u) / u, the dilogarithm, Box and Cox
def _log1p_over(u: Any, m: int = 0) -> Any:
    return evaluate(values.log1p_over, u, m=m)


log1p_over: Any = op(
    _log1p_over,
    name="log1p_over",
    inputs="u",
    vjp=lambda g, u, m: g * log1p_over(u, m=m + 1),
    elementwise=True,
    public=False,
    singular=True,
    domain=(-1.0, np.inf),
    samples=((((3,),), {}), (((2,),), {"m": 2})),
    doc="Return the m-th derivative of log1p(u) / u.",
)


def _spence_slope(x: Any) -> Any:
    """log(x) / (1 - x)."""
    near = np.greater(x, 0.5)
    beside = -log1p_over(np.where(near, x - 1.0, 0.0))
    return np.where(near, beside, np.log(np.where(near, 0.5, x)) / (1.0 - np.where(near, 0.5, x)))


spence = special_row(
    values.spence,
    "Return the dilogarithm of 1 - x, the integral of log(t) / (1 - t) over 1..x, within 4 ulp "
    "(``scipy.special.spence``; NIST DLMF 25.12).",
    lambda g, x: g * _spence_slope(x),
    domain=POSITIVE,
)


def boxcox(x: Any, lmbda: Any) -> Any:
    """Return (x**lmbda - 1) / lmbda, log(x) at 0 (``scipy.special.boxcox``; Box and Cox 1964), without cancellation.

    x, lmbda: broadcast, x above 0; both are differentiated.

    >>> import autodiff as ad
    >>> power = ad.tensor(0.0)
    >>> ad.special.boxcox(2.0, power).backward(); round(power.grad.item(), 4)
    0.2402
    """
    return _power_transform(np.log(operand(x)), lmbda)


def boxcox1p(x: Any, lmbda: Any) -> Any:
    """Return ((1 + x)**lmbda - 1) / lmbda, log1p(x) at 0 (``scipy.special.boxcox1p``), as ``boxcox``.

    >>> import autodiff as ad
    >>> x = ad.tensor(0.0)
    >>> ad.special.boxcox1p(x, 0.5).backward(); x.grad
    array(1.)
    """
    return _power_transform(np.log1p(operand(x)), lmbda)


def _power_transform(logarithm: Any, lmbda: Any) -> Any:
    return logarithm * exprel(lmbda * logarithm)


def inv_boxcox(y: Any, lmbda: Any) -> Any:
    """Return (1 + lmbda y)**(1 / lmbda), exp(y) at 0: the inverse of ``boxcox`` (``scipy.special.inv_boxcox``).

    y, lmbda: broadcast; both are differentiated.

    >>> import autodiff as ad
    >>> y = ad.tensor(1.0)
    >>> ad.special.inv_boxcox(y, 0.5).backward(); y.grad
    array(1.5)
    """
    return np.exp(_inverse_power(y, lmbda))


def inv_boxcox1p(y: Any, lmbda: Any) -> Any:
    """Return (1 + lmbda y)**(1 / lmbda) - 1: the inverse of ``boxcox1p`` (``scipy.special.inv_boxcox1p``).

    >>> import autodiff as ad
    >>> y = ad.tensor(0.0)
    >>> ad.special.inv_boxcox1p(y, 0.5).backward(); y.grad
    array(1.)
    """
    return np.expm1(_inverse_power(y, lmbda))


def _inverse_power(y: Any, lmbda: Any) -> Any:
    y = weak(y)
    return y * log1p_over(lmbda * y)


# ---- counts of choices
binom: Any = special_row(
    values.binom,
    "Return the binomial coefficient for 0 <= k <= n, which need not be whole, NaN outside; within 16 ulp for n < 170, "
    "beyond that within the size of the result's logarithm; whole numbers exactly below 2**40 "
    "(``scipy.special.binom``; NIST DLMF 26.3).",
    (
        lambda g, y, n, k: g * y * polygamma_difference(n - k + 1.0, k),
        lambda g, y, n, k: g * y * (digamma(n - k + 1.0) - digamma(k + 1.0)),
    ),
    inputs="n k",
    domain=((4.0, np.inf), (0.0, 4.0)),
)


def factorial(n: Any) -> Any:
    """Return gamma(n + 1) (``scipy.special.factorial(n, extend="complex")``, real numbers), within 4 ulp for n >= 0.

    >>> import autodiff as ad
    >>> n = ad.tensor(3.0)
    >>> ad.special.factorial(n).backward(); round(n.grad.item(), 4)
    7.5367
    """
    return gamma(operand(n) + 1.0)


def comb(N: Any, k: Any) -> Any:
    """Return ``binom``, 0 for k outside 0..N (``scipy.special.comb`` of floats): the number of ways to choose k of N.

    >>> import autodiff as ad
    >>> n = ad.tensor(5.0)
    >>> ad.special.comb(n, [2.0, 6.0]).sum().backward(); round(n.grad.item(), 4)
    4.5
    """
    return _inside(binom, N, k)


def perm(N: Any, k: Any) -> Any:
    """Return N (N - 1) ... (N - k + 1), 0 for k outside 0..N (``scipy.special.perm`` of floats).

    >>> import autodiff as ad
    >>> n = ad.tensor(5.0)
    >>> ad.special.perm(n, 2.0).backward(); round(n.grad.item(), 4)
    9.0
    """
    return _inside(lambda n, k: poch(n - k + 1.0, k), N, k)


def _inside(count: Any, n: Any, k: Any) -> Any:
    n, k = weak(n), weak(k)
    inside = (np.greater_equal(plain(k), 0) & np.less_equal(plain(k), plain(n))) | np.isnan(plain(n + k))
    safe = [x if isinstance(x, (int, float)) else np.where(inside, x, 1.0) for x in (n, k)]
    return np.where(inside, count(*safe), 0.0)


def loggamma(x: Any) -> Any:
    """Return ``gammaln`` for x > 0, NaN on the left, where it is complex (``scipy.special.loggamma`` of real numbers).

    >>> import autodiff as ad
    >>> x = ad.tensor([3.0, -0.5])
    >>> ad.special.loggamma(x).data.round(4)
    array([0.6931,    nan])
    """
    x = operand(x)
    right = np.greater_equal(x, 0)
    return np.where(right, gammaln(np.where(right, x, 1.0)), np.nan)
