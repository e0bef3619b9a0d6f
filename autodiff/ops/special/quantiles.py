"""Rows of the inverses of the incomplete gamma and beta functions and of Student's distribution.

Signatures are SciPy's. Where F(parameters, x) is y, the derivative of x in y is 1 / f, f being the density, and that in
a parameter is the derivative of F in it times -1 / f. Both read the result x, so that all orders follow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blocks import special_row
from .gamma import POSITIVE, log_moment_row, poisson_weight
from .incomplete_beta import UNIT, beta_density, beta_moment_row, stdtr_slope, student_density
from .values import quantiles as values


def _moved(g: Any, x: Any, low: float, high: float, slope: Any, density: Any) -> Any:
    """Return -g times slope(x) over density(x) between low and high; 0 at the ends, which no parameter moves."""
    inside = np.greater(x, low) & np.less(x, high)
    at_end, x = np.where(np.isnan(x), np.nan, 0.0), np.where(inside, x, 0.5)
    return np.where(inside, -g * slope(x) / density(x), at_end)


def _in_p(g: Any, density: Any, p: Any) -> Any:
    """g / density; 0 at every order where x rounds to an end of infinite density although p is not at its own end."""
    rounded = np.isinf(density) & np.greater(p, 0.0) & np.less(p, 1.0)
    return np.where(rounded, 0.0, g / density)


def _gamma_in_a(g: Any, y: Any, a: Any) -> Any:
    return _moved(g, y, 0.0, math.inf, lambda x: log_moment_row(a, x), lambda x: poisson_weight(a - 1.0, x))


def _beta_in_a(g: Any, y: Any, a: Any, b: Any) -> Any:
    return _moved(g, y, 0.0, 1.0, lambda x: beta_moment_row(a, b, x, j=1, k=0), lambda x: beta_density(a, b, x))


def _beta_in_b(g: Any, y: Any, a: Any, b: Any) -> Any:
    return _moved(g, y, 0.0, 1.0, lambda x: beta_moment_row(a, b, x, j=0, k=1), lambda x: beta_density(a, b, x))


gammaincinv = special_row(
    values.gammaincinv,
    "Return x at which gammainc(a, x) is p, both differentiated (``scipy.special.gammaincinv``). A last digit of p "
    "moves x by 1 / f(x), f being the density; beyond that x is right to 8 ulp, or to the size of log p.",
    (_gamma_in_a, lambda g, y, a, p: _in_p(g, poisson_weight(a - 1.0, y), p)),
    inputs="a p",
    domain=(POSITIVE, UNIT),
)
gammainccinv = special_row(
    values.gammainccinv,
    "Return x at which gammaincc(a, x) is p, for small p to its digits (``scipy.special.gammainccinv``).",
    (_gamma_in_a, lambda g, y, a, p: _in_p(-g, poisson_weight(a - 1.0, y), p)),
    inputs="a p",
    domain=(POSITIVE, UNIT),
)
betaincinv = special_row(
    values.betaincinv,
    "Return x at which betainc(a, b, x) is p, all differentiated (``scipy.special.betaincinv``); as ``gammaincinv``.",
    (_beta_in_a, _beta_in_b, lambda g, y, a, b, p: _in_p(g, beta_density(a, b, y), p)),
    inputs="a b p",
    domain=(POSITIVE, POSITIVE, UNIT),
)
betainccinv = special_row(
    values.betainccinv,
    "Return x at which betaincc(a, b, x) is p, for small p to its digits (``scipy.special.betainccinv``).",
    (_beta_in_a, _beta_in_b, lambda g, y, a, b, p: _in_p(-g, beta_density(a, b, y), p)),
    inputs="a b p",
    domain=(POSITIVE, POSITIVE, UNIT),
)


def _student_in_df(g: Any, y: Any, df: Any) -> Any:
    return _moved(g, y, -math.inf, math.inf, lambda t: stdtr_slope(df, t), lambda t: student_density(df, t))


stdtrit = special_row(
    values.stdtrit,
    "Return t at which stdtr(df, t) is p, both differentiated (``scipy.special.stdtrit``); as ``gammaincinv``.",
    (_student_in_df, lambda g, y, df: g / student_density(df, y)),
    inputs="df p",
    domain=(POSITIVE, UNIT),
)
