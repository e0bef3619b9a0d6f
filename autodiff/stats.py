"""Probability distributions under SciPy's names and parameters: ``ad.stats.norm.logpdf(x, loc, scale)``.

A continuous distribution has ``logpdf``, ``pdf``, ``logcdf``, ``cdf`` and ``sf``, a discrete one ``logpmf``, ``pmf``
and ``cdf``. All are made of recorded operations: x and every parameter are differentiated, but for the shape
parameters of incomplete integrals, which ``cdf`` refuses by name. Arguments broadcast; float32 stays. Outside the
support a density is 0 and its logarithm -inf, as in SciPy; a scale that is not positive gives NaN.

>>> import autodiff as ad, numpy as np
>>> data = np.array([1.0, 2.0, 4.0])
>>> mean, scale = ad.tensor(2.0), ad.tensor(1.0)
>>> (-ad.stats.norm.logpdf(data, mean, scale).sum()).backward(); mean.grad, scale.grad
(array(-1.), array(-2.))
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import special
from .names_elsewhere import missing_names
from .variable import plain

__all__ = [
    "bernoulli", "beta", "binom", "cauchy", "chi2", "expon", "gamma", "geom", "halfnorm", "laplace", "logistic",
    "lognorm", "multivariate_normal", "nbinom", "norm", "pareto", "poisson", "t", "uniform", "weibull_min",
]  # fmt: skip
Formula = Callable[..., Any]
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class _Distribution:
    """Parts common to distributions: a name, shape parameters, and the reading of a call in SciPy's signature."""

    standard: tuple[str, ...]  # the parameters after the shapes

    def __init__(self, name: str, shapes: str) -> None:
        self.name, self.shapes = name, tuple(shapes.split())

    def __repr__(self) -> str:
        return f"<distribution {self.name}({', '.join([*self.shapes, *self.standard])})>"

    def _arguments(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """Shape parameters, and loc and scale, which are 0 and 1 by default."""
        names = (*self.shapes, *self.standard)
        takes = f"{self.name}.{method}() takes the parameters {', '.join(names)}"
        if len(args) > len(names):
            raise TypeError(f"{takes}; {len(args)} were given after the first argument.")
        given = dict(zip(names, args))
        for key, value in kwargs.items():
            if key not in names or key in given:
                raise TypeError(f"{takes}; {key!r} {'came twice' if key in given else 'is none of them'}.")
            given[key] = value
        missing = [key for key in self.shapes if key not in given]
        if missing:
            raise TypeError(f"{takes}; {', '.join(missing)} is missing.")
        defaults = {"loc": 0.0, "scale": 1.0}
        return [given[key] for key in self.shapes], [given.get(key, defaults[key]) for key in self.standard]


class Continuous(_Distribution):
    """A distribution on an interval, made of formulas in the standard variable z = (x - loc) / scale and the shapes.

    >>> import autodiff as ad
    >>> x = ad.tensor([0.5, 2.0])
    >>> ad.stats.expon.logpdf(x, scale=2.0).sum().backward(); x.grad
    array([-0.5, -0.5])
    """

    standard = ("loc", "scale")

    def __init__(
        self,
        name: str,
        shapes: str,
        logpdf: Formula,
        cdf: Formula,
        sf: Formula,
        support: tuple[float, float] = (-math.inf, math.inf),
        inside: float = 0.0,
        logcdf: Formula | None = None,
    ) -> None:
        super().__init__(name, shapes)
        self.support, self.inside = support, inside
        self.formulas = {"logpdf": logpdf, "cdf": cdf, "sf": sf}
        self.formulas["logcdf"] = logcdf or (lambda *operands: np.log(cdf(*operands)))

    def _evaluate(self, method: str, x: Any, args: Any, kwargs: Any, below: float, above: float) -> Any:
        """Return the formula where x lies in the support, constants outside: there the formula sees a harmless z."""
        shapes, (loc, scale) = self._arguments(method, args, kwargs)
        z = (x - loc) / scale
        bare = np.asarray(plain(z))
        low, high = bare < self.support[0], bare > self.support[1]
        # functions of Python's numbers are NumPy's float64, which would make float64 of float32 arrays
        shapes = [np.asarray(a, bare.dtype) if a.__class__ in (int, float) else a for a in shapes]
        y = self.formulas[method](np.where(low | high, self.inside, z), *shapes)
        if method == "logpdf":
            log_scale = np.log(scale)
            y = y - (float(log_scale) if scale.__class__ in (int, float) else log_scale)
        y = np.where(low, below, np.where(high, above, y))
        bad = np.logical_not(np.greater(plain(scale), 0))
        return np.where(bad, np.nan, y) if np.any(bad) else y

    def logpdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the logarithm of the density at x; -inf outside the support."""
        return self._evaluate("logpdf", x, args, kwargs, -np.inf, -np.inf)

    def pdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the density at x; 0 outside the support."""
        return np.exp(self.logpdf(x, *args, **kwargs))

    def cdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of a value up to x."""
        return self._evaluate("cdf", x, args, kwargs, 0.0, 1.0)

    def sf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of a value above x: 1 - cdf without the cancellation."""
        return self._evaluate("sf", x, args, kwargs, 1.0, 0.0)

    def logcdf(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the logarithm of ``cdf``."""
        return self._evaluate("logcdf", x, args, kwargs, -np.inf, 0.0)


class Discrete(_Distribution):
    """A distribution on whole numbers, by its formula of k and the shape parameters; no derivative flows to k.

    >>> import autodiff as ad
    >>> mu = ad.tensor(3.0)
    >>> ad.stats.poisson.logpmf([2, 5], mu).sum().backward(); round(mu.grad.item(), 4)
    0.3333
    """

    standard = ("loc",)

    def __init__(self, name: str, shapes: str, logpmf: Formula, cdf: Formula, low: float, high: Formula) -> None:
        super().__init__(name, shapes)
        self.formulas, self.low, self.high = {"logpmf": logpmf, "cdf": cdf}, low, high

    def _evaluate(self, method: str, k: Any, args: Any, kwargs: Any, below: float, above: float) -> Any:
        shapes, (loc,) = self._arguments(method, args, kwargs)
        bare = np.asarray(plain(k)) - plain(loc)
        whole = np.floor(bare)
        low, high = bare < self.low, whole > self.high(*map(plain, shapes))
        if method == "logpmf":
            low = low | (whole != bare)
        if method == "cdf":
            high = high | (whole == self.high(*map(plain, shapes)))
        y = self.formulas[method](np.where(low | high, self.low, whole), *shapes)
        return np.where(low, below, np.where(high, above, y))

    def logpmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the logarithm of the probability of k; -inf where k is not in the support."""
        return self._evaluate("logpmf", k, args, kwargs, -np.inf, -np.inf)

    def pmf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of k; 0 where k is not in the support."""
        return np.exp(self.logpmf(k, *args, **kwargs))

    def cdf(self, k: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the probability of a value up to k."""
        return self._evaluate("cdf", k, args, kwargs, 0.0, 1.0)


POSITIVE = (0.0, math.inf)
norm = Continuous(
    "norm", "", lambda z: -0.5 * np.square(z) - _HALF_LOG_2PI, special.ndtr, lambda z: special.ndtr(-z),
    logcdf=special.log_ndtr,
)  # fmt: skip
expon = Continuous(
    "expon", "", lambda z: -z, lambda z: -np.expm1(-z), lambda z: np.exp(-z), POSITIVE, 1.0,
    logcdf=lambda z: np.log(-np.expm1(-z)),
)  # fmt: skip
gamma = Continuous(
    "gamma", "a", lambda z, a: special.xlogy(a - 1.0, z) - z - special.gammaln(a),
    lambda z, a: special.gammainc(a, z), lambda z, a: special.gammaincc(a, z), POSITIVE, 1.0,
)  # fmt: skip
chi2 = Continuous(
    "chi2", "df",
    lambda z, df: special.xlogy(0.5 * df - 1.0, 0.5 * z) - 0.5 * z - special.gammaln(0.5 * df) - math.log(2.0),
    lambda z, df: special.gammainc(0.5 * df, 0.5 * z), lambda z, df: special.gammaincc(0.5 * df, 0.5 * z),
    POSITIVE, 1.0,
)  # fmt: skip
beta = Continuous(
    "beta", "a b",
    lambda z, a, b: special.xlogy(a - 1.0, z) + special.xlog1py(b - 1.0, -z) - special.betaln(a, b),
    lambda z, a, b: special.betainc(a, b, z), lambda z, a, b: special.betainc(b, a, 1.0 - z),
    (0.0, 1.0), 0.5,
)  # fmt: skip
t = Continuous(
    "t", "df",
    lambda z, df: -0.5 * (df + 1.0) * np.log1p(z * z / df) - 0.5 * np.log(df) - special.betaln(0.5 * df, 0.5),
    lambda z, df: special.stdtr(df, z), lambda z, df: special.stdtr(df, -z),
)  # fmt: skip
uniform = Continuous(
    "uniform", "", lambda z: 0.0 * z, lambda z: z, lambda z: 1.0 - z, (0.0, 1.0), 0.5,
)  # fmt: skip
laplace = Continuous(
    "laplace", "", lambda z: -np.abs(z) - math.log(2.0),
    lambda z: np.where(plain(z) > 0, 1.0 - 0.5 * np.exp(-np.abs(z)), 0.5 * np.exp(-np.abs(z))),
    lambda z: np.where(plain(z) > 0, 0.5 * np.exp(-np.abs(z)), 1.0 - 0.5 * np.exp(-np.abs(z))),
    logcdf=lambda z: np.where(plain(z) > 0, np.log1p(-0.5 * np.exp(-np.abs(z))), -np.abs(z) - math.log(2.0)),
)  # fmt: skip
logistic = Continuous(
    "logistic", "", lambda z: special.log_expit(z) + special.log_expit(-z), special.expit,
    lambda z: special.expit(-z), logcdf=special.log_expit,
)  # fmt: skip
cauchy = Continuous(
    "cauchy", "", lambda z: -np.log1p(z * z) - math.log(math.pi),
    lambda z: np.arctan2(1.0, -z) / math.pi, lambda z: np.arctan2(1.0, z) / math.pi,
)  # fmt: skip
lognorm = Continuous(
    "lognorm", "s",
    lambda z, s: -0.5 * np.square(np.log(z) / s) - np.log(s * z) - _HALF_LOG_2PI,
    lambda z, s: special.ndtr(np.log(z) / s), lambda z, s: special.ndtr(-np.log(z) / s),
    (np.finfo(np.float64).tiny, math.inf), 1.0,
    logcdf=lambda z, s: special.log_ndtr(np.log(z) / s),
)  # fmt: skip
halfnorm = Continuous(
    "halfnorm", "", lambda z: -0.5 * np.square(z) - _HALF_LOG_2PI + math.log(2.0),
    lambda z: special.erf(math.sqrt(0.5) * z), lambda z: 2.0 * special.ndtr(-z), POSITIVE, 1.0,
)  # fmt: skip
weibull_min = Continuous(
    "weibull_min", "c", lambda z, c: np.log(c) + special.xlogy(c - 1.0, z) - z**c,
    lambda z, c: -np.expm1(-(z**c)), lambda z, c: np.exp(-(z**c)), POSITIVE, 1.0,
)  # fmt: skip
pareto = Continuous(
    "pareto", "b", lambda z, b: np.log(b) - (b + 1.0) * np.log(z),
    lambda z, b: -np.expm1(-b * np.log(z)), lambda z, b: np.exp(-b * np.log(z)), (1.0, math.inf), 2.0,
)  # fmt: skip


# ---- on whole numbers
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


class _MultivariateNormal:
    """The normal distribution of vectors. Only densities: its distribution function has no closed form.

    >>> import autodiff as ad, numpy as np
    >>> mean = ad.tensor([0.0, 1.0])
    >>> ad.stats.multivariate_normal.logpdf(np.zeros(2), mean, np.diag([1.0, 2.0])).backward(); mean.grad
    array([ 0. , -0.5])
    """

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
        """Evaluate the logarithm of the density at x: (..., d), with mean (d,) and cov (d, d), or d variances, or one.

        By Cholesky's factor of cov. Raises LinAlgError where cov is not positive definite.
        """
        d = np.shape(x)[-1] if np.ndim(x) else 1
        shape = np.shape(cov)
        if shape not in ((), (d,), (d, d)):
            raise ValueError(f"multivariate_normal: cov of shape {shape} does not fit x of shape {np.shape(x)}.")
        if len(shape) < 2:
            cov = np.eye(d) * cov
        factor = np.linalg.cholesky(cov)
        centred = x if mean is None else x - mean
        scaled = np.linalg.solve(factor, np.reshape(centred, (*np.shape(centred)[: np.ndim(centred) - 1], d, 1)))
        squares = np.sum(np.square(scaled), axis=(-2, -1))
        return -0.5 * squares - np.sum(np.log(np.diagonal(factor))) - d * _HALF_LOG_2PI

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, mean, cov))


multivariate_normal = _MultivariateNormal()

if not TYPE_CHECKING:  # a type checker reports a misspelt name itself
    __getattr__ = missing_names(__name__, __all__)
