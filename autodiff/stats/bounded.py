"""Distributions on an interval, each by its formulas, as in ``continuous``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import special
from ..variable import plain
from .continuous import HALF_LOG_2PI
from .distribution import Continuous, both_sides, distance

UNIT = (0.0, 1.0)
TINY = float(np.finfo(np.float64).tiny)


def _arcsine_area(z: Any, above: bool = False) -> Any:
    """Return 2 / pi arcsin(sqrt(z)), the area up to z or above it, from the nearer end."""
    low = np.less(plain(z), 0.5)
    area = (2.0 / math.pi) * np.arcsin(np.sqrt(np.where(low, z, 1.0 - z)))
    return np.where(np.not_equal(low, above), area, 1.0 - area)


arcsine = Continuous(
    "arcsine", "", lambda z: -math.log(math.pi) - 0.5 * (np.log(z) + np.log1p(-z)),
    _arcsine_area, lambda z: _arcsine_area(z, above=True), UNIT, 0.5,
    ppf=lambda q: np.square(np.sin(0.5 * math.pi * q)), isf=lambda q: np.square(np.cos(0.5 * math.pi * q)),
)  # fmt: skip


def _semicircle_area(z: Any) -> Any:
    """Return the area up to z, from the nearer end: a beta distribution, because z sqrt(1 - z**2) + arcsin(z) has the
    derivative inf - inf at the ends."""
    return both_sides(z, special.betainc(1.5, 1.5, 0.5 * (1.0 - distance(z))))


semicircular = Continuous(
    "semicircular", "", lambda z: 0.0 * z + math.log(2.0 / math.pi),
    _semicircle_area, lambda z: _semicircle_area(-z),
    (-1.0, 1.0), powers=lambda z: [(0.5, 1.0 - z), (0.5, 1.0 + z)],
)  # fmt: skip
bradford = Continuous(
    "bradford", "c", lambda z, c: np.log(c) - np.log1p(c * z) - np.log(np.log1p(c)),
    lambda z, c: np.log1p(c * z) / np.log1p(c), lambda z, c: np.log1p(c * (1.0 - z) / (1.0 + c * z)) / np.log1p(c),
    UNIT, 0.5, ppf=lambda q, c: np.expm1(q * np.log1p(c)) / c,
    isf=lambda q, c: np.expm1((1.0 - q) * np.log1p(c)) / c,
)  # fmt: skip
truncexpon = Continuous(
    "truncexpon", "b", lambda z, b: -z - np.log(-np.expm1(-b)), lambda z, b: np.expm1(-z) / np.expm1(-b),
    lambda z, b: np.exp(-z) * np.expm1(z - b) / np.expm1(-b), lambda b: (0.0, b), lambda b: 0.5 * b,
    ppf=lambda q, b: -np.log1p(q * np.expm1(-b)), isf=lambda q, b: -np.log(np.exp(-b) - q * np.expm1(-b)),
)  # fmt: skip
johnsonsb = Continuous(
    "johnsonsb", "a b",
    lambda z, a, b: np.log(b) - np.log(z) - np.log1p(-z) - HALF_LOG_2PI - 0.5 * np.square(a + b * special.logit(z)),
    lambda z, a, b: special.ndtr(a + b * special.logit(z)), lambda z, a, b: special.ndtr(-(a + b * special.logit(z))),
    (TINY, 1.0 - 2.0**-53), 0.5, logcdf=lambda z, a, b: special.log_ndtr(a + b * special.logit(z)),
    logsf=lambda z, a, b: special.log_ndtr(-(a + b * special.logit(z))),
    ppf=lambda q, a, b: special.expit((special.ndtri(q) - a) / b),
    isf=lambda q, a, b: special.expit(-(special.ndtri(q) + a) / b),
)  # fmt: skip


def _left(z: Any, c: Any) -> Any:
    return np.less(plain(z), plain(c)) | np.greater_equal(plain(c), 1)


def _side(z: Any, c: Any) -> tuple[Any, Any]:
    """Return the distance from the end on the side of z, and the width of that side; 1 for one of no width."""
    left = _left(z, c)
    low, high = np.where(np.greater(plain(c), 0), c, 1.0), np.where(np.less(plain(c), 1), 1.0 - c, 1.0)
    return np.where(left, z, 1.0 - z), np.where(left, low, high)


def _triangle(z: Any, c: Any, below: bool) -> Any:
    left = _left(z, c)
    distance, width = _side(z, c)
    beyond = distance * distance / width
    # 1 - beyond, without its cancellation at the other end
    between, both = np.where(left, c - z, z - c), np.where(left, c + z, 2.0 - c - z)
    return np.where(left == below, beyond, np.where(left, 1.0 - c, c) + between * both / width)


def _triangle_quantile(q: Any, c: Any) -> Any:
    left = _left(q, c)
    root = np.sqrt(np.where(left, q * c, (1.0 - q) * (1.0 - c)))
    return np.where(left, root, 1.0 - root)


def _log_triangle(z: Any, c: Any) -> Any:
    return math.log(2.0) - np.log(_side(z, c)[1])


triang = Continuous(
    "triang", "c", _log_triangle, lambda z, c: _triangle(z, c, True), lambda z, c: _triangle(z, c, False), UNIT, 0.5,
    ppf=_triangle_quantile, isf=lambda q, c: 1.0 - _triangle_quantile(q, 1.0 - c),
    powers=lambda z, c: [(1.0, _side(z, c)[0])],
)  # fmt: skip
