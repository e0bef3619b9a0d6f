"""Power series of hypergeometric functions, with coefficients in whole numbers.

About 0, or for 2F1 about places that come nearer to the singular point 1 by halves, and about places further and
further left of 0 (the Taylor series of the solution of its differential equation, NIST DLMF 15.10.1, carried from place
to place). float64 numbers are fractions, so that the coefficients are computed in Python's whole numbers with as many
binary digits as it takes: twice, with different numbers of digits, until both agree. They are rounded once, and serve
every z near the place; where the terms cancel the sum itself is made in whole numbers. Derivatives in z are shifted
parameters (DLMF 13.3.15, 15.5.2), those in parameters divided differences with a step of 2**-64 or less, for which
there are digits enough.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

LADDER = (128, 320, 800, 2000, 5000, 12000)  # binary digits to begin with, and when these are not enough
CHECK = 64  # more of them in the computation that is compared
AGREED = 60  # binary digits


class Place(NamedTuple):
    """kind: "zero" (the series is in z / step), "finite" (the same, a polynomial), "one" (about 1 - 2**-step), "left"
    (about the step-th of -1/2, -3/4, -1, -3/2, -2, ...). turned: in -z, by Kummer's transformation."""

    kind: str
    step: int
    turned: bool = False


class Exact(NamedTuple):  # parameters as whole numbers over 2**q
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
def _about(p: Exact, first: int, digits: int, kind: str, step: int) -> tuple[list[int], int]:
    """Return the coefficients of 2F1 about a place, in units of the distance to the nearest singular point, and the
    power of 2 by which they were multiplied, so that they have as many digits as at 0."""
    if kind in ("zero", "finite"):
        return _from_zero(p, first, step), 0
    here, distance, (top, bottom) = _geometry(kind, step)
    before, raised = _about(p, first, digits, kind if step > 1 else "zero", max(step - 1, 1))
    y, slope = _sum(before, top, bottom), _sum([n * x for n, x in enumerate(before)][1:], top, bottom)
    last = _geometry(kind, step - 1)[1] if step > 1 else (1, 1)
    slope = slope * distance[0] * last[1] // (distance[1] * last[0])
    up = digits - max(y.bit_length(), slope.bit_length()) if y or slope else 0
    y, slope = (x << up if up > 0 else x >> -up for x in (y, slope))
    return _by_equation(p, here, distance, y, slope), raised + up


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


def _derived(
    tops: Any, bottoms: Any, orders: tuple[int, ...], k: int, place: Place, digits: int
) -> tuple[list[int], int]:
    """Return the coefficients of a derivative, of these orders in the parameters, of order k in z, and the number of
    their binary digits after the point."""
    half = digits // 2 if any(orders) else 0  # the step is 2**-half, the error of the difference its square
    lost = (half - 1) * sum(orders)
    fractions = [x.as_integer_ratio() for x in (*tops, *bottoms)]
    q = max(half, *[d.bit_length() - 1 for _, d in fractions])
    found = []
    for at, _ in _stencil(orders):
        exact = [(n << q) // d + (m << (q - half)) for (n, d), m in zip(fractions, at)]
        found.append(_coefficients(exact[: len(tops)], exact[len(tops) :], q, k, place, digits + lost))
    most = max([raised for terms, raised in found if any(terms)], default=0)
    lists = [[x << most - raised for x in terms] if any(terms) else terms for terms, raised in found]
    endless = [len(terms) for terms in lists if terms[-1] != 0] or [max(map(len, lists))]
    rows = [terms + [0] * (min(endless) - len(terms)) for terms in lists]
    weights = [weight for _, weight in _stencil(orders)]
    return [sum(map(operator.mul, weights, column)) for column in zip(*rows)], digits + most


def _coefficients(
    tops: list[int], bottoms: list[int], q: int, k: int, place: Place, digits: int
) -> tuple[list[int], int]:
    above, below = 1 << q * max(len(bottoms) - len(tops), 0) * k, 1 << q * max(len(tops) - len(bottoms), 0) * k
    for i in range(k):
        above *= math.prod([t + (i << q) for t in tops])
        below *= math.prod([b + (i << q) for b in bottoms])
    if above == 0:
        return [0], 0
    tops, bottoms = [t + (k << q) for t in tops], [b + (k << q) for b in bottoms]
    if place.turned:
        tops = [bottoms[0] - tops[0]]
    small = max(below.bit_length() - above.bit_length(), 0)
    first, p = (above << digits + small) // below, Exact(tuple(tops), tuple(bottoms), q)
    if len(tops) < 2:
        return _from_zero(p, first, place.step), small
    terms, raised = _about(p, first, digits, place.kind, place.step)
    return terms, small + raised


class Expansion(NamedTuple):
    """exact: coefficients over 2**digits, off by ``off`` units at most; those of a place that is no zero count for half
    as much each (fall is 1), since the steps from it are halves at most; top: the size of the largest."""

    exact: list[int]
    digits: int
    off: int
    top: int
    fall: int


@lru_cache(maxsize=32)  # some are megabytes
def _expansion(tops: Any, bottoms: Any, orders: tuple[int, ...], k: int, place: Place, rung: int) -> Expansion | None:
    """Return the coefficients, with the digits of this rung of the ladder or more; None where none are enough."""
    fall = int(len(tops) == 2 and place.kind != "finite")
    for digits in LADDER[rung:]:
        rough, after = _derived(tops, bottoms, orders, k, place, digits)
        exact, places = _derived(tops, bottoms, orders, k, place, digits + CHECK)
        more, less = max(places - after, 0), max(after - places, 0)
        pairs = enumerate(zip(exact, rough))
        off = max([abs(x - (y << more >> less)) >> fall * n for n, (x, y) in pairs]) * len(exact)
        top = max([abs(x) >> fall * n for n, x in enumerate(exact)])
        nothing = top == 0 and (len(exact) == 1 or digits == LADDER[-1])
        if off << AGREED <= top != 0 or nothing:
            return Expansion(exact, places, off, top, fall)
    return None


@lru_cache(maxsize=256)
def _rounded(*args: Any) -> tuple[Any, int, int, bool] | None:
    """Return the coefficients as numbers over 2**-power, of a step ``times`` as large, and whether the first is 0."""
    found = _expansion(*args, 0)
    if found is None:
        return None
    power, fall = found.top.bit_length(), found.fall
    rounded = np.array([x / (1 << power + fall * n) for n, x in enumerate(found.exact)])
    last = max(np.flatnonzero(np.abs(rounded) > 1e-20), default=0)
    return rounded[: last + 1], power - found.digits, 1 << fall, found.exact[0] == 0


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


def _polynomial(coefficients: Any, t: Any) -> tuple[Any, Any]:
    """Return a polynomial, lowest power first, and the sum of the sizes of its terms."""
    y, size = np.zeros_like(t), np.zeros_like(t)
    for start in range(0, len(coefficients), 16):  # short chains of roundings
        part, parts = np.zeros_like(t), np.zeros_like(t)
        for c in coefficients[start : start + 16][::-1].tolist():
            part, parts = part * t + c, parts * np.abs(t) + abs(c)
        power = t**start
        y, size = y + part * power, size + parts * np.abs(power)
    return y, size


def near(tops: Any, bottoms: Any, orders: Any, k: int, place: Place, z: Any, step: Any) -> tuple[Any, Any]:
    """Return the sums of one series at numbers z, ``step`` from its place in its unit, and their powers of 2."""
    args = tops, bottoms, orders, k, place
    found = _rounded(*args)
    if found is None:
        return z * np.nan, np.zeros(z.shape, int)
    rounded, one_power, times, from_zero = found
    y, size = _polynomial(rounded, step * times)
    power = np.full(z.shape, one_power)
    gone = (size < 1e-270) & ((np.abs(step) > 1e-9) | (not from_zero))  # terms underflow
    for i in ((size > 4.0 * np.abs(y)) | gone).nonzero()[0]:
        top, bottom = float(z[i]).as_integer_ratio()
        if place.kind in ("zero", "finite"):
            bottom *= place.step
        else:
            (w, v), (r, u), _ = _geometry(place.kind, place.step)
            top, bottom = (top * v - w * bottom) * u, bottom * v * r
        y[i], power[i] = _exactly(args, top, bottom)
    return y, power
