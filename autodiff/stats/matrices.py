"""Distributions of matrices: Wishart's and its inverse, normal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from ..ops.shape import operand
from .continuous import HALF_LOG_2PI


def _matrices(name: str, x: Any, scale: Any) -> tuple[Any, Any, int]:
    """Return x as a stack of matrices, which SciPy counts along the last axis, the scale as a matrix, and its order."""
    scale, x = operand(scale), operand(x)
    scale = np.diag(np.atleast_1d(scale)) if np.ndim(scale) < 2 else scale
    p = np.shape(scale)[-1]
    if p == 1 and np.ndim(x) < 2:
        return np.reshape(x, (*np.shape(x), 1, 1)), scale, p
    if np.shape(x)[:2] != (p, p) or np.ndim(x) > 3:
        raise ValueError(f"{name}: x of shape {np.shape(x)} must be ({p}, {p}) or ({p}, {p}, n), as the scale is.")
    return np.moveaxis(x, -1, 0) if np.ndim(x) == 3 else x, scale, p


def _log_det(x: Any) -> Any:
    return 2.0 * np.sum(np.log(np.diagonal(np.linalg.cholesky(x), axis1=-2, axis2=-1)), axis=-1)


def _trace_of_quotient(a: Any, b: Any) -> Any:
    return np.trace(np.linalg.solve(a, b), axis1=-2, axis2=-1)


class _Wishart:
    """Wishart's distribution of positive definite matrices.

    >>> import autodiff as ad, numpy as np
    >>> df = ad.tensor(3.0)
    >>> ad.stats.wishart.logpdf(np.eye(2), df, np.eye(2)).backward(); round(df.grad.item(), 4)
    -0.4228
    """

    def logpdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Evaluate the logarithm of the density at x: (p, p) or (p, p, n); df: above p - 1; scale: (p, p)."""
        x, scale, p = _matrices("wishart", x, scale)
        norm = 0.5 * df * (p * math.log(2.0) + _log_det(scale)) + special.multigammaln(0.5 * df, p)
        return 0.5 * (df - p - 1.0) * _log_det(x) - 0.5 * _trace_of_quotient(scale, x) - norm

    def pdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, df, scale))


class _InverseWishart:
    """The distribution of the inverse of a matrix that has Wishart's.

    >>> import autodiff as ad, numpy as np
    >>> df = ad.tensor(3.0)
    >>> ad.stats.invwishart.logpdf(np.eye(2), df, np.eye(2)).backward(); round(df.grad.item(), 4)
    -0.4228
    """

    def logpdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Evaluate the logarithm of the density at x, as ``wishart.logpdf``."""
        x, scale, p = _matrices("invwishart", x, scale)
        norm = 0.5 * df * (p * math.log(2.0) - _log_det(scale)) + special.multigammaln(0.5 * df, p)
        return -0.5 * (df + p + 1.0) * _log_det(x) - 0.5 * _trace_of_quotient(x, scale) - norm

    def pdf(self, x: Any, df: Any, scale: Any) -> Any:
        """Evaluate the density at x, as ``logpdf``."""
        return np.exp(self.logpdf(x, df, scale))


class _MatrixNormal:
    """The normal distribution of matrices whose rows and columns are correlated.

    >>> import autodiff as ad, numpy as np
    >>> mean = ad.tensor(np.zeros((2, 2)))
    >>> ad.stats.matrix_normal.logpdf(np.eye(2), mean, 2.0).backward(); mean.grad
    array([[ 0.5, -0. ],
           [-0. ,  0.5]])
    """

    def logpdf(self, X: Any, mean: Any = None, rowcov: Any = 1.0, colcov: Any = 1.0) -> Any:
        """Evaluate the logarithm of the density at X: (..., n, p); mean (n, p), rowcov (n, n), colcov (p, p); a number
        or a sequence for a diagonal."""
        X = operand(X)
        n, p = np.shape(X)[-2:]
        off = X if mean is None else X - mean
        rows, columns = (
            np.eye(k) * c if np.ndim(c) < 2 else c for k, c in ((n, operand(rowcov)), (p, operand(colcov)))
        )
        turned = np.swapaxes(np.linalg.solve(rows, off), -1, -2)
        squares = np.sum(np.swapaxes(np.linalg.solve(columns, turned), -1, -2) * off, axis=(-2, -1))
        return -n * p * HALF_LOG_2PI - 0.5 * (p * _log_det(rows) + n * _log_det(columns) + squares)

    def pdf(self, X: Any, mean: Any = None, rowcov: Any = 1.0, colcov: Any = 1.0) -> Any:
        """Evaluate the density at X, as ``logpdf``."""
        return np.exp(self.logpdf(X, mean, rowcov, colcov))


wishart, invwishart, matrix_normal = _Wishart(), _InverseWishart(), _MatrixNormal()
