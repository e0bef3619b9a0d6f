"""Values of Lambert's function on complex arrays. Numbers in, numbers out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

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
