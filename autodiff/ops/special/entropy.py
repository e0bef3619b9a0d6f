"""Rows of information and robust loss functions: xlogy, entropies and divergences, Huber's losses.

Signatures are SciPy's. 0 log 0 is 0, as the limit is. The logarithm of a quotient near 1 is made of the difference, and
a divergence, which has a double zero where its arguments agree, of log(1 + u) - u.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...registry.singular_points import Point
from .blocks import special_row
from .values.incomplete_gamma import log1p_minus

POSITIVE, ANY = (0.0, math.inf), (-math.inf, math.inf)


def _xlogy(x: Any, y: Any) -> Any:
    return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log(y))


def _xlog1py(x: Any, y: Any) -> Any:
    return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log1p(y))


def _share(x: Any, y: Any) -> Any:
    """Return x / y, and 0 at 0 / 0: x log(y) at x = 0 is 0 for every y, so its derivative in y is 0."""
    return x / np.where(np.equal(x, 0) & np.equal(y, 0), 1.0, y)


xlogy = special_row(
    _xlogy,
    "Return a log(b), 0 where a is 0 (``scipy.special.xlogy``).",
    (lambda g, b: g * np.log(b), lambda g, a, b: g * _share(a, b)),
    name="xlogy",
    domain=(ANY, POSITIVE),
    points=(Point((0.0, 0.0), (-math.inf, 0.0), "infinite"), Point((0.0, 2.0), (math.log(2.0), 0.0), "limit")),
)
xlog1py = special_row(
    _xlog1py,
    "Return a log(1 + b), 0 where a is 0 (``scipy.special.xlog1py``).",
    (lambda g, b: g * np.log1p(b), lambda g, a, b: g * _share(a, 1.0 + b)),
    name="xlog1py",
    domain=(ANY, (-1.0, math.inf)),
)
entr = special_row(
    lambda x: np.where(x < 0, -np.inf, -_xlogy(x, x)),
    "Return -x log(x), 0 at 0 and -inf below (``scipy.special.entr``).",
    lambda g, x: -g * (np.log(x) + 1.0),
    name="entr",
    domain=POSITIVE,
    points=(Point((0.0,), (math.inf,), "infinite"),),
)


def _log_ratio(x: Any, y: Any) -> Any:
    """Return log(x / y), by the difference where the quotient is near 1."""
    near = np.abs(x - y) < 0.5 * np.abs(y)
    return np.where(near, np.log1p(np.where(near, x - y, 0.0) / y), np.log(x) - np.log(y))


log_ratio = special_row(
    _log_ratio,
    "Return log(a / b).",
    (lambda g, a: g / a, lambda g, b: -g / b),
    name="log_ratio",
    domain=(POSITIVE, POSITIVE),
)


def _rel_entr(x: Any, y: Any) -> Any:
    inside = np.where((x > 0) & (y > 0), x * _log_ratio(x, y), np.where((x == 0) & (y >= 0), 0.0, np.inf))
    return np.where(np.isnan(x) | np.isnan(y), np.nan, inside)


def _kl_div(x: Any, y: Any) -> Any:
    u = (x - y) / y
    near = y * ((1.0 + u) * log1p_minus(u) + u * u)
    far = x * _log_ratio(x, y) - x + y
    inside = np.where((x > 0) & (y > 0), np.where(np.abs(u) < 0.3, near, far), np.where((x == 0) & (y >= 0), y, np.inf))
    return np.where(np.isnan(x) | np.isnan(y), np.nan, inside)


rel_entr = special_row(
    _rel_entr,
    "Return a log(a / b), 0 where a is 0 (``scipy.special.rel_entr``).",
    (lambda g, a, b: g * (log_ratio(a, b) + 1.0), lambda g, a, b: -g * _share(a, b)),
    name="rel_entr",
    domain=(POSITIVE, POSITIVE),
)
kl_div = special_row(
    _kl_div,
    "Return a log(a / b) - a + b, exact where a is close to b (``scipy.special.kl_div``).",
    (lambda g, a, b: g * log_ratio(a, b), lambda g, a, b: g * _share(b - a, b)),
    name="kl_div",
    domain=(POSITIVE, POSITIVE),
)


def _huber(delta: Any, r: Any) -> Any:
    size = np.abs(r)
    return np.where(delta < 0, np.inf, np.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta)))


huber = special_row(
    _huber,
    "Return r² / 2 for |r| <= delta, delta (|r| - delta / 2) beyond (``scipy.special.huber``; Huber 1964).",
    (
        lambda g, delta, r: g * np.maximum(np.abs(r) - delta, 0.0),
        lambda g, delta, r: g * np.maximum(np.minimum(r, delta), -delta),
    ),
    name="huber",
    inputs="delta r",
    domain=(POSITIVE, ANY),
    kink=lambda delta, r: np.abs(np.abs(r) - delta),
    points=(Point((1.0, 1.0), (0.0, 1.0), "jump", -0.5), Point((1.0, -1.0), (0.0, -1.0), "jump", -0.5)),
)


def _pseudo_huber(delta: Any, r: Any) -> Any:
    safe = np.where(delta == 0, 1.0, delta)
    y = r * r / (1.0 + np.hypot(1.0, r / safe))
    return np.where(delta < 0, np.inf, np.where(delta == 0, 0.0, y))


def _pseudo_huber_delta(g: Any, delta: Any, r: Any) -> Any:
    ratio = r / delta
    root = np.sqrt(1.0 + ratio * ratio)
    slope = ratio * ratio / (1.0 + root)
    return g * delta * slope * slope / root


pseudo_huber = special_row(
    _pseudo_huber,
    "Return delta² (sqrt(1 + (r / delta)²) - 1), exact where r is small (``scipy.special.pseudo_huber``).",
    (_pseudo_huber_delta, lambda g, delta, r: g * r / np.hypot(1.0, r / delta)),
    name="pseudo_huber",
    inputs="delta r",
    domain=(POSITIVE, ANY),
)
