"""Values of the hypergeometric functions 0F1, 1F1 and 2F1 and of their derivatives, on flat float64 arrays. Numbers
in, numbers out.

Each is the sum of a power series about a place near z (``hypergeometric_series``), which numbers z of equal parameters
share. 1F1 of negative numbers is that of positive ones by Kummer's transformation (NIST DLMF 13.2.39).
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np

from .gamma import gamma
from .hypergeometric_series import Place, near

FAR = 4096.0  # beyond it 1F1 is not summed by powers
NEAR_END = 1024.0  # beyond it, on the left, an asymptotic series is shorter
FAR_0 = 2.0**17  # beyond it 0F1 is infinite on the right, and not computed on the left
LN2 = (0.6931471803691238, 1.9082149292705877e-10)  # its leading digits, so that multiples are exact, and the rest
LARGEST = 1000.0  # parameter of 0F1 and 1F1
SMALLEST = 1e-300  # upper parameter; below it is 0
LARGEST_2 = 200.0  # of 2F1, whose series cancel more


def _by_group(keys: list[Any], value: Any, *columns: Any) -> Any:
    """Return value(*key, *columns) for each group of equal keys; NaN where the key is None."""
    y, groups = np.full(len(keys), np.nan), defaultdict(list)
    for i, key in enumerate(keys):
        groups[key].append(i)
    groups.pop(None, None)
    for key, at in groups.items():
        y[at] = value(*key, *[c[at] for c in columns])
    return y


def _is_end(x: float) -> bool:
    return x <= 0 and x == math.floor(x)


def _power(z: float) -> int:
    """Return the least power of 2, from 1 on, that is no less than abs(z), and that is a float64 number."""
    fraction, power = math.frexp(z)
    return 1 << min(max(power - (abs(fraction) == 0.5), 0), 1023)


def _unit(z: float) -> int:
    """Return the unit of a series about 0: z is at most 1 in it, and for a large z not much less."""
    return _power(z) if abs(z) <= 256 else 256 * math.ceil(abs(z) / 256)


# ---- 0F1
def hyp0f1(b: Any, z: Any, orders: tuple[int, ...]) -> Any:
    """Return the derivative of these orders in b, z."""
    i, k = orders

    def key(b: float, z: float) -> Any:
        return (b, _power(z)) if abs(b) <= LARGEST and abs(z) <= FAR_0 and not _is_end(b) else None

    def value(b: float, unit: int, z: Any) -> Any:
        return np.ldexp(*near((), (b,), (i,), k, Place("zero", unit), z, z / unit))

    y = _by_group([key(*x) for x in zip(b.tolist(), z.tolist())], value, z)
    return np.where((z > FAR_0) & (b > 0) & (b <= LARGEST) & (i == 0), np.inf, y)


# ---- 1F1
def hyp1f1(a: Any, b: Any, z: Any, orders: tuple[int, ...]) -> Any:
    """Return the derivative of these orders in a, b, z."""
    i, j, k = orders
    a = np.where(np.abs(a) < SMALLEST, 0.0, a)

    def key(a: float, b: float, z: float) -> Any:
        if not (abs(a) <= LARGEST and abs(b) <= LARGEST and not math.isnan(z)):
            return None
        finite, plain = _is_end(a) and i == 0, i == j == 0
        if _is_end(b) and not (finite and plain and b <= a):
            return (a, b, "pole", 0) if plain else None
        if finite and math.isfinite(z):
            return a, b, "finite", _power(z)
        soon = plain and (abs(a) + k) * (abs(a - b) + 1.0) < 4.0 * NEAR_END  # the asymptotic series begins to fall
        if -(NEAR_END if soon else FAR) <= z <= FAR:
            return a, b, "turned" if z < 0 else "zero", _unit(z)
        return (a, b, "far", 0) if plain else None

    def value(a: float, b: float, kind: str, unit: int, z: Any) -> Any:
        if kind in ("pole", "far"):
            return np.full_like(z, np.inf) if kind == "pole" else _far(a, b, z, k)
        turned = kind == "turned"
        place = Place("finite" if kind == "finite" else "zero", unit, turned)
        z = -z if turned else z
        t = z / unit
        y, power = near((a,), (b,), (i, j), k, place, z, t)
        if unit & (unit - 1):  # the quotient was rounded; the sum grows like exp(z) z**(a - b)
            high = t.astype(np.float32).astype(np.float64)  # few digits, so that its multiple is exact
            lost = ((z - high * unit) - (t - high) * unit) / z
            y = y * (1.0 + lost * (z + (-a if turned else a - b)))
        if not turned:
            return np.ldexp(y, power)
        whole = np.rint(z / math.log(2.0))  # exp(-z) may underflow where the product does not
        return np.ldexp(y * np.exp(-(z - whole * LN2[0] - whole * LN2[1])), power - whole.astype(int))

    return _by_group([key(*x) for x in zip(a.tolist(), b.tolist(), z.tolist())], value, z)


def _far(a: float, b: float, z: Any, k: int) -> Any:
    """Return the k-th derivative for large z: on the left by the asymptotic series (DLMF 13.7.2), which stands in
    proportion to the value at -NEAR_END; on the right, and at infinity, infinite or a limit."""
    ends = hyp1f1(np.array([a, a]), np.array([b, b]), np.array([-NEAR_END, NEAR_END]), (0, 0, k))

    def series(x: Any) -> Any:
        term = total = size = np.ones_like(x)
        for n in range(100):
            term = term * ((a + k + n) * (a - b + 1 + n) / (n + 1.0) / x)
            total, size = total + term, size + np.abs(term)
            if (np.abs(term) <= 1e-18 * size).all():
                break
        return np.where((np.abs(term) <= 1e-18 * size) & (size <= 4.0 * np.abs(total)), total, np.nan)

    left = np.isfinite(z) & (z < 0)
    x = np.where(left, -z, NEAR_END)
    y = ends[0] * (x / NEAR_END) ** -(a + k) * series(x) / series(np.array([NEAR_END]))
    rise = np.where((z < 0) | _is_end(a), -(a + k), 1.0)
    end = np.where(z < 0, ends[0], ends[1])
    limit = np.where(rise == 0, end, np.where((rise < 0) | (end == 0), 0.0, np.copysign(np.inf, end)))
    return np.where(left, y, limit)


# ---- 2F1
def hyp2f1(a: Any, b: Any, c: Any, z: Any, orders: tuple[int, ...]) -> Any:
    """Return the derivative of these orders in a, b, c, z."""
    *parameters, k = orders
    a, b = (np.where(np.abs(x) < SMALLEST, 0.0, x) for x in (a, b))
    rest, power = np.frexp(1.0 - z)
    whole = rest == 0.5  # 1 - z is a power of 2: z is a place itself
    ones, from_one = np.where(whole, 1, 0) - power, np.where(whole, 0.0, 1.0 - rest)
    size, power = np.frexp(np.abs(z))
    even = size >= 0.75
    lefts, from_left = 2 * power + 1 + even, np.where(even, (0.75 - size) / 0.75, 1.0 - 2.0 * size)

    def key(a: float, b: float, c: float, z: float, n: int) -> Any:
        if not (all([abs(x) <= LARGEST_2 for x in (a, b, c)]) and abs(z) <= 2.0**100):  # NaN is not
            return None
        finite = (_is_end(a) and not orders[0]) or (_is_end(b) and not orders[1])
        plain, ends = not any(parameters), [x for x in (a, b) if _is_end(x)]
        if _is_end(c) and not (plain and max(ends, default=-math.inf) >= c):
            return (a, b, c, "pole", 1) if plain else None
        if finite:
            return a, b, c, "finite", _power(z)
        if abs(z) <= 0.5:
            return a, b, c, "zero", 1
        if z == 1.0:
            return (a, b, c, "gauss", 1) if plain else None
        if z > 1.0:
            return None
        return (a, b, c, "one", int(ones[n])) if z > 0 else (a, b, c, "left", int(lefts[n]))

    def value(a: float, b: float, c: float, kind: str, step: int, z: Any, ones: Any, lefts: Any) -> Any:
        if kind in ("pole", "gauss"):
            pole = np.where((z == 0) & (k == 0), 1.0, np.inf)
            return pole if kind == "pole" else np.full_like(z, _gauss(a, b, c, k))
        t = {"one": ones, "left": lefts}.get(kind, z / step)
        return np.ldexp(*near((a, b), (c,), tuple(parameters), k, Place(kind, step), z, t))

    keys = [key(*x, n) for n, x in enumerate(zip(a.tolist(), b.tolist(), c.tolist(), z.tolist()))]
    return _by_group(keys, value, z, from_one, from_left)


def _gauss(a: float, b: float, c: float, k: int) -> float:
    """Return the k-th derivative at 1 (DLMF 15.4.20)."""
    lead = math.prod([(a + n) * (b + n) / (c + n) for n in range(k)])
    a, b, c = a + k, b + k, c + k
    rest = math.fsum([c, -a, -b])
    if rest <= 0:
        return float(lead * np.prod(np.sign(gamma(np.array([c, a, b])))) * math.inf)
    if _is_end(c - a) or _is_end(c - b):
        return 0.0
    g = gamma(np.array([c, c - a, rest, c - b]))
    return float(lead * (g[0] / g[1] * (g[2] / g[3])))
