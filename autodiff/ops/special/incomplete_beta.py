"""Rows of the incomplete beta function and of Student's distribution, which are differentiated in all their arguments.

Signatures are SciPy's. The derivatives in the parameters are integrals (``values``): moments of the
logarithms, each of which has the next ones as derivatives.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...registry import op
from .blocks import evaluate, special_row
from .entropy import xlog1py, xlogy
from .gamma import POSITIVE, beta, polygamma, polygamma_difference
from .values import incomplete_beta as values

UNIT = (0.0, 1.0)


def _log_from_mean(a: Any, b: Any, x: Any) -> Any:
    """Return log x less the mean of log t."""
    return np.log(x) + polygamma_difference(a, b)


def _log_rest_from_mean(a: Any, b: Any, x: Any) -> Any:
    """Return log(1 - x) less the mean of log(1 - t)."""
    return np.log1p(-x) + polygamma_difference(b, a)


beta_density = special_row(
    values.beta_density,
    "Return x**(a - 1) (1 - x)**(b - 1) / beta(a, b).",
    (
        # at the ends 0 times an infinite logarithm, which is 0
        lambda g, y, a, b, x: g * (xlogy(y, x) + y * polygamma_difference(a, b)),
        lambda g, y, a, b, x: g * (xlog1py(y, -x) + y * polygamma_difference(b, a)),
        lambda g, y, a, b, x: g * y * ((a - 1.0) - (a + b - 2.0) * x) / (x * (1.0 - x)),
    ),
    inputs="a b x",
    domain=(POSITIVE, POSITIVE, UNIT),
)


def _log_moment(a: Any, b: Any, x: Any, j: int = 1, k: int = 0) -> Any:
    return evaluate(values.beta_log_moment, a, b, x, j=j, k=k)


def _log_moment_of(a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    return betainc(a, b, x) if j == k == 0 else beta_moment_row(a, b, x, j=j, k=k)


def _in_a(g: Any, a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    """Return the moment with one factor more, less the effect of the change of the two means."""
    change = beta_moment_row(a, b, x, j=j + 1, k=k)
    if j:
        change = change + j * polygamma_difference(a, b, n=1) * _log_moment_of(a, b, x, j - 1, k)
    if k:
        change = change + k * polygamma(1, a + b) * _log_moment_of(a, b, x, j, k - 1)
    return g * change


def _in_b(g: Any, a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    change = beta_moment_row(a, b, x, j=j, k=k + 1)
    if k:
        change = change + k * polygamma_difference(b, a, n=1) * _log_moment_of(a, b, x, j, k - 1)
    if j:
        change = change + j * polygamma(1, a + b) * _log_moment_of(a, b, x, j - 1, k)
    return g * change


def _in_x(g: Any, a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    factor = 1.0
    if j:
        factor = factor * _log_from_mean(a, b, x) ** j
    if k:
        factor = factor * _log_rest_from_mean(a, b, x) ** k
    return g * beta_density(a, b, x) * factor


beta_moment_row: Any = op(
    _log_moment,
    name="beta_log_moment",
    inputs="a b x",
    vjp=(_in_a, _in_b, _in_x),
    elementwise=True,
    public=False,
    singular=True,
    domain=(POSITIVE, POSITIVE, UNIT),
    samples=((((3,), (3,), (3,)), {}), (((2,), (), (2,)), {"j": 1, "k": 1}), (((2,), (2,), ()), {"j": 0, "k": 2})),
    doc="Return moments of log t and log(1 - t) under the beta density, up to x: derivatives of betainc in a and b.",
)


def _betainc(a: Any, b: Any, x: Any, upper: bool = False) -> Any:
    return evaluate(values.betaincc if upper else values.betainc, a, b, x)


_betainc_row: Any = op(
    _betainc,
    name="betainc",
    inputs="a b x",
    vjp=(
        lambda g, a, b, x, upper: (-g if upper else g) * beta_moment_row(a, b, x, j=1, k=0),
        lambda g, a, b, x, upper: (-g if upper else g) * beta_moment_row(a, b, x, j=0, k=1),
        lambda g, a, b, x, upper: (-g if upper else g) * beta_density(a, b, x),
    ),
    elementwise=True,
    public=False,
    singular=True,
    domain=(POSITIVE, POSITIVE, UNIT),
    samples=((((3,), (3,), (3,)), {}), (((2,), (), (2,)), {"upper": True})),
    doc="Return the regularized incomplete beta function, or 1 less that.",
)


def betainc(a: Any, b: Any, x: Any) -> Any:
    """Evaluate the regularized incomplete beta function (``scipy.special.betainc``; NIST DLMF 8.17).

    a, b: above 0; x: in [0, 1]; broadcast, and all differentiated. The derivatives in a and b are within 64 ulp, or
    four times the size of their logarithms.

    >>> import autodiff as ad
    >>> a, x = ad.tensor(2.0), ad.tensor([0.25, 0.5])
    >>> ad.special.betainc(a, 3.0, x).sum().backward(); x.grad.round(4), round(a.grad.item(), 4)
    (array([1.6875, 1.5   ]), -0.4233)
    """
    return _betainc_row(a, b, x)


def betaincc(a: Any, b: Any, x: Any) -> Any:
    """Evaluate 1 - betainc(a, b, x) without the cancellation (``scipy.special.betaincc``).

    >>> import autodiff as ad
    >>> x = ad.tensor([0.25, 0.5])
    >>> ad.special.betaincc(2.0, 3.0, x).sum().backward(); x.grad.round(4)
    array([-1.6875, -1.5   ])
    """
    return _betainc_row(a, b, x, upper=True)


# ---- Student's distribution
def student_density(df: Any, t: Any) -> Any:
    return np.exp(-0.5 * (df + 1.0) * np.log1p(t * t / df)) / (np.sqrt(df) * beta(0.5, 0.5 * df))


def _log_slope(df: Any, t: Any) -> Any:
    """Return the derivative of the logarithm of the density in df."""
    q = t * t / df
    step = polygamma_difference(0.5 * df, 0.5) - 1.0 / df
    return 0.5 * (step - np.log1p(q) + (1.0 + 1.0 / df) * (q / (1.0 + q)))


def _curvature(df: Any, t: Any) -> Any:
    """Return the second derivative of stdtr in df, by those of betainc(df / 2, 1 / 2, df / (df + t*t))."""
    q, half = t * t / df, 0.5 * df
    x, y = 1.0 / (1.0 + q), q / (1.0 + q)
    near = np.less(y, 0.5)  # of two equal forms the one whose last argument has its digits
    spread = polygamma_difference(half, 0.5, n=1)
    inside, outside = np.where(near, y, 0.5), np.where(near, 0.5, x)
    moment = np.where(
        near,
        -(beta_moment_row(0.5, half, inside, j=0, k=2) + spread * betainc(0.5, half, inside)),
        beta_moment_row(half, 0.5, outside, j=2, k=0) + spread * betainc(half, 0.5, outside),
    )
    gap = polygamma_difference(half, 0.5) - np.log1p(q)
    beside = t * student_density(df, t) / df
    return -0.125 * np.sign(t) * moment + beside * (0.5 / df - 0.25 * gap - 0.5 * _log_slope(df, t))


stdtr_slope: Any = special_row(
    values.stdtr_slope,
    "Return the derivative of stdtr in df.",
    (lambda g, df, t: g * _curvature(df, t), lambda g, df, t: g * student_density(df, t) * _log_slope(df, t)),
    inputs="df t",
    domain=(POSITIVE, (-math.inf, math.inf)),
)
stdtr = special_row(
    values.stdtr,
    "Return Student's distribution with df degrees of freedom up to t, both differentiated "
    "(``scipy.special.stdtr``; NIST DLMF 8.17).",
    (lambda g, df, t: g * stdtr_slope(df, t), lambda g, df, t: g * student_density(df, t)),
    inputs="df t",
    domain=(POSITIVE, (-math.inf, math.inf)),
)
