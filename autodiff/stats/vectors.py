"""Distributions of vectors: normal, Dirichlet's, multinomial."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import special
from ..ops.shape import operand
from ..variable import plain
from .continuous import HALF_LOG_2PI


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
        return -0.5 * squares - np.sum(np.log(np.diagonal(factor))) - d * HALF_LOG_2PI

    def pdf(self, x: Any, mean: Any = None, cov: Any = 1.0) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, mean, cov))

    def entropy(self, mean: Any = None, cov: Any = 1.0) -> Any:
        """Evaluate the differential entropy, half the logarithm of det(2 pi e cov)."""
        d = max(np.size(plain(mean)) if mean is not None else 1, np.shape(cov)[-1] if np.ndim(cov) else 1)
        if np.ndim(cov) < 2:
            cov = np.eye(d) * cov
        return np.sum(np.log(np.diagonal(np.linalg.cholesky(cov)))) + d * (HALF_LOG_2PI + 0.5)


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
        if np.any(bare < 0) or np.any(np.abs(np.sum(bare, axis=0) - 1.0) > slack):
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
        add up to n, or is no count."""
        x = operand(plain(x))
        n = operand(plain(n))
        possible = np.all((x >= 0) & (x == np.floor(x)), axis=-1) & (np.sum(x, axis=-1) == n)
        counts = np.where(possible[..., None], x, 0)
        ways = special.gammaln(n + 1.0) - np.sum(special.gammaln(counts + 1.0), axis=-1)
        return np.where(possible, ways + np.sum(special.xlogy(counts, p), axis=-1), -np.inf)

    def pmf(self, x: Any, n: Any, p: Any) -> Any:
        """Evaluate the probability of x, as ``logpmf``."""
        return np.exp(self.logpmf(x, n, p))


multivariate_normal, dirichlet, multinomial = _MultivariateNormal(), _Dirichlet(), _Multinomial()
