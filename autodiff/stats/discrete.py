"""Distributions on whole numbers, each by its formulas in k and its shape parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from .distribution import Discrete


def _no_end(*shapes: Any) -> float:
    return math.inf


poisson = Discrete(
    "poisson", "mu", lambda k, mu: special.xlogy(k, mu) - mu - special.gammaln(k + 1.0),
    lambda k, mu: special.gammaincc(k + 1.0, mu), 0, _no_end,
)  # fmt: skip
binom = Discrete(
    "binom", "n p",
    lambda k, n, p: special.xlogy(k, p) + special.xlog1py(n - k, -p) - special.betaln(n - k + 1.0, k + 1.0)
    - np.log(n + 1.0),
    lambda k, n, p: special.betainc(n - k, k + 1.0, 1.0 - p), 0, lambda n, p: n,
)  # fmt: skip
bernoulli = Discrete(
    "bernoulli", "p", lambda k, p: special.xlogy(k, p) + special.xlog1py(1.0 - k, -p), lambda k, p: 1.0 - p + 0.0 * k,
    0, lambda p: 1,
)  # fmt: skip
geom = Discrete(
    "geom", "p", lambda k, p: special.xlog1py(k - 1.0, -p) + np.log(p), lambda k, p: -np.expm1(k * np.log1p(-p)),
    1, _no_end,
)  # fmt: skip
nbinom = Discrete(
    "nbinom", "n p",
    lambda k, n, p: n * np.log(p) + special.xlog1py(k, -p) - special.betaln(n, k + 1.0) - np.log(n + k),
    lambda k, n, p: special.betainc(n, k + 1.0, p), 0, _no_end,
)  # fmt: skip
betabinom = Discrete(
    "betabinom", "n a b",
    lambda k, n, a, b: special.betaln(k + a, n - k + b) - special.betaln(a, b)
    - special.betaln(n - k + 1.0, k + 1.0) - np.log(n + 1.0), None, 0, lambda n, a, b: n,
)  # fmt: skip
zipf = Discrete(
    "zipf", "a", lambda k, a: -a * np.log(k) - np.log(special.zeta(a)),
    lambda k, a: 1.0 - special.zeta(a, k + 1.0) / special.zeta(a), 1, _no_end,
)  # fmt: skip
logser = Discrete(
    "logser", "p", lambda k, p: special.xlogy(k, p) - np.log(k) - np.log(-np.log1p(-p)), None, 1, _no_end,
)  # fmt: skip
planck = Discrete(
    "planck", "lambda_", lambda k, rate: np.log(-np.expm1(-rate)) - rate * k,
    lambda k, rate: -np.expm1(-rate * (k + 1.0)), 0, _no_end,
)  # fmt: skip
yulesimon = Discrete(
    "yulesimon", "alpha", lambda k, alpha: np.log(alpha) + special.betaln(k, alpha + 1.0), None, 1, _no_end,
)  # fmt: skip
betanbinom = Discrete(
    "betanbinom", "n a b",
    lambda k, n, a, b: special.betaln(a + n, b + k) - special.betaln(a, b) - np.log(n + k)
    - special.betaln(n, k + 1.0), None, 0, _no_end,
)  # fmt: skip
