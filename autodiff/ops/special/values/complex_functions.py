"""Values of Faddeeva's function w(z) = exp(-z²) erfc(-iz) and of its derivatives on complex arrays. Numbers in, numbers
out.

By the midpoint or the trapezoidal rule on (iz / pi) ∫ exp(-t²) / (z² - t²) with the term of the pole at z (Al Azah and
Chandler-Wilde 2021, https://doi.org/10.1137/20M1373037): a dozen nodes give rounding errors everywhere in the first
quadrant. The real part is summed by itself: all its terms are positive, so a line far from its centre keeps its digits.
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
