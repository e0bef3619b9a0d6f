"""The line search of LBFGS: a step along a direction that fulfils the strong Wolfe conditions.

Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 3.5 (bracket) and 3.6 (zoom), with the cubic of
equation 3.59 for every trial. The order of the decisions is that of `torch.optim.LBFGS`, so that both evaluate
the same points. The caller replaces a NaN value by infinity: the step then gets shorter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from numpy.typing import NDArray

__all__ = ["Point", "strong_wolfe"]

DECREASE, CURVATURE = 1e-4, 0.9  # c1 and c2: Nocedal and Wright, section 3.1
NARROW = 1e-9  # no coordinate moves further inside a bracket that is left alone


class Point(NamedTuple):
    """A trial: the step, the value, the gradient there, and its slope along the direction."""

    step: float
    value: float
    gradient: NDArray[Any]
    slope: float


def strong_wolfe(at: Callable[[float], Point], start: Point, step: float, widest: float, most: int) -> Point:
    """Return a point with value <= start.value + c1 step start.slope and |slope| <= c2 |start.slope|.

    at: evaluates a step. start: the point at step 0, whose slope is negative. step: the first trial. widest: the
    largest entry of the direction. most: number of trials after the first one; then the best point is returned.
    """
    before, now = start, at(step)
    for count in range(most):
        if _too_high(now, start) or (count > 1 and now.value >= before.value):
            return _zoom(at, start, [before, now], widest, most - count)
        if _flat(now, start):
            return now
        if now.slope >= 0:
            return _zoom(at, start, [before, now], widest, most - count)
        further = _lowest(before, now, now.step + 0.01 * (now.step - before.step), 10 * now.step)
        before, now = now, at(further)
    return start if start.value <= now.value else now


def _zoom(at: Callable[[float], Point], start: Point, pair: list[Point], widest: float, most: int) -> Point:
    """Shrink a bracket around a point that fulfils the conditions."""
    slow = False  # whether the last trial lay near an end of the bracket
    low = 0 if pair[0].value <= pair[1].value else 1
    for _ in range(most):
        left, right = sorted(p.step for p in pair)
        if (right - left) * widest < NARROW:
            break
        step, margin = _lowest(pair[0], pair[1], left, right), 0.1 * (right - left)
        near = min(right - step, step - left) < margin
        if near and (slow or not left < step < right):
            step, near = (right - margin if abs(step - right) < abs(step - left) else left + margin), False
        slow, now = near, at(step)
        if _too_high(now, start) or now.value >= pair[low].value:
            pair[1 - low] = now
            low = 0 if pair[0].value <= pair[1].value else 1
            continue
        if _flat(now, start):
            return now
        if now.slope * (pair[1 - low].step - pair[low].step) >= 0:
            pair[1 - low] = pair[low]
        pair[low] = now
    return pair[low]


def _too_high(now: Point, start: Point) -> bool:
    return now.value > start.value + DECREASE * now.step * start.slope


def _flat(now: Point, start: Point) -> bool:
    return abs(now.slope) <= -CURVATURE * start.slope


def _lowest(a: Point, b: Point, least: float, most: float) -> float:
    """Return where the cubic through two points with their slopes is lowest, within bounds.

    Where it has no minimum, return the middle of the bounds.
    """
    p, q = (a, b) if a.step <= b.step else (b, a)
    d1 = p.slope + q.slope - 3 * (p.value - q.value) / (p.step - q.step)
    square = d1 * d1 - p.slope * q.slope
    if not 0 <= square < math.inf:
        return (least + most) / 2
    d2 = math.sqrt(square)
    bottom = q.slope - p.slope + 2 * d2
    if not bottom:
        return (least + most) / 2
    return min(max(q.step - (q.step - p.step) * ((q.slope + d2 - d1) / bottom), least), most)
