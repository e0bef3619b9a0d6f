"""Values of Airy functions on flat float64 arrays, from Bessel functions of order 1/3 and 2/3 (DLMF 9.6). Numbers in,
numbers out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..blocks import by_regime, integral, tanh_sinh
from .modified_bessel import first, macdonald

NODES, WEIGHTS = tanh_sinh(1 / 32)


def _third(y: Any, order: float) -> Any:
    """Return the Hankel function of the first kind of order 1/3 or 2/3 for y > 0, by K of an imaginary argument: its
    integral (DLMF 10.32.8, turned) with t = r**6, in which nothing is singular near the positive axis.
    """
    power = order - 0.5
    length = 45.0 ** (1.0 / 6.0)
    r = NODES * length
    t = r**6
    weights = WEIGHTS * (6.0 * length * np.exp(-t) * r ** (5.0 + 6.0 * power))

    def part(name: str) -> Any:
        return integral(lambda y: getattr((1.0 + t * 1j / (2.0 * y)) ** power, name), weights, y)

    total = part("real") + 1j * part("imag")
    k = np.sqrt(math.pi / (2.0 * y)) * total / math.gamma(order + 0.5)  # times exp(i (pi/4 + y))
    phase = y + 0.25 * math.pi - 0.5 * math.pi * (1.0 + order)
    return (2.0 / math.pi) * k * (np.cos(phase) + 1j * np.sin(phase))


def airy(x: Any, which: int) -> Any:
    """Return Ai, its derivative, Bi and its derivative, for which = 0, 1, 2, 3 (DLMF 9.6)."""
    prime, second = which % 2, which // 2
    order = (1.0 + prime) / 3.0

    def right(x: Any) -> Any:
        zeta = x * np.sqrt(x) * (2.0 / 3.0)
        v = np.full_like(x, order)
        k = macdonald(v, zeta, 0, 0, False)
        size = x / math.sqrt(3.0) if prime else np.sqrt(x / 3.0)
        if not second:
            return (-1.0 if prime else 1.0) / math.pi * size * k
        return size * (2.0 * first(v, zeta, 0, False) + math.sqrt(3.0) / math.pi * k)

    def left(x: Any) -> Any:
        size = -x
        zeta = size * np.sqrt(size) * (2.0 / 3.0)
        turn = math.pi / 6.0 * ((-1.0 if prime else 1.0) + 3.0 * second)
        wave = _third(zeta, order) * (math.cos(turn) + 1j * math.sin(turn))
        return (size / math.sqrt(3.0) if prime else np.sqrt(size / 3.0)) * wave.real

    def near(x: Any) -> Any:
        """Sum powers of x (DLMF 9.4)."""
        cube = x * x * x
        f, g = np.zeros_like(x), np.zeros_like(x)
        a, b = np.ones_like(x), np.ones_like(x)
        for k in range(24):
            f = f + (a * 3 * k if prime else a)
            g = g + (b * (3 * k + 1) if prime else b)
            a, b = a * cube / ((3 * k + 2) * (3 * k + 3)), b * cube / ((3 * k + 3) * (3 * k + 4))
        f, g = (np.where(x == 0, 0.0, f / np.where(x == 0, 1.0, x)), g) if prime else (f, x * g)
        c, d = 1.0 / (3.0 ** (2 / 3) * math.gamma(2 / 3)), 1.0 / (3.0 ** (1 / 3) * math.gamma(1 / 3))
        return math.sqrt(3.0) * (c * f + d * g) if second else c * f - d * g

    end = np.inf if second else 0.0
    return by_regime(
        ((x > 0.5) & np.isfinite(x), right),
        (np.abs(x) <= 0.5, near),
        ((x < -0.5) & np.isfinite(x), left),
        (np.isposinf(x), lambda x: np.full_like(x, end)),
        (np.isneginf(x), np.zeros_like),
        x=(x,),
    )
