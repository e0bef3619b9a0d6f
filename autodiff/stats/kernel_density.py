"""A density estimated from data: the mean of normal densities about the points."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import special
from ..ops.shape import operand
from .continuous import HALF_LOG_2PI


class gaussian_kde:
    """A density made of normal ones about the points of a data set (``scipy.stats.gaussian_kde``).

    dataset: (n,) or (d, n), a point a column. bw_method: "scott", "silverman", a number or a function of the object,
    for the factor of the data's deviations. weights: (n,). All are differentiated, as are the points where the density
    is evaluated. Calling it is ``evaluate``.

    >>> import autodiff as ad, numpy as np
    >>> data = ad.tensor([0.0, 1.0, 3.0])
    >>> density = ad.stats.gaussian_kde(data)
    >>> density.logpdf([0.5]).sum().backward(); data.grad.round(4)
    array([ 0.3213, -0.1143, -0.3129])
    """

    def __init__(self, dataset: Any, bw_method: Any = None, weights: Any = None) -> None:
        self.dataset = np.atleast_2d(operand(dataset))
        self.d, self.n = np.shape(self.dataset)
        if self.n < 2:
            raise ValueError(f"gaussian_kde: {self.n} points have no deviation; give more, as columns of (d, n).")
        weights = np.ones(self.n) if weights is None else operand(weights)
        if np.shape(weights) != (self.n,):
            raise ValueError(f"gaussian_kde: weights of shape {np.shape(weights)} do not fit {self.n} points.")
        self.weights = weights / np.sum(weights)
        self.neff = 1.0 / np.sum(np.square(self.weights))
        self.factor = self._factor(bw_method)
        off = self.dataset - np.sum(self.weights * self.dataset, axis=1, keepdims=True)
        self.covariance = (self.weights * off) @ off.T / (1.0 - 1.0 / self.neff) * np.square(self.factor)
        self._cholesky = np.linalg.cholesky(self.covariance)

    def _factor(self, method: Any) -> Any:
        if method is None or isinstance(method, str):
            if method not in (None, "scott", "silverman"):
                raise ValueError(f"gaussian_kde: bw_method must be 'scott', 'silverman' or a number; got {method!r}.")
            n = self.neff * ((self.d + 2.0) / 4.0) if method == "silverman" else self.neff
            return np.power(n, -1.0 / (self.d + 4.0))
        return method(self) if callable(method) else method

    def logpdf(self, x: Any) -> Any:
        """Evaluate the logarithm of the density at points x: (m,) or (d, m)."""
        x = np.atleast_2d(operand(x))
        if np.shape(x)[0] != self.d:
            if self.d == 1 or np.shape(x) != (1, self.d):
                raise ValueError(f"gaussian_kde: points of shape {np.shape(x)} do not fit data of {self.d} components.")
            x = np.reshape(x, (self.d, 1))
        means, points = np.linalg.solve(self._cholesky, self.dataset), np.linalg.solve(self._cholesky, x)
        squares = np.sum(np.square(np.expand_dims(means, 2) - np.expand_dims(points, 1)), axis=0)
        norm = np.sum(np.log(np.diagonal(self._cholesky))) + self.d * HALF_LOG_2PI
        return special.logsumexp(-0.5 * squares, axis=0, b=np.expand_dims(self.weights, 1)) - norm

    def evaluate(self, points: Any) -> Any:
        """Evaluate the density at points: (m,) or (d, m)."""
        return np.exp(self.logpdf(points))

    pdf = __call__ = evaluate
