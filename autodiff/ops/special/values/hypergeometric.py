"""Values of the hypergeometric functions 0F1, 1F1 and 2F1 on flat float64 arrays. Numbers in, numbers out.

Each is the sum of its power series about a place near z: about 0, or for 2F1 about places that come nearer to the
singular point 1 by halves, and about places further and further left of 0 (the Taylor series of the solution of its
differential equation, NIST DLMF 15.10.1, carried from place to place). float64 numbers are fractions, so that the
coefficients are computed in Python's whole numbers with as many binary digits as it takes: twice, with different
numbers of digits, until both agree. They are rounded once, and serve every z near the place; where the terms cancel the
sum itself is made in whole numbers. Derivatives in z are shifted parameters (DLMF 13.3.15, 15.5.2), those in parameters
divided differences with a step of 2**-64 or less, for which there are digits enough.
"""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from .gamma import gamma

FAR = 4096.0  # beyond it 1F1 is not summed by powers
NEAR_END = 1024.0  # beyond it, on the left, an asymptotic series is shorter
FAR_0 = 2.0**17  # beyond it 0F1 is infinite on the right, and not computed on the left
LN2 = (0.6931471803691238, 1.9082149292705877e-10)  # its leading digits, so that multiples are exact, and the rest
LARGEST = 1000.0  # parameter
LADDER = (128, 320, 800, 2000, 5000, 12000)  # binary digits to begin with, and when these are not enough
CHECK = 64  # more of them in the computation that is compared
AGREED = 60  # binary digits


class Place(NamedTuple):
    """kind: "zero" (the series is in z / step), "finite" (the same, a polynomial), "one" (about 1 - 2**-step), "left"
    (about the step-th of -1/2, -3/4, -1, -3/2, -2, ...). turned: in -z, by Kummer's transformation."""

    kind: str
    step: int
    turned: bool = False


class Exact(NamedTuple):
    """Parameters as whole numbers over 2**q."""

    tops: tuple[int, ...]
    bottoms: tuple[int, ...]
    q: int


# ---- coefficients in whole numbers over 2**digits
def _from_zero(p: Exact, first: int, step: int) -> list[int]:
    """Return coefficients of the series about 0 in z / step, which begins with ``first``."""
    one, x, n, terms = 1 << p.q, first, 0, [first]
    # beyond ``late`` the size of a coefficient falls by half or more, or for 2F1 by no less than (n / (n + 1))**late
    size = max(abs(c) for c in (*p.tops, *p.bottoms, one)) // one + 1
    late = 4 * size + (0, 4 * step, 4 * math.isqrt(step))[2 - len(p.tops)]
    while True:
        above, below = step, n + 1
        for t in p.tops:
            above *= t + n * one
        for b in p.bottoms:
            below *= b + n * one
        if above == 0:
            return [*terms, 0]  # a polynomial
        more = len(p.bottoms) - len(p.tops)
        x = (x * above << p.q * max(more, 0)) // (below << p.q * max(-more, 0))
        terms.append(x)
        n += 1
        small = x.bit_length() <= (n if len(p.tops) == 2 else 1)
        if n > late and small:
            return terms


@lru_cache(maxsize=256)
def _about(p: Exact, first: int, kind: str, step: int) -> list[int]:
    """Return the coefficients of 2F1 about a place, in units of the distance to the nearest singular point."""
    if kind in ("zero", "finite"):
        return _from_zero(p, first, step)
    here, distance, (top, bottom) = _geometry(kind, step)
    before = _about(p, first, kind if step > 1 else "zero", max(step - 1, 1))
    y, slope = _sum(before, top, bottom), _sum([n * x for n, x in enumerate(before)][1:], top, bottom)
    last = _geometry(kind, step - 1)[1] if step > 1 else (1, 1)
    slope = slope * distance[0] * last[1] // (distance[1] * last[0])
    return _by_equation(p, here, distance, y, slope)


def _geometry(kind: str, step: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return fractions: the place, its distance from the nearest singular point, and its distance from the place before
    in units of that one's."""
    if kind == "one":
        return ((1 << step) - 1, 1 << step), (1, 1 << step), (1, 2)
    whole, even = divmod(step - 1, 2)
    size = ((3 if even else 2) << whole, 4)
    return (-size[0], 4), size, (-1, 2) if even or step == 1 else (-1, 3)


def _by_equation(p: Exact, here: tuple[int, int], distance: tuple[int, int], y: int, slope: int) -> list[int]:
    """Return y, slope, ... by the differential equation: with Q = z (1 - z) and R the distance,

    (n + 2)(n + 1) Q / R g[n + 2] = -(n + 1)(n (1 - 2 z) + c - (a + b + 1) z) g[n + 1] + R (n + a)(n + b) g[n].
    """
    (a, b), (c,), one = p.tops, p.bottoms, 1 << p.q
    (z, w), (r, v) = here, distance
    # everything times one**2 w**2 v r, which makes whole numbers of it
    lead = (z * (w - z) * v * v) * one * one
    middle, fixed = (w - 2 * z) * w * v * r, (c * w - (a + b + one) * z) * w * v * r * one
    middle *= one * one
    tail = r * r * w * w
    shared = math.gcd(lead, middle, fixed, tail)
    lead, middle, fixed, tail = lead // shared, middle // shared, fixed // shared, tail // shared
    late = sum(abs(x) for x in (a, b, c)) // one + 4
    terms, n, small = [y, slope], 0, 0
    while n <= late or small < 4:
        x = tail * (n * one + a) * (n * one + b) * terms[n] - (n + 1) * (n * middle + fixed) * terms[n + 1]
        terms.append(x // ((n + 2) * (n + 1) * lead))
        small = small + 1 if terms[-1].bit_length() <= n + 2 else 0
        n += 1
    return terms


def _sum(terms: list[int], top: int, bottom: int) -> int:
    y = 0
    for x in reversed(terms):
        y = y * top // bottom + x
    return y


# ---- of parameters that are float64 numbers, and of derivatives
def _stencil(orders: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the places of a central difference, in half steps, and their weights."""
    for at in product(*[range(n + 1) for n in orders]):
        weight = math.prod([(-1) ** m * math.comb(n, m) for n, m in zip(orders, at)])
        yield tuple([n - 2 * m for n, m in zip(orders, at)]), weight


def _derived(tops: Any, bottoms: Any, orders: tuple[int, ...], k: int, place: Place, digits: int) -> list[int]:
    """Return the coefficients over 2**digits of a derivative: of these orders in the parameters, of order k in z."""
    half = digits // 2 if any(orders) else 0  # the step is 2**-half, the error of the difference its square
    lost = (half - 1) * sum(orders)
    fractions = [x.as_integer_ratio() for x in (*tops, *bottoms)]
    q = max(half, *[d.bit_length() - 1 for _, d in fractions])
    lists = []
    for at, _ in _stencil(orders):
        exact = [(n << q) // d + (m << (q - half)) for (n, d), m in zip(fractions, at)]
        lists.append(_coefficients(exact[: len(tops)], exact[len(tops) :], q, k, place, digits + lost))
    endless = [len(terms) for terms in lists if terms[-1] != 0] or [max(map(len, lists))]
    rows = [terms + [0] * (min(endless) - len(terms)) for terms in lists]
    weights = [weight for _, weight in _stencil(orders)]
    return [sum(map(operator.mul, weights, column)) for column in zip(*rows)]


def _coefficients(tops: list[int], bottoms: list[int], q: int, k: int, place: Place, digits: int) -> list[int]:
    above, below = 1 << q * max(len(bottoms) - len(tops), 0) * k, 1 << q * max(len(tops) - len(bottoms), 0) * k
    for i in range(k):
        above *= math.prod([t + (i << q) for t in tops])
        below *= math.prod([b + (i << q) for b in bottoms])
    if above == 0:
        return [0]
    tops, bottoms = [t + (k << q) for t in tops], [b + (k << q) for b in bottoms]
    if place.turned:
        tops = [bottoms[0] - tops[0]]
    first, p = (above << digits) // below, Exact(tuple(tops), tuple(bottoms), q)
    if len(tops) == 2:
        return _about(p, first, place.kind, place.step)
    return _from_zero(p, first, place.step)


class Expansion(NamedTuple):
    """exact: coefficients over 2**digits, off by ``off`` units at most; rounded: of a step ``times`` as large, over
    2**-power."""

    exact: list[int]
    digits: int
    off: int
    rounded: list[float]
    power: int
    times: int


@lru_cache(maxsize=1024)
def _expansion(tops: Any, bottoms: Any, orders: tuple[int, ...], k: int, place: Place, rung: int) -> Expansion | None:
    """Return the coefficients, with the digits of this rung of the ladder or more; None where none are enough."""
    for digits in LADDER[rung:]:
        rough = _derived(tops, bottoms, orders, k, place, digits)
        exact = _derived(tops, bottoms, orders, k, place, digits + CHECK)
        fall = int(len(tops) == 2 and place.kind != "finite")  # the steps are halves at most
        off = max([abs(x - (y << CHECK)) >> fall * n for n, (x, y) in enumerate(zip(exact, rough))]) * len(exact)
        top = max([abs(x) >> fall * n for n, x in enumerate(exact)])
        nothing = top == 0 and (len(exact) == 1 or digits == LADDER[-1])
        if off << AGREED <= top != 0 or nothing:
            power = top.bit_length()
            rounded = [x / (1 << power + fall * n) for n, x in enumerate(exact)]
            while len(rounded) > 1 and abs(rounded[-1]) < 1e-20:
                rounded.pop()
            return Expansion(exact, digits + CHECK, off, rounded, power - digits - CHECK, 1 << fall)
    return None


def _exactly(args: tuple[Any, ...], top: int, bottom: int) -> tuple[float, int]:
    """Return the sum of a series whose terms cancel, as a number and a power of 2; NaN where no digits are enough."""
    for rung in range(len(LADDER)):
        found = _expansion(*args, rung)
        if found is None:
            break
        y = _sum(found.exact, top, bottom)
        if abs(y) > found.off << AGREED:
            power = y.bit_length()
            return y / (1 << power), power - found.digits
        if found.off == 0 or (rung == len(LADDER) - 1 and abs(y) <= 4 * found.off):
            return 0.0, 0  # a zero of a polynomial
    return math.nan, 0


def _polynomial(coefficients: list[float], t: Any) -> tuple[Any, Any]:
    """Return a polynomial, lowest power first, and the sum of the sizes of its terms."""
    y, size = np.zeros_like(t), np.zeros_like(t)
    for start in range(0, len(coefficients), 16):  # short chains of roundings
        part, parts = np.zeros_like(t), np.zeros_like(t)
        for c in reversed(coefficients[start : start + 16]):
            part, parts = part * t + c, parts * np.abs(t) + abs(c)
        power = t**start
        y, size = y + part * power, size + parts * np.abs(power)
    return y, size


def _near(tops: Any, bottoms: Any, orders: Any, k: int, place: Place, z: Any, step: Any) -> tuple[Any, Any]:
    """Return the sums of one series at numbers z, ``step`` from its place in its unit, and their powers of 2."""
    args = tops, bottoms, orders, k, place
    found = _expansion(*args, 0)
    if found is None:
        return z * np.nan, np.zeros(z.shape, int)
    y, size = _polynomial(found.rounded, step * found.times)
    power = np.full(z.shape, found.power)
    gone = (size < 1e-270) & ((np.abs(step) > 1e-9) | (found.exact[0] != 0))  # terms underflow
    for i in ((size > 4.0 * np.abs(y)) | gone).nonzero()[0]:
        top, bottom = float(z[i]).as_integer_ratio()
        if place.kind in ("zero", "finite"):
            bottom *= place.step
        else:
            (w, v), (r, u), _ = _geometry(place.kind, place.step)
            top, bottom = (top * v - w * bottom) * u, bottom * v * r
        y[i], power[i] = _exactly(args, top, bottom)
    return y, power


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
    """Return the least power of 2, from 1 on, that is no less than abs(z)."""
    fraction, power = math.frexp(z)
    return 1 << max(power - (abs(fraction) == 0.5), 0)


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
        return np.ldexp(*_near((), (b,), (i,), k, Place("zero", unit), z, z / unit))

    y = _by_group([key(*x) for x in zip(b.tolist(), z.tolist())], value, z)
    return np.where((z > FAR_0) & (b > 0) & (b <= LARGEST) & (i == 0), np.inf, y)


# ---- 1F1
def hyp1f1(a: Any, b: Any, z: Any, orders: tuple[int, ...]) -> Any:
    """Return the derivative of these orders in a, b, z."""
    i, j, k = orders

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
        y, power = _near((a,), (b,), (i, j), k, place, z, t)
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
    rest, power = np.frexp(1.0 - z)
    whole = rest == 0.5  # 1 - z is a power of 2: z is a place itself
    ones, from_one = np.where(whole, 1, 0) - power, np.where(whole, 0.0, 1.0 - rest)
    size, power = np.frexp(np.abs(z))
    even = size >= 0.75
    lefts, from_left = 2 * power + 1 + even, np.where(even, (0.75 - size) / 0.75, 1.0 - 2.0 * size)

    def key(a: float, b: float, c: float, z: float, n: int) -> Any:
        if not (max(abs(a), abs(b), abs(c)) <= LARGEST and abs(z) <= 2.0**100):
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
        return np.ldexp(*_near((a, b), (c,), tuple(parameters), k, Place(kind, step), z, t))

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
