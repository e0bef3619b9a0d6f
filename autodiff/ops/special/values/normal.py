"""Values of the normal family: exp of a square, the normal distribution and its inverse, the scaled complementary error
function and its integrals. Numbers in, numbers out. ``kernels.py`` has erf and erfc themselves.

The digits of exp(-x*x) are lost in rounding x*x; so the square is split into an exact part and a small rest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...kernels import _erfc_double, _erfc_over_exp
from ..blocks import by_regime, horner, integral, tanh_sinh

ROOT_HALF = math.sqrt(0.5)


def exp_square(x: Any, factor: float) -> Any:
    """Return exp(factor x*x); factor is 1, -1 or -1/2, which multiply exactly."""
    x = np.clip(x, -1e4, 1e4)  # beyond, the result is 0 or inf
    h = x.astype(np.float32).astype(np.float64)  # h * h is exact
    return np.exp(factor * (h * h)) * np.exp(factor * ((x - h) * (x + h)))


def exp_square_single(x: Any, factor: float) -> Any:
    """Return the same for numbers of 24 bits, whose squares are exact."""
    square = x * x
    square *= factor
    return np.exp(square, out=square)


def ndtr(x: Any) -> Any:
    """Return the normal distribution, erfc(-x / sqrt(2)) / 2; in the tail without the rounding of x / sqrt(2)."""

    def tail(x: Any) -> Any:
        size = np.minimum(-x, 39.0)  # 0 from there on
        return 0.5 * exp_square(size, -0.5) * _erfc_over_exp(ROOT_HALF * size)

    return by_regime((x < -1.0, tail), (x >= -1.0, lambda x: 0.5 * _erfc_double(-ROOT_HALF * x)), x=(x,))


# ---- for float32 alone: one exponential and one quotient for the whole line
# exp(t*t/2) times the area of the normal density beyond t, 0 <= t <= 15, relative error 6.3e-9: a tenth of an ulp of
# float32. Fitted like those in ``kernels.py``.
_MILLS_SINGLE = (
    (0.004153218675705412, 0.04088104812532348, 0.18396889524715812, 0.43928309158938966, 0.5000000031506154),
    (0.01041046369522315, 0.10247970777901805, 0.4714080578392165, 1.2055472533071043, 1.6764511902209096, 1.0),
)
ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


def _tail_single(x: Any) -> tuple[Any, Any, Any]:
    """Return |x|, exp(-x*x/2), and Mills' quotient over sqrt(2 pi) there, to the digits of float32."""
    size = np.abs(x)
    if not size.max(initial=0.0) < 1e30:
        size = np.minimum(size, 1e30)  # infinities would give NaN, NaN stays what it is
    e = size * size
    e *= -0.5
    np.exp(e, out=e)
    quotient = horner(_MILLS_SINGLE[0], size)
    quotient /= horner(_MILLS_SINGLE[1], size)
    return size, e, quotient


def ndtr_single(x: Any) -> Any:
    """Return the normal distribution to the digits of float32."""
    _, e, quotient = _tail_single(x)
    quotient *= e
    return np.abs((x > 0) - quotient)


def gelu_single(x: Any) -> Any:
    """Return x times the normal distribution, max(x, 0) less |x| times the tail, to the digits of float32."""
    size, e, quotient = _tail_single(x)
    quotient *= e
    quotient *= size
    return np.maximum(x, 0.0) - quotient


def gelu_and_slope_single(x: Any) -> tuple[Any, Any]:
    """Return ``gelu_single`` and its derivative with one exponential: on the right 1 + (x density - tail), on the left
    minus the same."""
    size, e, quotient = _tail_single(x)
    slope = size * (1.0 / ROOT_TWO_PI)
    slope -= quotient
    slope *= e
    quotient *= e
    quotient *= size
    right = (x >= 0).astype(np.float64)
    slope *= right + right - 1.0
    slope += right
    return np.maximum(x, 0.0) - quotient, slope


def gelu(x: Any) -> Any:
    return np.maximum(x, -40.0) * ndtr(x)  # 0 from there on, also at -inf


def gelu_and_slope(x: Any) -> tuple[Any, Any]:
    area, inside = ndtr(x), np.clip(x, -40.0, 40.0)
    return np.maximum(x, -40.0) * area, area + inside * (exp_square(x, -0.5) * (1.0 / ROOT_TWO_PI))


def _erfcx_far(x: Any) -> Any:
    """Return exp(x*x) erfc(x) for large x (DLMF 7.12.1)."""
    half = 0.5 / (x * x)
    series = horner((10395.0, -945.0, 105.0, -15.0, 3.0, -1.0), half)
    return (1.0 + half * series) / (math.sqrt(math.pi) * x)


def erfcx(x: Any) -> Any:
    """Return exp(x*x) erfc(x)."""
    return by_regime(
        (x > 28.0, _erfcx_far),
        ((x >= 0.5) & (x <= 28.0), _erfc_over_exp),
        (x < 0.5, lambda x: exp_square(x, 1.0) * _erfc_double(x)),
        x=(x,),
    )


def scaled_integral(x: Any, n: int) -> Any:
    """Return exp(x*x) times the n-th repeated integral of erfc from x on (DLMF 7.18); order -1 is 2/sqrt(pi).

    On the left by the recurrence from order 0 up, on the right, where that cancels, by the continued fraction of the
    quotients of neighbours (both from DLMF 7.18.7).
    """

    def left(x: Any) -> Any:
        before, here = np.full_like(x, 2.0 / math.sqrt(math.pi)), erfcx(x)
        for k in range(1, n + 1):
            before, here = here, (before - 2.0 * x * here) / (2.0 * k)
        return here

    def right(x: Any) -> Any:
        depth = np.minimum((math.sqrt(2.0 * n) + 20.0 / x) ** 2 / 2.0 + n + 10.0, 1000.0)  # each element's own
        quotient, product = np.zeros_like(x), np.full_like(x, 2.0 / math.sqrt(math.pi))
        for k in range(int(np.max(depth)), -1, -1):  # of order k and k - 1
            quotient = np.where(k <= depth, 1.0 / (2.0 * x + 2.0 * (k + 1) * quotient), 0.0)
            if k <= n:
                product = product * quotient
        return product

    return by_regime((x < 0.7, left), (x >= 0.7, right), x=(x,))


# ---- the inverse: Wichura 1988, Algorithm AS 241, https://doi.org/10.2307/2347330, then one step of Newton's method
_CENTRE = (
    (
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608,
    ),
    (
        5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0,
    ),
)  # fmt: skip
_MIDDLE = (
    (
        7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
        3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
        0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0,
    ),
)  # fmt: skip
_OUTER = (
    (
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
        0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
    ),
    (
        2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
        0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0,
    ),
)  # fmt: skip


def _quotient(pair: Any, x: Any) -> Any:
    return horner(pair[0], x) / horner(pair[1], x)


def normal_quantile(q: Any, tail: Any) -> Any:
    """Return the x at which the normal distribution is p, from q = p - 1/2 and tail = min(p, 1 - p), both exact."""
    r = np.sqrt(-np.log(tail))
    far = np.where(r <= 5.0, _quotient(_MIDDLE, r - 1.6), _quotient(_OUTER, r - 5.0))
    far = far - (1.0 - tail / ndtr(-far)) * mills(far)  # to the last digit also where the fit is not
    y = np.where(np.abs(q) <= 0.425, q * _quotient(_CENTRE, 0.180625 - q * q), np.copysign(far, q))
    y = np.where(tail == 0, np.copysign(np.inf, q), y)
    return np.where((tail < 0) | np.isnan(q), np.nan, y)


def mills(x: Any) -> Any:
    """Return the area of the normal density beyond x, over the density at x."""
    return math.sqrt(0.5 * math.pi) * erfcx(ROOT_HALF * x)


def ndtri(p: Any) -> Any:
    return normal_quantile(p - 0.5, np.minimum(p, 1.0 - p))


def ndtri_slope(p: Any) -> Any:
    """Return the derivative of ndtri, which is 1 over the density there: by Mills' quotient, whose argument may be
    rounded."""
    tail = np.minimum(p, 1.0 - p)
    slope = mills(np.abs(ndtri(p))) / tail
    return np.where(tail == 0, np.inf, slope)


def erfinv(y: Any) -> Any:
    tail = 0.5 * (1.0 - np.abs(y))
    return ROOT_HALF * normal_quantile(0.5 * y, tail)


def erfcinv(y: Any) -> Any:
    return -ROOT_HALF * normal_quantile(0.5 * (y - 1.0), 0.5 * np.minimum(y, 2.0 - y))


def log_ndtr(x: Any) -> Any:
    """Return the log of the normal distribution; on the left by erfcx, on the right by log1p of the other tail."""
    return by_regime(
        (x < -1.0, lambda x: np.log(0.5 * erfcx(-ROOT_HALF * x)) - 0.5 * x * x),
        (x >= -1.0, lambda x: np.log1p(-ndtr(-x))),
        x=(x,),
    )


def ndtri_exp(y: Any) -> Any:
    """Return the inverse of log_ndtr: by ndtri of the tail that has its digits, far left by Newton's method from the
    left, where log_ndtr lies below its tangents."""

    def far(y: Any) -> Any:
        x = -np.sqrt(-2.0 * y)  # exp(-x²/2) / 2 is an upper bound of the tail
        for _ in range(6):
            x = x - (log_ndtr(x) - y) * math.sqrt(0.5 * math.pi) * erfcx(-ROOT_HALF * x)
        return x

    return by_regime(
        ((y < -20.0) & np.isfinite(y), far),
        ((y >= -20.0) & (y < -0.7), lambda y: ndtri(np.exp(y))),
        ((y >= -0.7) & (y <= 0), lambda y: -ndtri(-np.expm1(y))),
        (np.isneginf(y), lambda y: y),
        x=(y,),
    )


_NODES, _WEIGHTS = tanh_sinh(1 / 16)


def exp_integral(x: Any, m: int) -> Any:
    """Return the integral of t**m exp(x t) over 0..1: exprel for m = 0, its m-th derivative otherwise."""

    def near(x: Any) -> Any:
        return integral(lambda x: np.exp(x * _NODES), _WEIGHTS * _NODES**m, x)

    def far(x: Any) -> Any:
        e = np.exp(x)
        y = np.where(np.isposinf(x), x, np.expm1(x) / x)
        for k in range(1, m + 1):
            y = np.where(np.isposinf(y), y, (e - k * y) / x)
        return y

    return by_regime((np.abs(x) <= 20.0 + m, near), (np.abs(x) > 20.0 + m, far), x=(x,))


# ---- Dawson's integral
def dawsn(x: Any, m: int) -> Any:
    """Return the m-th derivative of exp(-x*x) times the integral of exp(t*t) over 0..x.

    Near by integrals of positive terms, for m = 1 of 1 - 2 x dawsn(x) as one integral; then by the recurrence of
    derivatives. Far out by the asymptotic series (DLMF 7.12), term by term.
    """
    if m > 1:

        def near(x: Any) -> Any:
            return -2.0 * ((m - 1) * dawsn(x, m - 2) + x * dawsn(x, m - 1))

    elif m == 1:

        def near(x: Any) -> Any:
            square = x * x
            missing = integral(lambda s: np.exp(-2.0 * s * _NODES) * np.expm1(s * _NODES**2), _WEIGHTS, square)
            return np.exp(-2.0 * square) - 2.0 * square * missing

    else:

        def near(x: Any) -> Any:
            return x * integral(lambda x: np.exp(-x * x * (_NODES * (2.0 - _NODES))), _WEIGHTS, x)

    def far(x: Any) -> Any:
        term = (-1.0) ** m * math.factorial(m) * 0.5 / x ** (m + 1)
        total = term
        for k in range(1, 32):
            term = term * ((k - 0.5) * (2 * k + m - 1) * (2 * k + m) / (2 * k * (2 * k - 1.0))) / (x * x)
            total = total + term
        return total

    return by_regime(
        (np.abs(x) < 7.0, near),
        ((np.abs(x) >= 7.0) & np.isfinite(x), far),
        (np.isinf(x), lambda x: np.copysign(0.0, x)),
        x=(x,),
    )


# ---- Owen's function
def owens_t(h: Any, a: Any) -> Any:
    """Return 1 / (2 pi) times the integral of exp(-h*h / (2 cos(angle)**2)) over 0..arctan(a): a positive integrand."""
    h, sign, a = np.abs(h), np.sign(a), np.abs(a)
    far = a * h > 9.6  # beyond, the integrand is below e**-46 of its start
    width = np.where(far, np.arctan2(9.6, h), np.arctan(a))
    rest = np.where(far, np.arctan2(h, 9.6), np.arctan2(1.0, a))  # up to a right angle

    def integrand(h: Any, width: Any, rest: Any) -> Any:
        from_right = rest + width * _NODES  # a right angle less the angle
        return np.exp(-0.5 * np.square(h / np.tan(from_right)))

    y = sign * width / (2.0 * math.pi) * exp_square(h, -0.5) * integral(integrand, _WEIGHTS, h, width, rest)
    return np.where(np.isinf(h) & ~np.isnan(a), 0.0, y)
