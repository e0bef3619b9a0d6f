"""Values of Faddeeva's function w(z) = exp(-z²) erfc(-iz), of its derivatives, and of Lambert's function, on complex
arrays. Numbers in, numbers out.

Faddeeva's by the midpoint or the trapezoidal rule on (iz / pi) ∫ exp(-t²) / (z² - t²) with the term of the pole at z
(Al Azah and Chandler-Wilde 2021, https://doi.org/10.1137/20M1373037): a dozen nodes give rounding errors everywhere in
the first quadrant. The real part is summed by itself: all its terms are positive, so a line far from its centre keeps
its digits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

STEP = math.sqrt(math.pi / 12.0)
PLACES = STEP * (np.arange(12)[:, None] + 0.5)  # of the midpoint rule; the other one has them between
FAR = 3.0  # from here on derivatives have integrals of their own
_ROOT_PI = math.sqrt(math.pi)


def _sum(x: Any, y: Any, places: Any) -> Any:
    """Return 2 STEP / pi times the sum of iz exp(-t²) / (z² - t²) over the places t."""
    square = places * places
    weight = np.exp(-square) / (((x - places) ** 2 + y * y) * ((x + places) ** 2 + y * y))
    size = x * x + y * y
    real, imaginary = y * np.sum(weight * (size + square), axis=0), x * np.sum(weight * (size - square), axis=0)
    return 2.0 * STEP / math.pi * (real + 1j * imaginary)


def _between(x: Any, y: Any) -> Any:
    """Return where a place of the midpoint rule is near, so that the trapezoidal rule is taken."""
    phase = x / STEP - np.floor(x / STEP)
    return (y < x) & (phase >= 0.25) & (phase <= 0.75)


def _quadrant(x: Any, y: Any) -> Any:
    """Return w(x + iy) for x, y >= 0."""
    z = x + 1j * y
    between = _between(x, y)
    turn = np.exp(-2j * math.pi / STEP * z)
    pole = 2.0 * np.exp(-z * z)
    pole = np.where(y >= np.maximum(x, math.pi / STEP), 0.0, pole / np.where(between, 1.0 - turn, 1.0 + turn))
    whole = _sum(x, y, PLACES + 0.5 * STEP) + 1j * STEP / (math.pi * np.where(between, z, 1.0))
    return np.where(between, whole, _sum(x, y, PLACES)) + pole


def _gauss(z: Any, n: int) -> Any:
    """Return the n-th derivative of exp(-z²)."""
    below, here = np.zeros_like(z), np.exp(-z * z)
    for k in range(n):
        below, here = here, -2.0 * (z * here + k * below)
    return here


def _far(z: Any, n: int) -> Any:
    """Return the n-th derivative by the integral of exp(-t²) / (z - t)**(n + 1), Re z >= 0, with that of the pole.

    The latter is 2 exp(-z²) q, and q' = (2 pi i / STEP) q (1 - q): derivatives of q are polynomials in q.
    """
    between, turn = _between(z.real, z.imag), np.exp(-2j * math.pi / STEP * z)
    places = np.concatenate([-PLACES[::-1], PLACES])
    total = np.sum(np.exp(-places * places) / (z - places) ** (n + 1), axis=0)
    places = np.concatenate([places[:1] - 0.5 * STEP, places + 0.5 * STEP])
    other = np.sum(np.exp(-places * places) / (z - places) ** (n + 1), axis=0)
    total = np.where(between, other, total) * (1j * STEP / math.pi * (-1.0) ** n * math.factorial(n))
    q, pole, polynomial = 1.0 / np.where(between, 1.0 - turn, 1.0 + turn), 0.0, np.polynomial.Polynomial([0.0, 1.0])
    for j in range(n + 1):
        pole = pole + 2.0 * math.comb(n, j) * (2j * math.pi / STEP) ** j * polynomial(q) * _gauss(z, n - j)
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([0.0, 1.0, -1.0])
    return total + np.where(z.imag >= np.maximum(z.real, math.pi / STEP), 0.0, pole)


def _upper(z: Any, n: int) -> Any:
    """Return the n-th derivative for Im z >= 0."""
    left = z.real < 0
    z = np.where(left, -np.conj(z), z)
    y = _quadrant(z.real, z.imag)
    if n:
        below, y = y, -2.0 * z * y + 2j / _ROOT_PI
        for k in range(1, n):
            below, y = y, -2.0 * (z * y + k * below)
        y = np.where(np.abs(z) > FAR, _far(z, n), y)  # where these cancel
    beyond = np.abs(z) > 1e9  # all of it is the first term
    first = 1j / _ROOT_PI * (-1.0) ** n * math.factorial(n) / np.where(beyond, z, 1.0) ** (n + 1)
    y = np.where(beyond, first, y)
    return np.where(left, (-1.0) ** n * np.conj(y), y)


def faddeeva(z: Any, n: int) -> Any:
    """Return the n-th derivative of w, for flat complex z; in the lower half plane w(z) = 2 exp(-z²) - w(-z)."""
    lower = z.imag < 0
    y = _upper(np.where(lower, -z, z), n)
    return np.where(lower, 2.0 * _gauss(z, n) - (-1.0) ** n * y, y) if lower.any() else y


# ---- Lambert's function
BRANCH = (-0.36787944117144233, 1.2428753672788363e-17)  # -1 / e, its leading and its trailing digits


def lambertw(z: Any, k: int) -> Any:
    """Return the k-th w with w exp(w) = z, by Halley's method (Corless et al. 1996, https://doi.org/10.1007/BF02124750).

    From the branch point on by powers of the distance's root, elsewhere from log z + 2 pi i k - log(log z + 2 pi i k).
    """
    distance = (z - BRANCH[0]) - BRANCH[1]
    root = np.sqrt(2.0 * math.e * distance)
    far = np.log(z) + 2j * math.pi * k
    real_side = (z.imag == 0) & (z.real < 0) & (z.real > BRANCH[0]) & (k == -1)  # the branch that is real there
    far = np.where(real_side, np.log(-z), far)
    start = far - np.where(real_side, np.log(-far), np.log(far))
    if k == 0:  # not beside the cut: there log(1 + z) is real, and no step would leave the axis
        start = np.where((np.abs(z) < 1.5) & (z.real > -0.2 - 2.5 * np.abs(z.imag)), np.log1p(z), start)
    turned = {0: np.ones(z.shape, bool), -1: z.imag >= 0, 1: z.imag < 0}.get(k, np.zeros(z.shape, bool))
    p = root if k == 0 else -root
    w = np.where((np.abs(distance) < 0.3) & turned, -1.0 + p * (1.0 - p * (1 / 3 - p * (11 / 72))), start)
    done = (z == 0) | (distance == 0) | ~np.isfinite(z)
    for _ in range(40):
        e = np.exp(w)
        gap = w * e - z
        step = gap / (e * (w + 1.0) - (w + 2.0) * gap / (2.0 * w + 2.0))
        w, done = np.where(done, w, w - step), done | ~(np.abs(step) > 4e-16 * np.abs(w))
        if done.all():
            break
    # the steps have found no root; one with a phase of many turns has fewer digits, and passes
    lost = (np.abs(w * np.exp(w) - z) > 1e-9 * (1.0 + np.abs(w)) * np.abs(z)) & (np.abs(z) > 1e-307)
    w = np.where(lost, np.nan, w)
    w = np.where(z == 0, 0.0 if k == 0 else -np.inf, np.where((distance == 0) & turned, -1.0, w))
    return np.where(np.isnan(z), np.nan, np.where(np.isinf(z), far, w))
