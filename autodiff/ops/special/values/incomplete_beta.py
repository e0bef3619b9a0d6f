"""Values of the incomplete beta function, of its derivatives in the parameters, and of Student's distribution, on flat
float64 arrays. Numbers in, numbers out.

The value by a continued fraction. The derivatives are moments of U = log t - E log t and V = log(1 - t) - E log(1 - t)
under the beta density up to x:

    M_jk(a, b, x) = 1 / beta(a, b) times the integral of t**(a - 1) (1 - t)**(b - 1) U**j V**k over 0..x

dM_jk/da is M_(j+1)k less the effect of the two means, so that with M_00 = betainc all orders exist. The side of x is
integrated on which U (or V) keeps its sign, and the other side is the whole, a central moment, less that. With
t = x exp(-u) / (1 - x + x exp(-u)), a step of u on the logit scale, the integrand is a logarithmically concave function
of u that contains exponentials only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..blocks import by_regime, horner, integral, tanh_sinh
from .gamma import FAR, beta, betaln, polygamma, polygamma_difference, tail
from .gamma_moments import expm1_minus
from .incomplete_gamma import CLOSE, log1p_minus
from .normal import ndtr

NODES, WEIGHTS = tanh_sinh(1 / 32)


def _power(x: Any, rest: Any, a: Any) -> Any:
    """Return x**a, by log1p where x = 1 - rest is close to 1."""
    return np.where(x < 0.5, x**a, np.exp(a * np.log1p(-rest)))


def _beta_weight(a: Any, b: Any, x: Any, rest: Any) -> Any:
    """Return x**a rest**b / beta(a, b), rest being 1 - x."""

    def by_logarithm(a: Any, b: Any, x: Any, rest: Any) -> Any:
        return np.exp(a * _log(x, rest) + b * _log(rest, x) - betaln(a, b))

    def from_mode(a: Any, b: Any, x: Any, rest: Any) -> Any:
        """Return it relative to the largest value, at x = a / (a + b), by Stirling's formula: without large logarithms.
        """
        both = a + b
        u = np.where(x < 0.5, both * x - a, b - both * rest)  # equal; the first cancels near 1
        fall = a * _log1p_minus_of(u / a, both * x / a) + b * _log1p_minus_of(-u / b, both * rest / b)
        height = np.sqrt(a / both * b / (2.0 * math.pi))
        return height * np.exp(fall + (tail(both) - tail(a) - tail(b)))

    def by_power(a: Any, b: Any, x: Any, rest: Any) -> Any:
        power, scale = _power(x, rest, a) * _power(rest, x, b), beta(a, b)
        half = _power(x, rest, 0.5 * a) * _power(rest, x, 0.5 * b)  # both may underflow where their quotient does not
        return np.where(power > 1e-290, power / scale, half / scale * half)

    near, far = a + b < 150, (a >= FAR) & (b >= FAR)
    return by_regime(
        (near, by_power),
        (~near & ~far, by_logarithm),
        (~near & far, from_mode),
        x=(a, b, x, rest),
    )


def _log(x: Any, rest: Any) -> Any:
    """Return log x, where x = 1 - rest is close to 1 by log1p."""
    return np.where(x < 0.5, np.log(x), np.log1p(-rest))


def _log1p_minus_of(u: Any, one_and_u: Any) -> Any:
    return np.where(u < -0.3, np.log(one_and_u) - u, log1p_minus(u))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """Return x**(a - 1) (1 - x)**(b - 1) / beta(a, b), which at the ends is 0, infinite, or b and a."""
    rest = 1.0 - x
    inside = _beta_weight(a, b, x, rest) / (x * rest)
    power, other = np.where(x == 0, a, b) - 1.0, np.where(x == 0, b, a)
    end = np.where(power > 0, 0.0, np.where(power < 0, np.inf, other))
    return np.where((x < 0) | (x > 1) | np.isnan(a + b + x), np.nan, np.where((x == 0) | (x == 1), end, inside))


def _beta_fraction(a: Any, b: Any, x: Any, rest: Any) -> Any:
    """Return I_x(a, b) for x below (a + 1) / (a + b + 2): every second convergent of the continued fraction DLMF
    8.17.22, with a - (a + b) x as one number (DiDonato and Morris 1992, https://doi.org/10.1145/131766.131776,
    section 6).
    """
    slope = np.where(x < 0.5, a - (a + b) * x, (a + b) * rest - b)  # equal; the other one cancels
    c, first, k = 1.0 + slope, 1.0 + 1.0 / a, 0
    p, s = np.ones_like(x), a + 1.0
    top, bottom = (np.zeros_like(x), np.ones_like(x)), (np.ones_like(x), c / first)
    value, done = first / c, np.isnan(x)
    while k < 20_000:
        k += 1
        t, w, e = k / a, k * (b - k) * x, a / s
        alpha = p * (p + b / a) * e * e * (w * x)
        step = k + w / s + (t + 1.0) / (first + t + t) * (c + k * (1.0 + rest))
        p, s = t + 1.0, s + 2.0
        new_top, new_bottom = alpha * top[0] + step * top[1], alpha * bottom[0] + step * bottom[1]
        new = new_top / new_bottom
        done = done | ~(np.abs(new - value) > CLOSE * np.abs(new))
        value = np.where(done, value, new)
        if k % 4 == 0 and done.all():
            break
        top = top[1] / new_bottom, value
        bottom = bottom[1] / new_bottom, np.ones_like(x)
    return np.where(done, _beta_weight(a, b, x, rest) * value, np.nan)


def _incomplete_beta(a: Any, b: Any, x: Any, rest: Any) -> Any:
    inside = (a > 0) & (b > 0) & (x > 0) & (rest > 0) & np.isfinite(a + b)

    def from_an_end(a: Any, b: Any, x: Any, rest: Any) -> Any:
        left = x <= (a + 1.0) / (a + b + 2.0)
        mirrored = np.where(left, (a, b, x, rest), (b, a, rest, x))
        y = _beta_fraction(*mirrored)
        return np.where(left, y, 1.0 - y)

    return by_regime(
        (inside, from_an_end),
        ((a > 0) & (b > 0) & ((x == 0) | (rest == 0)), lambda a, b, x, rest: np.where(x == 0, 0.0, 1.0)),
        x=(a, b, x, rest),
    )


def betainc(a: Any, b: Any, x: Any) -> Any:
    return _incomplete_beta(a, b, x, 1.0 - x)


def betaincc(a: Any, b: Any, x: Any) -> Any:
    return _incomplete_beta(b, a, 1.0 - x, x)


def stdtr(df: Any, t: Any) -> Any:
    """Return Student's distribution up to t: on the left half of I_x(df/2, 1/2) at x = df / (df + t*t), on the right
    one minus that.
    """
    half, square = np.full_like(t, 0.5), t * t
    x, rest = df / (df + square), square / (df + square)
    x, rest = np.where(np.isinf(square), 0.0, x), np.where(np.isinf(square), 1.0, rest)
    tail = 0.5 * np.where(df > 0, _incomplete_beta(0.5 * df, half, x, rest), np.nan)
    return np.where(np.isposinf(df), ndtr(t), np.where(t > 0, 1.0 - tail, tail))


# ---- integrals of the beta density from x down, times a factor
def _step_down(a: Any, b: Any, x: Any, rest: Any, u: Any) -> tuple[Any, Any, Any]:
    """Return a step of u down from x to t on the logit scale: the fall of log(t**a (1 - t)**b), log(t / x), and
    log((1 - t) / rest).

    By log1p of x (exp(-u) - 1), beyond 1/2 of rest (exp(u) - 1). Near the mode the fall is a small difference of large
    terms: for small steps its linear part is taken out.
    """
    beyond = x > 0.5
    v, small = np.where(beyond, np.minimum(u, 36.0), -u), np.minimum(x, rest)
    growth = small * np.expm1(v)
    logarithm = np.log1p(growth)
    far = beyond & (u > 36.0)
    if far.any():
        logarithm = np.where(far, np.log(rest + x * np.exp(-u)) + u, logarithm)
    bend = log1p_minus(growth) + small * expm1_minus(v)
    excess = np.where(beyond, (a + b) * rest - b, a - (a + b) * x)
    fall = np.where(u < 0.7, excess * u, np.where(beyond, -b, a) * u) + (a + b) * np.where(u < 0.7, bend, logarithm)
    return fall, np.where(beyond, 0.0, -u) - logarithm, np.where(beyond, u, 0.0) - logarithm


def _reach(a: Any, b: Any, x: Any, rest: Any) -> Any:
    """Return the step at which t**a (1 - t)**b is e**-45 of its value at x, by Newton's method from above: the fall is
    convex, and above its tangents at 0 and at infinity.
    """
    excess = a - (a + b) * x
    u = (45.0 - (a + b) * np.where(x < 0.5, np.log1p(-x), np.log(rest))) / a
    u = np.where(excess > 0, np.minimum(u, 45.0 / excess), u)
    done = np.isnan(u)  # a few digits are enough; an element that has settled does not change with its neighbours
    for _ in range(40):
        t = x * np.exp(-u)
        fall = a * u + (a + b) * np.where(x < 0.5, np.log1p(x * np.expm1(-u)), np.log(rest + t)) - 45.0
        new = np.where(done, u, u - fall / np.maximum(a - (a + b) * (t / (rest + t)), 1e-300))
        done, u = done | (np.abs(new - u) < 0.01 * u), new
        if done.all():
            break
    return np.maximum(u, 1e-12)


def _integral_down(factor: Callable[..., Any], a: Any, b: Any, x: Any, rest: Any, *more: Any) -> Any:
    """Return the integral of factor(log(t / x), log((1 - t) / rest), x, rest, *more) times the beta density over 0..x.

    Where x is far above the place at which the density turns down, the way there and the way on are two integrals,
    since the nodes lie close together at the ends only. factor: of rows and columns, as in ``integral``.
    """
    one, other = np.maximum(a, 1.0), np.maximum(b, 1.0)  # the density turns at the logit of log(one / other)
    way = np.log(x) - np.log(rest) - np.log(one / other)
    at = np.flatnonzero(way > 1.0)
    two = np.concatenate([np.arange(x.size), at])
    start = np.where(way > 1.0, one / (one + other), x), np.where(way > 1.0, other / (one + other), rest)
    length = np.concatenate([_reach(a, b, *start), way[at]])
    operands = a[two], b[two], np.concatenate([start[0], x[at]]), np.concatenate([start[1], rest[at]])

    def integrand(length: Any, a: Any, b: Any, x: Any, rest: Any, *more: Any) -> Any:
        fall, rise, rise_of_rest = _step_down(a, b, x, rest, NODES * length)
        return np.exp(-fall) * factor(rise, rise_of_rest, x, rest, *more)

    y = length * _beta_weight(*operands)
    y = y * integral(integrand, WEIGHTS, length, *operands, *[m[two] for m in more])
    y, beyond = y[: x.size], y[x.size :]
    y[at] += beyond
    return y


# ---- the derivatives in a and b
def _central_moment(a: Any, b: Any, j: int, k: int) -> Any:
    """Return M_jk(a, b, 1), from the joint cumulants of log t and log(1 - t)."""

    def cumulant(p: int, q: int) -> Any:
        if p + q < 2:
            return np.zeros_like(a)
        if q == 0:
            return -polygamma_difference(a, b, p - 1)
        return -polygamma_difference(b, a, q - 1) if p == 0 else -polygamma(a + b, p + q - 1)

    if j + k == 0:
        return np.ones_like(a)
    if j == 0:
        return _central_moment(b, a, k, 0)
    total = np.zeros_like(a)
    for p in range(j):
        for q in range(k + 1):
            if p + q:
                ways = math.comb(j - 1, p) * math.comb(k, q)
                total = total + ways * cumulant(p + 1, q) * _central_moment(a, b, j - 1 - p, k - q)
    return total


def beta_log_moment(a: Any, b: Any, x: Any, j: int, k: int) -> Any:
    """Return M_jk(a, b, x) for j + k >= 1."""
    good = (a > 0) & (b > 0) & np.isfinite(a + b)
    inside = good & (x > 0) & (x < 1)
    safe = np.where(good, a, 1.0), np.where(good, b, 1.0)
    total = _central_moment(*safe, j, k)
    x, ends = np.where(inside, x, 0.5), np.where(good & (x == 1), total, np.where(good & (x == 0), 0.0, np.nan))
    a, b, rest = *safe, 1.0 - x
    mean, mean_of_rest = -polygamma_difference(a, b, 0), -polygamma_difference(b, a, 0)
    left = x < a / (a + b)
    if k == 0:
        left = np.log(x) < mean
    if j == 0:
        left = np.log1p(-x) > mean_of_rest
    a, b = np.where(left, a, b), np.where(left, b, a)
    x, rest = np.where(left, x, rest), np.where(left, rest, x)
    means = np.where(left, mean, mean_of_rest), np.where(left, mean_of_rest, mean)

    def factor(rise: Any, rise_of_rest: Any, x: Any, rest: Any, mean: Any, mean_of_rest: Any, left: Any) -> Any:
        first, second = _log(x, rest) - mean + rise, _log(rest, x) - mean_of_rest + rise_of_rest
        return np.where(left, first, second) ** j * np.where(left, second, first) ** k

    y = _integral_down(factor, a, b, x, rest, *means, left)
    return np.where(inside, np.where(left, y, total - y), ends)


# ---- Student's distribution, differentiated in df
# psi((df + 1) / 2) - psi(df / 2) - 1 / df by powers of 1 / df, from the second on (Boole's summation, DLMF 24.17.1)
_HALF_STEP = (0.5, -0.25, 0.5, -2.125, 15.5, -172.75, 2730.5, -58098.0625)


def _half_step(df: Any) -> Any:
    """Return psi((df + 1) / 2) - psi(df / 2) - 1 / df; for large df, where they nearly cancel, by positive terms."""
    total = np.zeros_like(df)
    for m in range(0, 20, 2):
        total = total + 2.0 / ((df + m) * (df + m + 1.0) * (df + m + 2.0))
    inverse = 1.0 / (df + 20.0)
    square = inverse * inverse
    return total + square * horner(_HALF_STEP[::-1], square)


def stdtr_slope(df: Any, t: Any) -> Any:
    """Return the derivative of stdtr in df: an integral of the density times the derivative of its logarithm in df,

        h = (_half_step(df) + log(1 - y) + y + y / df) / 2,  y = t*t / (df + t*t),

    which is positive in the middle, negative in the tails, and adds up to 0: over the side on which it keeps its sign.
    """
    good = (df > 0) & np.isfinite(df) & (t != 0) & np.isfinite(t)
    zero = (df > 0) & ((t == 0) | np.isinf(t)) | np.isposinf(df)
    df, size = np.where(good, df, 1.0), np.where(good, np.abs(t), 1.0)
    square = size * size
    x, y = df / (df + square), square / (df + square)
    good, zero = good & (x > 0) & (y > 0), zero | (good & ((x == 0) | (y == 0)))  # the square over- or underflows
    x, y = np.where(good, x, 0.5), np.where(good, y, 0.5)

    def slope(df: Any, y: Any, log_of_rest: Any, step: Any) -> Any:
        return 0.5 * (step + np.where(y < 0.3, log1p_minus(-np.minimum(y, 0.3)), log_of_rest + y) + y / df)

    step, half = _half_step(df), np.full_like(df, 0.5)
    in_tail = slope(df, y, _log(x, y), step) < 0

    def factor(rise: Any, rise_of_rest: Any, x: Any, rest: Any, df: Any, step: Any, in_tail: Any) -> Any:
        y = np.where(in_tail, rest * np.exp(rise_of_rest), x * np.exp(rise))
        log_of_rest = np.where(in_tail, _log(x, rest) + rise, _log(rest, x) + rise_of_rest)
        return slope(df, y, log_of_rest, step)

    a, b = np.where(in_tail, 0.5 * df, half), np.where(in_tail, half, 0.5 * df)
    integrated = _integral_down(factor, a, b, np.where(in_tail, x, y), np.where(in_tail, y, x), df, step, in_tail)
    value = np.where(in_tail, 0.5, -0.5) * integrated * -np.sign(t)
    return np.where(good, value, np.where(zero, 0.0, np.nan))
