"""Distributions of vectors: normal, Student's, of directions, Dirichlet's, multinomial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from ..ops.shape import operand
from ..other_arrays import is_foreign
from ..variable import plain
from .continuous import HALF_LOG_2PI

SLACK = 1e-3  # of a sum that must be 1: more than rounding, and than the step of a finite difference


def _points(name: str, x: Any, mean: Any, spread: Any) -> tuple[Any, Any, int]:
    """Return x as (..., d), less the mean, and Cholesky's factor of the spread (d, d), or d of them, or one.

    As in SciPy the number of components is that of the mean, or of the spread, or 1.
    """
    shape = np.shape(spread)
    d = int(np.size(plain(mean))) if mean is not None else shape[-1] if shape else 1
    if shape not in ((), (d,), (d, d)):
        raise ValueError(f"{name}: a spread of shape {shape} does not fit a mean of {d} components.")
    x = operand(x)
    x = np.expand_dims(x, -1) if d == 1 and np.shape(x)[-1:] != (1,) else x
    if np.shape(x)[-1:] != (d,):
        raise ValueError(f"{name}: x of shape {np.shape(x)} needs {d} components along its last axis.")
    spread = np.eye(d) * spread if len(shape) < 2 else spread
    return x if mean is None else x - np.reshape(mean, (d,)), np.linalg.cholesky(spread), d


def _distance(factor: Any, x: Any) -> Any:
    """Return the sum of squares of factor⁻¹ x, for each x."""
    return np.sum(np.square(np.linalg.solve(factor, np.expand_dims(x, -1))), axis=(-2, -1))


def _half_log_det(factor: Any) -> Any:
    return np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


class _MultivariateNormal:
    """The normal distribution of vectors. Only densities: its distribution function has no closed form.

    >>> import autodiff as ad, numpy as np
    >>> mean = ad.tensor([0.0, 1.0])
    >>> ad.stats.multivariate_normal.logpdf(np.zeros(2), mean, np.diag([1.0, 2.0])).backward(); mean.grad
    array([ 0. , -0.5])
    """

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
        """Evaluate the logarithm of the density at x: (..., d), with mean (d,) and cov (d, d), or d variances, or one.

        By Cholesky's factor of cov. Without a mean it is 0, and d that of cov, or 1: then each number in x is a point.
        Raises LinAlgError where cov is not positive definite.
        """
        x, factor, d = _points("multivariate_normal", x, mean, cov)
        return -0.5 * _distance(factor, x) - _half_log_det(factor) - d * HALF_LOG_2PI

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, mean, cov))

    def entropy(self, mean: Any = None, cov: Any = 1.0) -> Any:
        """Evaluate the differential entropy, half the logarithm of det(2 pi e cov)."""
        d = max(np.size(plain(mean)) if mean is not None else 1, np.shape(cov)[-1] if np.ndim(cov) else 1)
        if np.ndim(cov) < 2:
            cov = np.eye(d) * cov
        return np.sum(np.log(np.diagonal(np.linalg.cholesky(cov)))) + d * (HALF_LOG_2PI + 0.5)


class _MultivariateT:
    """Student's distribution of vectors.

    >>> import autodiff as ad, numpy as np
    >>> df = ad.tensor(3.0)
    >>> ad.stats.multivariate_t.logpdf(np.ones(2), np.zeros(2), np.eye(2), df).backward(); round(df.grad.item(), 4)
    0.0779
    """

    def logpdf(self, x: Any, loc: Any = None, shape: Any = 1.0, df: Any = 1.0) -> Any:
        """Evaluate the logarithm of the density at x: (..., d), as ``multivariate_normal.logpdf``; df: above 0, and the
        normal distribution where it is math.inf."""
        if isinstance(df, int | float) and df == math.inf:
            return multivariate_normal.logpdf(x, loc, shape)
        x, factor, d = _points("multivariate_t", x, loc, shape)
        # a difference of two logarithms of gamma functions has no digits left at a large df
        norm = math.lgamma(0.5 * d) - special.betaln(0.5 * df, 0.5 * d) - 0.5 * d * np.log(df * math.pi)
        return norm - _half_log_det(factor) - 0.5 * (df + d) * np.log1p(_distance(factor, x) / df)

    def pdf(self, x: Any, loc: Any = None, shape: Any = 1.0, df: Any = 1.0) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, loc, shape, df))


class _VonMisesFisher:
    """The distribution of directions about a mean direction.

    >>> import autodiff as ad, numpy as np
    >>> kappa = ad.tensor(2.0)
    >>> ad.stats.vonmises_fisher.logpdf([0.0, 0.6, 0.8], [0.0, 0.0, 1.0], kappa).backward(); round(kappa.grad.item(), 4)
    0.2627
    """

    def logpdf(self, x: Any, mu: Any = None, kappa: Any = 1.0) -> Any:
        """Evaluate the logarithm of the density at directions x: (..., d), about mu: (d,).

        Raises ValueError where the length of one of them is not 1, to 1e-3.
        """
        if mu is None:
            raise ValueError("vonmises_fisher: the mean direction mu is missing.")
        for name, given in (("x", x), ("mu", mu)):
            bare = operand(plain(given))
            if np.any(np.abs(np.sum(bare * bare, axis=-1) - 1.0) > 2 * SLACK):
                raise ValueError(f"vonmises_fisher: {name} must be directions of length 1; got {bare!r}.")
        d = np.shape(mu)[-1]
        bessel = np.log(special.ive(0.5 * d - 1.0, kappa)) + kappa
        return (0.5 * d - 1.0) * np.log(kappa) - d * HALF_LOG_2PI - bessel + kappa * np.sum(operand(x) * mu, axis=-1)

    def pdf(self, x: Any, mu: Any = None, kappa: Any = 1.0) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, mu, kappa))


class _Dirichlet:
    """Dirichlet's distribution of shares that add up to 1.

    >>> import autodiff as ad
    >>> alpha = ad.tensor([1.0, 2.0])
    >>> ad.stats.dirichlet.logpdf([0.25, 0.75], alpha).backward(); alpha.grad.round(4)
    array([0.1137, 0.2123])
    """

    def logpdf(self, x: Any, alpha: Any) -> Any:
        """Evaluate the logarithm of the density at x: (k,) or (k, ...), shares along the first axis; alpha: (k,).

        Raises ValueError where x does not have as many shares as alpha, is negative, or does not add up to 1.
        """
        k, bare = np.shape(alpha)[0], operand(plain(x))
        if bare.shape[:1] != (k,):
            raise ValueError(f"dirichlet: x of shape {bare.shape} needs {k} shares along its first axis, as alpha has.")
        # the sum of k shares in float32 is off by k times its ulp, in float64 SciPy allows 1e-9 as well
        slack = 1e-9 if bare.dtype == np.float64 else 4 * k * float(np.finfo(np.result_type(bare, np.float16)).eps)
        wrong = np.any(bare < 0) | np.any(np.abs(np.sum(bare, axis=0) - 1.0) > slack)
        if not is_foreign(wrong) and wrong:
            raise ValueError(f"dirichlet: the shares x must be positive and add up to 1; got {bare!r}.")
        powers = np.reshape(alpha, (k,) + (1,) * (bare.ndim - 1)) - 1.0
        return np.sum(special.xlogy(powers, x), axis=0) - self._log_norm(alpha)

    def pdf(self, x: Any, alpha: Any) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, alpha))

    def entropy(self, alpha: Any) -> Any:
        """Evaluate the differential entropy."""
        total = np.sum(alpha)
        spread = (total - np.shape(alpha)[0]) * special.digamma(total)
        return self._log_norm(alpha) + spread - np.sum((alpha - 1.0) * special.digamma(alpha))

    def _log_norm(self, alpha: Any) -> Any:
        return np.sum(special.gammaln(alpha)) - special.gammaln(np.sum(alpha))


class _Multinomial:
    """The distribution of counts of k outcomes in n trials.

    >>> import autodiff as ad
    >>> p = ad.tensor([0.25, 0.75])
    >>> ad.stats.multinomial.logpmf([1, 3], 4, p).backward(); p.grad
    array([4., 4.])
    """

    def logpmf(self, x: Any, n: Any, p: Any) -> Any:
        """Evaluate the logarithm of the probability of x: (..., k), with p: (k,) or (..., k); -inf where x does not
        add up to n, or is no count.

        Raises ValueError where p is negative or does not add up to 1, to 1e-3. (SciPy replaces its last number.)
        """
        x, bare = operand(plain(x)), operand(plain(p))
        if np.any(bare < 0) or np.any(np.abs(np.sum(bare, axis=-1) - 1.0) > SLACK):
            raise ValueError(f"multinomial: the probabilities p must be positive and add up to 1; got {bare!r}.")
        n = operand(plain(n))
        possible = np.all((x >= 0) & (x == np.floor(x)), axis=-1) & (np.sum(x, axis=-1) == n)
        counts = np.where(possible[..., None], x, 0)
        ways = special.gammaln(n + 1.0) - np.sum(special.gammaln(counts + 1.0), axis=-1)
        return np.where(possible, ways + np.sum(special.xlogy(counts, p), axis=-1), -np.inf)

    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """Evaluate the probability of x, as ``logpmf``."""
        return np.exp(self.logpmf(x, n, p))


class _DirichletMultinomial:
    """The distribution of counts whose probabilities have Dirichlet's distribution.

    >>> import autodiff as ad
    >>> alpha = ad.tensor([1.0, 2.0])
    >>> ad.stats.dirichlet_multinomial.logpmf([1, 3], alpha, 4).backward(); alpha.grad.round(4)
    array([0.05  , 0.1333])
    """

    def logpmf(self, x: Any, alpha: Any, n: Any) -> Any:
        """Evaluate the logarithm of the probability of counts x: (..., k), with alpha: (k,) or (..., k); -inf where x
        does not add up to n, or is no count."""
        x, n = operand(plain(x)), operand(plain(n))
        possible = np.all((x >= 0) & (x == np.floor(x)), axis=-1) & (np.sum(x, axis=-1) == n)
        counts = np.where(possible[..., None], x, 0)
        total, terms = np.sum(alpha, axis=-1), special.gammaln(counts + alpha) - special.gammaln(alpha)
        ways = special.gammaln(n + 1.0) + special.gammaln(total) - special.gammaln(n + total)
        return np.where(possible, ways + np.sum(terms - special.gammaln(counts + 1.0), axis=-1), -np.inf)

    def pmf(self, x: Any, alpha: Any, n: Any) -> Any:
        """Evaluate the probability of x, as ``logpmf``."""
        return np.exp(self.logpmf(x, alpha, n))


multivariate_normal, multivariate_t, vonmises_fisher = _MultivariateNormal(), _MultivariateT(), _VonMisesFisher()
dirichlet, multinomial, dirichlet_multinomial = _Dirichlet(), _Multinomial(), _DirichletMultinomial()
