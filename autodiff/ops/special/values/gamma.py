"""Values of the gamma family on flat float64 arrays: gamma, its logarithm and the derivatives of that, beta.
Numbers in, numbers out: no graphs and no derivatives.

Between 1 and 2 (for gammaln between 1.5 and 2.5) a polynomial fitted at 60 digits, with the zeros of the function taken
out as factors; from there by the recurrence in x; from 8 on Stirling's series (NIST DLMF 5.11); on the left the
reflection formula (DLMF 5.5.3). Differences of large values that are close to each other are never formed: a logarithm
of a quotient 1 + u is ``log1p(u)``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..blocks import by_regime, horner

DIGAMMA_ROOT = (1.4616321449683622, 9.549995429965697e-17)  # its leading and trailing digits
# gammaln(2 + z) / z for |z| <= 1/2, relative error 3.0e-19
LGAMMA = (
    6.379047507619774e-08, -1.3412819758517287e-07, 2.0304806751615227e-07, -4.303558760359961e-07,
    9.578663334114758e-07, -2.0449201467015115e-06, 4.374374916915131e-06, -9.438458716242811e-06,
    2.050726741605779e-05, -4.4926351103833334e-05, 9.945750909889392e-05, -0.00022315475074520367,
    0.0005096695248853096, -0.0011927539120010226, 0.002890510330738737, -0.0073855510286681535,
    0.02058080842778457, -0.06735230105319814, 0.3224670334241132, 0.42278433509846713,
)  # fmt: skip
# (gamma(1.5 + t) - 1) / (t*t - 1/4) for |t| <= 1/2, relative error 2.5e-17
GAMMA = (
    -0.00012651977196833709, 0.00018977929146376098, -0.00011070333461605974, 0.00016605321589813066,
    -0.0003523668923580547, 0.0005285388837368686, -0.0007581226679561294, 0.0011371126259568285,
    -0.0017127104712047225, 0.0025686225186555634, -0.003850840721538205, 0.005773590041290861,
    -0.008652932503980443, 0.01296592934174182, -0.019385675690670352, 0.029079087968008163,
    -0.042848354493856045, 0.0658800758336633, -0.08823514092306518, 0.16111537800265782,
    -0.12935358979554007, 0.45509229818896796,
)  # fmt: skip
# digamma(1.5 + t) / (1.5 + t - root) for |t| <= 1/2, relative error 1.6e-17
DIGAMMA = (
    -0.00017312261802727394, 0.00025968482126430747, -0.00015148586836773365, 0.0002272331660987376,
    -0.0004821990530566789, 0.0007233266279287554, -0.0010376374098418604, 0.0015566317474486838,
    -0.002345267632540769, 0.003519006401502276, -0.005279964873257405, 0.007926944646403797,
    -0.011908218001568644, 0.0179072524394512, -0.02697579675613825, 0.04076083381242074,
    -0.061922133273064534, 0.09498872445494122, -0.14840492305390884, 0.2405424842407742,
    -0.4236274212814605, 0.951055876031833,
)  # fmt: skip
# B(2j) / (2j (2j - 1)): gammaln(x) = (x - 1/2) log x - x + log(2 pi)/2 + sum of these over x**(2j - 1)
STIRLING = (
    1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400, 43867 / 244188,
    -174611 / 125400,
)  # fmt: skip
BERNOULLI = tuple([c * 2 * j * (2 * j - 1) for j, c in enumerate(STIRLING, 1)])  # B(2), B(4), ...
HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
FAR = 8.0  # from here on ten terms of Stirling's series are exact


def tail(x: Any) -> Any:
    """Return the remainder of Stirling's formula for gammaln(x), x >= 8."""
    inverse = 1.0 / x
    return horner(STIRLING[::-1], inverse * inverse) * inverse


def _tail_difference(a: Any, b: Any) -> Any:
    """Return ``tail(a + b) - tail(a)`` without cancellation, a >= 8, b >= 0."""
    rise = np.log1p(b / a)
    return sum(c * a ** (1 - 2 * j) * np.expm1((1 - 2 * j) * rise) for j, c in reversed([*enumerate(STIRLING, 1)]))


def _from_pole(x: Any) -> Any:
    """Return sin(pi x) up to its sign, exact near the integers."""
    return np.sin(math.pi * (x - np.rint(x)))


# ---- gamma and gammaln
def _gammaln_from_two(z: Any) -> Any:
    """Return gammaln(2 + z) for |z| <= 1/2."""
    return z * horner(LGAMMA, z)


def _gammaln_middle(x: Any) -> Any:
    """Return gammaln for 1.5 <= x < 8: down by the recurrence, every factor exact."""
    product, x = np.ones_like(x), x.copy()
    while True:
        high = x >= 2.5
        if not high.any():
            return _gammaln_from_two(x - 2.0) + np.log(product)
        x -= high
        product *= np.where(high, x, 1.0)


def _gammaln_far(x: Any) -> Any:
    return (x - 0.5) * (np.log(x) - 1.0) + (HALF_LOG_2PI - 0.5) + tail(x)


def _gammaln_left(x: Any) -> Any:
    """Return log |gamma(x)| by reflection, +inf at the poles."""
    pole = np.isinf(x) | (x == np.rint(x))
    y = math.log(math.pi) - np.log(np.abs(_from_pole(x))) - np.log(-x) - gammaln(-x)
    return np.where(pole, np.inf, y)


def gammaln(x: Any) -> Any:
    return by_regime(
        (x >= FAR, _gammaln_far),
        ((x >= 1.5) & (x < FAR), _gammaln_middle),
        ((x >= 0.5) & (x < 1.5), lambda x: _gammaln_from_two(x - 1.0) - np.log1p(x - 1.0)),
        ((x > 0) & (x < 0.5), lambda x: _gammaln_from_two(x) - np.log1p(x) - np.log(x)),
        (x < 0, _gammaln_left),
        (x == 0, lambda x: np.full_like(x, np.inf)),
        x=(x,),
    )


def _gamma_middle(x: Any) -> Any:
    """Return gamma for 0 < x < 8: from the polynomial between 1 and 2 by the recurrence."""
    small = x < 1.0
    product, z = np.where(small, 1.0 / x, 1.0), np.where(small, x, x - 1.0)
    while True:
        high = z > 1.0
        if not high.any():
            t = z - 0.5
            return (1.0 + z * (z - 1.0) * horner(GAMMA, t)) * product
        product *= np.where(high, z, 1.0)
        z = z - high


def _gamma_far(x: Any) -> Any:
    half = x ** (0.5 * x - 0.25)  # the whole power would overflow before gamma does
    return math.sqrt(2.0 * math.pi) * (half * np.exp(-x)) * half * np.exp(tail(x))


def _gamma_left(x: Any) -> Any:
    sign = 1.0 - 2.0 * np.abs(np.fmod(np.rint(x), 2.0))
    y = -math.pi / (sign * _from_pole(x) * x) / gamma(-x)
    return np.where(x == np.rint(x), np.nan, y)


def gamma(x: Any) -> Any:
    return by_regime(
        ((x >= FAR) & (x < 172.0), _gamma_far),
        (x >= 172.0, lambda x: np.full_like(x, np.inf)),
        ((x > 0) & (x < FAR), _gamma_middle),
        (x < 0, _gamma_left),
        (x == 0, lambda x: np.copysign(np.inf, x)),
        x=(x,),
    )


def rgamma(x: Any) -> Any:
    """Return 1 / gamma(x), x > 0."""
    return np.where(x > 0, 1.0 / gamma(x), np.nan)


# ---- derivatives of gammaln
def _digamma_near(x: Any) -> Any:
    """Return digamma for 1 <= x <= 2."""
    return ((x - DIGAMMA_ROOT[0]) - DIGAMMA_ROOT[1]) * horner(DIGAMMA, x - 1.5)


def _digamma_middle(x: Any) -> Any:
    total, x = np.zeros_like(x), x.copy()
    while True:
        high = x > 2.0
        if not high.any():
            return _digamma_near(x) + total
        x -= high
        total += np.where(high, 1.0 / x, 0.0)


def _digamma_far(x: Any) -> Any:
    square = (1.0 / x) ** 2
    series = horner(tuple([b / (2 * j) for j, b in enumerate(BERNOULLI, 1)])[::-1], square) * square
    return np.log(x) - (0.5 / x + series)


def _digamma_left(x: Any) -> Any:
    y = digamma(-x) - 1.0 / x - math.pi / np.tan(math.pi * (x - np.rint(x)))
    return np.where(x == np.rint(x), np.nan, y)


def digamma(x: Any) -> Any:
    return by_regime(
        (x >= FAR, _digamma_far),
        ((x >= 1) & (x < FAR), _digamma_middle),
        ((x > 0) & (x < 1), lambda x: _digamma_near(x + 1.0) - 1.0 / x),
        (x < 0, _digamma_left),
        (x == 0, lambda x: np.copysign(np.inf, -x)),
        x=(x,),
    )


def zeta(s: Any, q: Any) -> Any:
    """Return Hurwitz's zeta, the sum of (q + k)**-s over k >= 0, by the Euler-Maclaurin formula (DLMF 25.11.28
    differentiated)."""
    # how many terms are summed before the formula is used: a count for each element, independent of its neighbours
    count = 10.0 + np.ceil(np.clip(s, 1.0, 60.0)) + np.clip(np.ceil(-q), 0.0, 1000.0)
    count = np.where(np.isnan(count), 10.0, count)
    far = q + count
    term = far**-s
    y, factor = 0.5 * term + far * term / (s - 1.0), s * term / far
    for j, b in enumerate(BERNOULLI, 1):
        y = y + factor * (b / math.factorial(2 * j))
        factor = factor * ((s + (2 * j - 1)) * (s + 2 * j)) / (far * far)
    for k in range(int(np.max(count, initial=0.0)) - 1, -1, -1):  # the largest last
        y = y + np.where(k < count, (q + k) ** -s, 0.0)
    y = np.where(np.isposinf(s), np.where(q > 1, 0.0, np.where(q == 1, 1.0, np.inf)), y)
    return np.where(s == 1, np.inf, np.where((s < 1) | (q < -1000.0), np.nan, y))


def zeta_log_moment(s: Any, q: Any, m: int) -> Any:
    """Return the sum of (q + k)**-s log(q + k)**m, for m >= 1: zeta m times differentiated in -s, by the same formula.

    The r-th derivative of t**-s log(t)**m is t**-(s + r) times a polynomial in log t, whose coefficients (of the powers
    0 to m) follow from those before.
    """
    count = 10.0 + np.ceil(np.clip(np.where(np.isnan(s), 1.0, s), 1.0, 60.0))
    far = q + count
    log, term = np.log(far), far**-s
    whole, factor = np.zeros_like(far), 1.0 / (s - 1.0)
    for j in range(m + 1):
        whole = whole + factor * log ** (m - j)
        factor = factor * (m - j) / (s - 1.0)
    y = 0.5 * term * log**m + far * term * whole
    polynomial = [np.zeros_like(far) for _ in range(m)] + [np.ones_like(far)]
    for r in range(2 * len(BERNOULLI) - 1):
        slope = [(i + 1) * c for i, c in enumerate(polynomial[1:])] + [0.0]
        polynomial = [(d - (s + r) * c) / far for c, d in zip(polynomial, slope)]
        if r % 2 == 0:
            number = BERNOULLI[r // 2] / math.factorial(r + 2)
            y = y - number * term * sum(c * log**i for i, c in enumerate(polynomial))
    for k in range(int(np.max(count, initial=0.0)) - 1, -1, -1):  # the largest last
        y = y + np.where(k < count, (q + k) ** -s * np.log(q + k) ** m, 0.0)
    y = np.where(np.isposinf(s), np.where(q >= 1, 0.0, (-1.0) ** m * np.inf), y)
    return np.where(s == 1, np.inf, np.where((s < 1) | (q <= 0), np.nan, y))


def polygamma(x: Any, n: int) -> Any:
    if n == 0:
        return digamma(x)
    y = (-1.0) ** (n + 1) * math.gamma(n + 1.0) * zeta(np.full_like(x, n + 1.0), x)
    return np.where(np.isposinf(x), 0.0, y)


def polygamma_difference(a: Any, b: Any, n: int) -> Any:
    """Return polygamma(n, a + b) - polygamma(n, a), for a > 0 and b >= 0: every pair of terms by itself."""
    count = 10 + n
    far = a + count
    rise = np.log1p(b / far)
    if n == 0:
        y = rise + b / (2.0 * far * (far + b))
        for j, number in enumerate(BERNOULLI, 1):
            y = y - number / (2 * j) * far ** (-2 * j) * np.expm1(-2 * j * rise)
        for k in range(count - 1, -1, -1):
            y = y + b / ((a + k) * (a + k + b))
        return y
    s = n + 1

    def power(p: int) -> Any:
        return np.expm1(-p * rise) * far**-p

    y, factor = 0.5 * power(s) + power(s - 1) / (s - 1), float(s)
    for j, number in enumerate(BERNOULLI, 1):
        y = y + factor * number / math.factorial(2 * j) * power(s + 2 * j - 1)
        factor *= (s + 2 * j - 1) * (s + 2 * j)
    for k in range(count - 1, -1, -1):
        y = y + np.expm1(-s * np.log1p(b / (a + k))) * (a + k) ** -float(s)
    return (-1.0) ** (n + 1) * math.gamma(n + 1.0) * y


# ---- beta
def _betaln_far(low: Any, high: Any) -> Any:
    """Return betaln for high >= 8: gammaln(high + low) - gammaln(high) is made of log1p(low / high)."""
    rise = np.log1p(low / high)
    gap = (high - 0.5) * rise + low * (np.log(high + low) - 1.0) + _tail_difference(high, low)
    return gammaln(low) - gap


def _betaln_both_far(low: Any, high: Any) -> Any:
    rise = np.log1p(low / high)
    y = -(high - 0.5) * rise - low * np.log1p(high / low) - 0.5 * np.log(low) + HALF_LOG_2PI
    return y + (tail(low) - _tail_difference(high, low))


def betaln(a: Any, b: Any) -> Any:
    low, high = np.minimum(a, b), np.maximum(a, b)
    far = (high >= FAR) & (low > -0.5 * high)  # a negative one may stand beside a large one
    return by_regime(
        ((high < FAR) | ~far, lambda low, high: gammaln(low) + gammaln(high) - gammaln(low + high)),
        (far & (low < FAR) & np.isfinite(high), _betaln_far),
        ((low >= FAR) & np.isfinite(high), _betaln_both_far),
        ((low > 0) & np.isposinf(high), lambda low, high: np.full_like(low, -np.inf)),
        x=(low, high),
    )


def _sign_of_gamma(x: Any) -> Any:
    return np.where((x < 0) & (np.mod(np.floor(x), 2.0) != 0), -1.0, 1.0)


def _beta_near(low: Any, high: Any) -> Any:
    """Return beta by gamma, whose argument low + high is rounded: a factor corrects that."""
    both = low + high
    lost = low - (both - high)
    correction = np.where(lost == 0, 0.0, lost * digamma(both))
    of_low, of_high, of_both = gamma(np.concatenate([low, high, both])).reshape(3, -1)  # at the price of one call
    return of_high / of_both * of_low * (1.0 - correction)


def beta(a: Any, b: Any) -> Any:
    low, high = np.minimum(a, b), np.maximum(a, b)
    return by_regime(
        ((a + b < 170) & (high < 170), _beta_near),
        (
            (a + b >= 170) | (high >= 170),
            lambda low, high: _sign_of_gamma(low) * _sign_of_gamma(low + high) * np.exp(betaln(low, high)),
        ),
        x=(low, high),
    )


def poch(z: Any, m: Any) -> Any:
    """Return gamma(z + m) / gamma(z), for z > 0 and m >= 0."""

    def near(z: Any, m: Any) -> Any:
        both = z + m
        high, low = np.maximum(z, m), np.minimum(z, m)
        lost = low - (both - high)
        top, bottom = gamma(np.concatenate([both, z])).reshape(2, -1)
        return top / bottom * (1.0 + np.where(lost == 0, 0.0, lost * digamma(both)))

    inside = (z > 0) & (m >= 0)
    return by_regime(
        (inside & (m == 0), lambda z, m: np.ones_like(z)),
        (inside & (m > 0) & (z + m < 170.0), near),
        (inside & (m > 0) & (z + m >= 170.0), lambda z, m: np.exp(gammaln(m) - betaln(z, m))),
        x=(z, m),
    )
